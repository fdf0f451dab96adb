"""The OpenTelemetry Collector, which receives spans in the tests of traces."""

import tempfile
from pathlib import Path

from lab.toolchain import golang
from lab.toolchain.install import Family, Way, resolve


def _build(target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        main = golang.copy_module("otelcol-contrib", Path(temporary))
        golang.install(main, ["."], target)


# The distribution with the file exporter. The build has only the components that the tests use.
OTELCOL = Family(
    name="otelcol-contrib",
    # Newer versions need modules that not every module proxy serves.
    # renovate: datasource=github-releases depName=open-telemetry/opentelemetry-collector-releases
    version="0.162.0",
    programs=("otelcol-contrib",),
    version_arguments=("--version",),
    accepts=lambda version: version >= (0, 100, 0),
    wants="0.100 or newer",
    ways=(Way("building it from its Go modules (1 minute, once)", _build),),
)


def otelcol() -> Path:
    return resolve(OTELCOL, "otelcol-contrib")

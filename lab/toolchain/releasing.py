"""Programs that check the workflows and publish releases."""

import tempfile
from pathlib import Path

from lab.toolchain import golang
from lab.toolchain.install import Family, Way, resolve


def _from_module(name: str) -> Way:
    def build(target: Path) -> None:
        with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
            golang.install(golang.copy_module(name, Path(temporary)), ["tool"], target)

    return Way("building it from its Go module (seconds, once)", build)


ACTIONLINT = Family(
    name="actionlint",
    # renovate: datasource=go depName=github.com/rhysd/actionlint
    version="1.7.12",
    programs=("actionlint",),
    version_arguments=("--version",),
    accepts=lambda version: version >= (1, 7, 12),
    wants="1.7.12 or newer",
    ways=(_from_module("actionlint"),),
)

CRANE = Family(
    name="crane",
    # renovate: datasource=go depName=github.com/google/go-containerregistry
    version="0.22.1",
    programs=("crane",),
    version_arguments=("version",),
    accepts=lambda version: version >= (0, 20, 0),
    wants="0.20 or newer",
    ways=(_from_module("crane"),),
)

ORAS = Family(
    name="oras",
    # Newer versions need a newer Go than the other programs.
    # renovate: datasource=go depName=oras.land/oras
    version="1.3.4",
    programs=("oras",),
    version_arguments=("version",),
    accepts=lambda version: version >= (1, 2, 0),
    wants="1.2 or newer",
    ways=(_from_module("oras"),),
)


def actionlint() -> Path:
    return resolve(ACTIONLINT, "actionlint")


def crane() -> Path:
    return resolve(CRANE, "crane")


def oras() -> Path:
    return resolve(ORAS, "oras")

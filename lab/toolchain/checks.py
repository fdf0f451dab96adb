"""Programs used only by tests: Helm 3, chart-testing, kube-score, and a parser of compose files."""

import tempfile
from pathlib import Path

from lab.toolchain import golang, kubernetes
from lab.toolchain.install import Family, Way, resolve


def _build_ct(target: Path) -> None:
    # `go install` of a version would ask for the list of versions, which not every module proxy serves.
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        main = golang.copy_module("chart-testing", Path(temporary))
        variable = "github.com/helm/chart-testing/v3/ct/cmd.Version"
        golang.install(main, ["tool"], target, ldflags=f"-X {variable}={CHART_TESTING.version}")


def _build_kube_score(target: Path) -> None:
    package = f"github.com/zegl/kube-score/cmd/kube-score@v{KUBE_SCORE.version}"
    golang.install(target, [package], target, ldflags=f"-X main.version={KUBE_SCORE.version}")


def _build_compose_config(target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        main = golang.copy_module("compose-config", Path(temporary))
        golang.install(main, ["."], target, ldflags=f"-X main.version={COMPOSE_CONFIG.version}")


_HELM3_SUMS = {"linux-amd64": "9e7a767efb3f9e334758ae066b4af355c01539663c7fffb30eed2b6213a4735e"}

# Installed as `helm3`, so that one PATH can hold both versions.
HELM3 = Family(
    name="helm3",
    # renovate: datasource=github-releases depName=helm/helm
    version="3.17.2",
    programs=("helm3",),
    version_arguments=("version",),
    accepts=lambda version: version[0] == 3,
    wants="3.x",
    ways=(
        kubernetes.helm_archive("helm3", "3.17.2", _HELM3_SUMS),
        kubernetes.wheel("helm3", "v32", "helm", "helm3", _HELM3_SUMS),
    ),
)

CHART_TESTING = Family(
    name="chart-testing",
    # renovate: datasource=go depName=github.com/helm/chart-testing/v3
    version="3.14.0",
    programs=("ct",),
    version_arguments=("version",),
    accepts=lambda version: version[0] == 3 and version >= (3, 8, 0),
    wants="3.8 or newer",
    ways=(Way("building it from its Go module (seconds, once)", _build_ct),),
)

KUBE_SCORE = Family(
    name="kube-score",
    # renovate: datasource=go depName=github.com/zegl/kube-score
    version="1.20.0",
    programs=("kube-score",),
    version_arguments=("version",),
    accepts=lambda version: version >= (1, 18, 0),
    wants="1.18 or newer",
    ways=(Way("building it with go install (1 minute, once)", _build_kube_score),),
)

# The parser of `docker compose`: the version is that of the module compose-go.
COMPOSE_CONFIG = Family(
    name="compose-config",
    # renovate: datasource=go depName=github.com/compose-spec/compose-go/v2
    version="2.16.2",
    programs=("compose-config",),
    version_arguments=("--version",),
    accepts=lambda version: version == (2, 16, 2),
    wants="2.16.2",
    ways=(Way("building it from its Go module (seconds, once)", _build_compose_config),),
)


def helm3() -> Path:
    return resolve(HELM3, "helm3")


def ct() -> Path:
    return resolve(CHART_TESTING, "ct")


def kube_score() -> Path:
    return resolve(KUBE_SCORE, "kube-score")


def compose_config() -> Path:
    return resolve(COMPOSE_CONFIG, "compose-config")

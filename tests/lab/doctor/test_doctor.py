"""The command: a line for each check, what to do, where to read on, and the exit code."""

import os
import re
import subprocess

import pytest
import yaml

from lab import ROOT
from lab.doctor import run as doctor
from lab.doctor.plan import read_plan
from lab.doctor.result import Status
from lab.errors import LabError
from lab.render import chart
from lab.render.chart import DEPENDENCY

DOCUMENT = (ROOT / doctor.DOCUMENT).read_text()
TITLES = [*doctor.FIRST, *(check.title for check in doctor.CHECKS)]


@pytest.fixture
def helm_on_path(program, monkeypatch) -> None:
    """A helm that tells its version; the chart is rendered by the one of the tools folder."""
    folder = program("helm", 'case $1 in version) echo v3.17.2;; *) echo "not this one" >&2; exit 1;; esac')
    monkeypatch.setattr("lab.doctor.checks.versions.shutil.which", lambda _: str(folder / "helm"))


@pytest.fixture
def examine(config, tmp_path, helm_on_path):
    """Return a function that runs the checks with values and variables; it returns exit code and lines."""

    def run(values: dict | None = None, **variables: str) -> tuple[int, list[str]]:
        path = tmp_path / "values.yaml"
        path.write_text(yaml.safe_dump(values or {}))
        environment = {"KUBECONFIG": str(config), "VALUES": str(path), **variables}
        lines: list[str] = []
        return doctor.run(lines.append, environment), lines

    return run


def byo(**labels: str) -> dict:
    return {DEPENDENCY: {"enabled": False}, "global": {"monitoring": {"labels": labels}}}


def test_all_is_well_with_the_clusters_own_operator(api, examine):
    """Only the image, which no registry has yet, may be worth a warning, and the package may be missing."""
    code, lines = examine(byo(release="byo"))
    assert code == 0, lines
    checked = [line for line in lines if not line.startswith(" ")]
    assert [re.match(r"[√‼] (.+?): ", line)[1] for line in checked[:-1]] == TITLES
    assert {line.split(": ")[0] for line in checked if line[0] == "‼"} <= {"‼ Images", "‼ Chart and values"}
    assert re.fullmatch(r"failed: 0, warnings: \d, passed: \d+", checked[-1])


def test_it_only_reads(api, examine):
    examine(byo())
    assert len(api.requests) > 20
    writing = {path for method, path in api.requests if method != "GET"}
    assert writing == {"/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"}
    assert any(path.endswith("/secrets") for _, path in api.requests)
    assert api.secrets_read == 0  # only their names and labels


def test_a_failure_has_a_hint_a_link_and_an_exit_code(examine):
    code, lines = examine(byo(release="other"))
    assert code == 1
    at = next(at for at, line in enumerate(lines) if line.startswith(f"{Status.FAILED} Selectors"))
    assert "release=byo" in lines[at + 1]
    assert lines[at + 2] == "    see docs/doctor.md#selectors"
    assert lines[-1].startswith("failed: 1,")


def test_a_second_operator_is_found_before_a_bundled_stack_is_installed(api, examine, needs_package):
    code, lines = examine()
    said = "\n".join(lines)
    assert code == 1
    for failed in ("Prometheus operator", "Host ports"):
        assert f"{Status.FAILED} {failed}: " in said


def test_each_secret_that_is_missing_is_a_failure_with_its_command(api, examine):
    values = byo(release="byo")
    receivers = {"chat": {"slack": {"secret": "slack"}}}
    values["alerting"] = {"enabled": True, "receivers": receivers, "critical": "chat"}
    values["storage-api"] = {"auth": {"existingSecret": "tokens"}}
    code, lines = examine(values, NAMESPACE="shop")
    assert code == 1
    at = [at for at, line in enumerate(lines) if line.startswith(f"{Status.FAILED} Secrets and ConfigMaps: ")]
    assert [lines[i + 1].partition("create secret generic ")[2] for i in at] == [
        "slack --from-literal=url=...",
        "tokens --from-literal=tokens=...",
    ]
    assert {lines[i + 2] for i in at} == {"    see docs/doctor.md#secrets-and-configmaps"}
    for name, key in (("slack", "url"), ("tokens", "tokens")):
        api.add("/api/v1/secrets", name, "shop", data={key: "eA=="})
    _, lines = examine(values, NAMESPACE="shop")
    assert any(line.startswith("√ Secrets and ConfigMaps: ") for line in lines)


def test_a_namespace_that_enforces_restricted_rejects_only_node_exporter(api, examine, needs_package):
    api.add("/api/v1/namespaces", "watch", labels={"pod-security.kubernetes.io/enforce": "restricted"})
    for each in api.objects["/api/v1/namespaces"]:
        each.setdefault("status", {"phase": "Active"})
    _, lines = examine(NAMESPACE="watch")
    found = next(line for line in lines if "Pod security" in line)
    assert re.fullmatch(
        rf"{Status.FAILED} Pod security: .*rejects DaemonSet [\w-]+node-exporter \(.*\)", found
    )
    _, lines = examine({DEPENDENCY: {"nodeExporter": {"enabled": False}}}, NAMESPACE="watch")
    assert any(line.startswith("√ Pod security") for line in lines)


def test_the_package_is_missing(examine, monkeypatch):
    monkeypatch.setattr("lab.render.chart.dependency_package", lambda *_: None)
    # Not the copy of the chart that other tests share, which may have the package.
    monkeypatch.setattr(chart, "_shared_copy", chart._shared_copy.__wrapped__)
    code, lines = examine()
    assert code == 1
    assert any("make deps" in line for line in lines)
    assert any(
        line.startswith(f"{Status.FAILED} Chart and values: kube-prometheus-stack is not in")
        for line in lines
    )
    code, lines = examine(byo(release="byo"))
    assert code == 0
    assert any(line.startswith("‼ Chart and values") for line in lines)


def test_no_cluster_ends_after_what_needs_none(config, examine):
    config.write_text(config.read_text().replace("127.0.0.1:", "127.0.0.1:1"))
    code, lines = examine(byo())
    assert code == 1
    assert next(line for line in lines if line.startswith(Status.FAILED)).startswith(
        f"{Status.FAILED} Cluster: "
    )
    assert not any("Rights" in line for line in lines)


def test_values_that_the_chart_rejects_are_one_line(examine):
    code, lines = examine({"storage-api": {"replicas": -1}})
    assert code == 1
    failed = [line for line in lines if line.startswith(Status.FAILED)]
    assert len(failed) == 1
    assert failed[0].startswith(f"{Status.FAILED} Chart and values: ")
    assert "replicas" in failed[0]


def test_an_old_cluster_is_one_line_and_the_rest_is_checked_too(api, examine):
    api.version["gitVersion"] = "v1.24.0"
    code, lines = examine(byo(release="byo"))
    assert code == 1
    failed = [line for line in lines if line.startswith(Status.FAILED)]
    assert [line.split(":")[0] for line in failed] == [f"{Status.FAILED} Kubernetes version"]
    assert any(line.startswith("√ Rights") for line in lines)


def test_what_may_not_be_read_is_a_warning(api, examine):
    api.forbidden = re.compile("/(nodes|secrets|customresourcedefinitions|deployments|storageclasses)$")
    code, lines = examine(byo(release="byo"))
    assert code == 0, lines
    unread = [line for line in lines if "not checked: you may not read" in line]
    assert len(unread) >= 5
    assert all(line.startswith("‼") for line in unread)


def test_no_right_to_read_or_create_anything(api, examine):
    api.rights = re.compile("$^")
    api.forbidden = re.compile(r"^/(?!version|api/v1$|apis/[^/]+/[^/]+$|.*selfsubject)")
    code, lines = examine(byo(release="byo"))
    assert code == 1
    assert next(line for line in lines if line.startswith(Status.FAILED)).startswith(
        f"{Status.FAILED} Rights: you may not"
    )


def test_a_cluster_that_is_lost_midway_is_said(api, examine):
    api.replies["/api/v1/nodes"] = (500, '{"message": "etcdserver: leader changed"}')
    code, lines = examine(byo(release="byo"))
    assert code == 1
    assert any("Node architectures: not checked" in line and "leader changed" in line for line in lines)


def test_release_and_namespace_and_values_are_those_of_the_caller(examine):
    _, lines = examine(byo(release="byo"), RELEASE="watch", NAMESPACE="shop")
    assert any("for release watch in shop" in line for line in lines)


@pytest.mark.parametrize("variable", ["RELEASE", "NAMESPACE"])
@pytest.mark.parametrize("name", ["Shop", "-a", "a" * 64, "a b", "a/b"])
def test_a_name_that_kubernetes_would_reject(variable, name):
    with pytest.raises(LabError, match=f"{variable}={name!r}"):
        read_plan({variable: name}, None)


@pytest.mark.parametrize("title", TITLES)
def test_each_check_has_its_section_in_the_document(title):
    assert f"\n## {title}\n" in DOCUMENT


def test_the_document_has_no_section_of_a_check_that_is_gone():
    assert [line[3:] for line in DOCUMENT.splitlines() if line.startswith("## ")] == TITLES


def test_make_doctor(config, tmp_path):
    """`make doctor` and its variables, as a user types them."""
    values = tmp_path / "v.yaml"
    values.write_text(yaml.safe_dump(byo(release="other")))
    done = subprocess.run(
        ["make", "doctor", f"KUBECONFIG={config}", f"VALUES={values}", "RELEASE=watch", "NAMESPACE=shop"],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done.stderr  # make's own, for a command that failed
    assert "√ Cluster: http://127.0.0.1:" in done.stdout
    assert "release watch in shop" in done.stdout
    assert "Traceback" not in done.stderr

"""Workflows: least rights, pinned actions, no cache where something is published, existing `make` targets."""

import re
import shutil

import pytest
import yaml

from lab import ROOT
from lab.render.helm import run_helm
from tools import workflows

FILES = sorted((ROOT / ".github/workflows").glob("*.yaml"))
PARSED = {file.stem: yaml.safe_load(file.read_text()) for file in FILES}
JOBS = {f"{name}/{job}": body for name, flow in PARSED.items() for job, body in flow["jobs"].items()}
STEPS = [(job, step) for job, body in JOBS.items() for step in body.get("steps", ())]
PUBLISHING = ("publish/publish", "release/announce", "deploy/deploy")


def events(name):
    return PARSED[name][True]  # YAML reads the key `on` as true


def test_there_is_a_workflow_for_every_step_to_a_release():
    assert {"pull-request", "merged", "nightly", "deploy", "release"} <= PARSED.keys()
    assert events("merged") == {"push": {"branches": ["main"]}}
    assert events("release") == {"push": {"tags": ["v*"]}}
    assert events("deploy").keys() == {"workflow_dispatch"}
    assert {"schedule", "workflow_dispatch"} == events("nightly").keys()


def test_the_linters_find_nothing():
    assert workflows.check([]) == 0


@pytest.mark.parametrize(
    "change, finding",
    [
        (("jobs:", "jobz:"), "jobz"),
        (("\npermissions: {}\n", "\npermissions: write-all\n"), "excessive-permissions"),
        (("persist-credentials: false", "show-progress: false"), "artipacked"),
        (("@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7"), "unpinned-uses"),
        (
            ("run: make mutate", 'run: echo "${{ github.event.head_commit.message }}"; make mutate'),
            "untrusted",
        ),
        (("run: make mutate", "run: echo $HOME; make mutate"), "SC2086"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_linters_find_a_fault(tmp_path, capsys, change, finding):
    """Each fault is put into a copy of a workflow without faults."""
    text = (ROOT / ".github/workflows/nightly.yaml").read_text()
    # A called workflow would have to be beside the copy.
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    assert change[0] in text
    (tmp_path / ".github/workflows/nightly.yaml").write_text(text.replace(*change))
    assert workflows.check([".github/workflows/nightly.yaml"], tmp_path) == 1
    assert finding in capsys.readouterr().out


def test_no_workflow_has_rights_at_its_top_and_every_job_lists_its_own():
    assert {name: flow["permissions"] for name, flow in PARSED.items() if flow["permissions"]} == {}
    assert [job for job, body in JOBS.items() if not body.get("permissions")] == []


def test_only_jobs_that_publish_may_write():
    writing = {job for job, body in JOBS.items() if "write" in body["permissions"].values()}
    assert writing == {"publish/publish", "merged/publish", "release/publish", "release/announce"}


def test_jobs_that_publish_or_deploy_have_an_environment_and_restore_no_cache():
    for job in PUBLISHING:
        assert JOBS[job]["environment"]
        for step in JOBS[job]["steps"]:
            used, options = step.get("uses", ""), step.get("with", {})
            assert not used.startswith("actions/cache@")
            if used.startswith("actions/setup-go@"):
                assert options["cache"] is False
            if used.startswith("docker/setup-qemu-action@"):
                assert options["cache-image"] is False
            if used.startswith("docker/setup-buildx-action@"):
                assert options["cache-binary"] is False


def test_every_job_has_a_name_and_a_limit_of_time():
    for job, body in JOBS.items():
        assert body.get("name"), job
        assert "uses" in body or body["timeout-minutes"] <= 120, job


def test_every_started_workflow_limits_how_many_run_at_once():
    for name in PARSED.keys() - {"kind", "publish"}:  # these run inside another one
        assert PARSED[name]["concurrency"]["group"], name
    for name in ("merged", "release", "deploy"):
        assert PARSED[name]["concurrency"]["cancel-in-progress"] is False, name


def test_every_action_is_pinned_by_commit_with_its_version_and_everywhere_the_same():
    pins = {}
    for file in FILES:
        for used in re.findall(r"uses: (?!\./)(.+)", file.read_text()):
            match = re.fullmatch(r"([\w./-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)", used)
            assert match, f"{file.name}: {used}"
            pins.setdefault(match[1], set()).add(match.group(2, 3))
    assert {action: found for action, found in pins.items() if len(found) > 1} == {}


def test_every_make_target_of_a_workflow_exists():
    targets = set(re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    used = {name for _, step in STEPS for name in re.findall(r"\bmake ([a-z0-9-]+)", step.get("run", ""))}
    assert {"check", "e2e", "mutate", "publish-chart", "sign", "sbom", "deploy", "diff", "smoke"} <= used
    assert used <= targets


def test_the_oldest_and_newest_kubernetes_of_kind_and_every_python_are_tested():
    images = yaml.safe_load(PARSED["kind"]["env"]["NODE_IMAGES"])
    assert all(re.fullmatch(rf"kindest/node:v{v}\.\d+@sha256:[0-9a-f]{{64}}", i) for v, i in images.items())
    every = sorted(images, key=lambda version: [int(part) for part in version.split(".")])
    for job, expected in {
        "pull-request/kind": [every[0], every[-1]],
        "release/kind": [every[0], every[-1]],
        "nightly/kind": every,
    }.items():
        assert yaml.safe_load(JOBS[job]["with"]["versions"]) == expected, job
    oldest = re.search(r'requires-python = ">=(.+)"', (ROOT / "service/pyproject.toml").read_text())[1]
    image = re.search(r"python:(3\.\d+)", (ROOT / "Dockerfile").read_text())[1]
    for job in ("pull-request/check", "nightly/suite"):
        pythons = JOBS[job]["strategy"]["matrix"]["python"]
        assert (pythons[0], pythons[-1]) == (oldest, image)
        minors = [int(each.partition(".")[2]) for each in pythons]
        assert minors == list(range(minors[0], minors[-1] + 1))


def test_every_environment_of_the_deployment_has_values():
    environments = events("deploy")["workflow_dispatch"]["inputs"]["environment"]["options"]
    assert [each for each in environments if not (ROOT / f"ci/{each}-values.yaml").is_file()] == []


@pytest.mark.parametrize("command", ["upgrade", "test"])
def test_helm_has_the_options_of_the_deployment(command):
    """`--atomic`, for example, became `--rollback-on-failure` in Helm 4."""
    text = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    (line,) = re.findall(rf"^\t@\$\(HELM\) {command} .*$", text, re.MULTILINE)
    used = set(re.findall(r"(--[a-z-]+)", line))
    assert used
    assert used <= set(re.findall(r"(--[a-z-]+)", run_helm(command, "--help").stdout))

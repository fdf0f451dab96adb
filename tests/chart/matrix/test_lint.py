"""Linters that users run on charts and on rendered manifests, for each preset."""

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from yamllint import linter
from yamllint.config import YamlLintConfig

from lab import ROOT, toolchain
from lab.render.chart import CHART, DEPENDENCY, NAMESPACE, RELEASE, render_chart, stage_chart
from lab.render.helm import run_helm
from lab.toolchain import checks
from tests.support.chart.axes import HELMS, presets
from tests.support.chart.kube_schemas import kubernetes_versions

# Checks of kube-score that we don't follow, and why. A prefix limits an entry to a kind (Pod: the hooks of
# `helm test`) or to a preset.
DECLINED = {
    "container-resources": "a CPU limit throttles what waits for disks and networks; the rest is set",
    "container-image-pull-policy": "a version's image never changes",
    "container-ephemeral-storage-request-and-limit": "only bodies in flight are kept in /tmp",
    "deployment-has-host-podantiaffinity": "topologySpreadConstraints spread the pods over hosts",
    "Pod/pod-networkpolicy": "a test listens to nothing and lives for seconds",
    "dev/deployment-replicas": "the memory store's objects are one process's own",
    "dev/deployment-strategy": "the memory store's objects are one process's own",
}
# Rendered YAML: only rules about its meaning, none about its style, as nobody edits it.
RENDERED = YamlLintConfig(
    """
rules:
  anchors: enable
  empty-values: enable
  key-duplicates: enable
  new-lines: enable
  octal-values: enable
  quoted-strings: disable
"""
)


def run(*command, **options):
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, **options
    )


def values(preset):
    return [part for path in presets()[preset] for part in ("--values", path)]


@pytest.fixture(scope="module")
def chart(tmp_path_factory) -> Path:
    """A read-only copy of the chart with its presets; a stand-in replaces the dependency if it is missing."""
    folder = stage_chart(tmp_path_factory.mktemp("chart"))
    shutil.copytree(ROOT / "ci", folder / "ci")
    shutil.copy2(ROOT / ".yamllint.yaml", folder)
    return folder


@pytest.mark.parametrize("helm", HELMS)
@pytest.mark.parametrize("preset", presets())
def test_helm_lint_strict_finds_nothing(chart, tool, draws, preset, helm):
    for version in (kubernetes_versions()[-1], *draws((), (kubernetes_versions()[0],))):
        options = ["--strict", "--quiet", "--kube-version", version]
        done = run_helm("lint", *options, chart, *values(preset), helm=tool(HELMS[helm]))
        assert done.returncode == 0, done.stdout + done.stderr
        assert "[WARNING]" not in done.stdout + done.stderr


def test_chart_testing_lints_the_chart_with_its_presets(chart, tool, draws, tmp_path):
    """`ct lint` with ci/ct.yaml; the dependency is in place already and is not fetched.

    It runs `helm lint` once for each file in ci/: six seconds for all of them, so every day only one.
    """
    folder = shutil.copytree(chart, tmp_path / "chart")
    linted, *others = sorted(folder.glob("ci/*-values.yaml"))
    for file in draws(others, ()):
        file.unlink()
    programs = [tool(toolchain.helm).parent, Path(sys.executable).parent]
    path = os.pathsep.join([*map(str, programs), os.environ["PATH"]])
    done = run(
        tool(checks.ct), "lint", "--config", "ci/ct.yaml", "--skip-helm-dependencies", "--chart-repos", "",
        cwd=folder, env={**os.environ, "PATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for file in (linted, *draws((), others)):
        assert f'values file "ci/{file.name}"' in done.stdout


@pytest.mark.parametrize("preset", presets())
def test_yamllint_finds_nothing_in_the_rendered_objects(chart, tool, preset):
    arguments = ["template", RELEASE, chart, "--namespace", NAMESPACE, *values(preset)]
    done = run_helm(*arguments, helm=tool(toolchain.helm))
    assert done.returncode == 0, done.stderr
    theirs = f"# Source: {CHART}/charts/{DEPENDENCY}/"
    ours = "---\n".join(each for each in done.stdout.split("---\n") if not each.startswith(theirs))
    assert f"# Source: {CHART}/" in ours
    found = [f"{each.line}: {each.desc}" for each in linter.run(ours, RENDERED)]
    assert not found


@pytest.fixture(scope="module")
def kube_score_findings(tool):
    """Return a function that runs kube-score on a preset: its findings by check, named as in DECLINED."""
    version = kubernetes_versions()[-1]
    options = ["--output-format", "json", "--kubernetes-version", f"v{version.rpartition('.')[0]}"]
    for check in ("container-seccomp-profile", "container-ports-check"):
        options += ["--enable-optional-test", check]

    @functools.cache
    def score(preset):
        render = render_chart(value_files=presets()[preset], kubernetes_version=version)
        objects = "\n---\n".join(json.dumps(each) for each in render.ours)
        done = run(tool(checks.kube_score), "score", *options, "-", input=objects)
        found = {}
        for each in json.loads(done.stdout):
            for check in each["checks"]:
                if not check["skipped"] and check["grade"] < 10:
                    name = check["check"]["id"]
                    keys = [f"{preset}/{name}", f"{each['type_meta']['kind']}/{name}", name]
                    said = [comment["summary"] for comment in check["comments"] or []]
                    key = next((key for key in keys if key in DECLINED), name)
                    found.setdefault(key, []).append(f"{each['object_name']}: {said}")
        return found

    return score


@pytest.mark.parametrize("preset", presets())
def test_kube_score_finds_only_declined_checks(kube_score_findings, preset):
    assert {check: said for check, said in kube_score_findings(preset).items() if check not in DECLINED} == {}


def test_every_declined_check_of_kube_score_still_fails(kube_score_findings):
    assert DECLINED.keys() <= {check for preset in presets() for check in kube_score_findings(preset)}

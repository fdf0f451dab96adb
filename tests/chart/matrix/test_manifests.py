"""deploy/manifests holds what each preset renders, so that reviewers see every change as a diff.

    make manifests

writes the current render: our objects, and the values that we set for kube-prometheus-stack.
"""

import functools
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import ROOT
from lab.render.chart import (
    DEPENDENCY,
    NAMESPACE,
    RELEASE,
    KubernetesLoader,
    dependency_package,
    load_yaml,
    render_chart,
)
from lab.render.helm import run_helm
from tests.support.chart.cel_rules import violations
from tests.support.chart.client_models import is_built_in
from tests.support.chart.kube_schemas import custom_schema, errors, kubernetes_versions
from tools.manifests import DASHBOARDS, FOLDER, objects, presets, settings, settings_file

PAGE = (ROOT / "docs/manifests.md").read_text(encoding="utf-8")


@functools.cache
def read(path: Path) -> list[dict[str, Any]]:
    return list(yaml.load_all(path.read_text(encoding="utf-8"), Loader=KubernetesLoader))


def files(preset: str) -> list[Path]:
    """The files that a user applies for a preset."""
    return [DASHBOARDS, *sorted((FOLDER / preset).iterdir())]


def missing(wanted: Any, found: Any, path: str = "") -> list[str]:
    """Differences of `found` from `wanted`, one line each; extra keys in maps of `found` are allowed."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [line for key in wanted for line in missing(wanted[key], found.get(key), f"{path}.{key}")]
    return [] if wanted == found else [f"{path.lstrip('.')}: {found!r} instead of {wanted!r}"]


def names(items: list[dict[str, Any]]) -> set[str]:
    return {f"{each['kind']} {each['metadata']['name']}" for each in items}


def test_the_files_hold_what_the_chart_renders(column):
    for version, render in column.renders.items():
        wanted = objects(column.preset, render)
        assert set(wanted) == set(files(column.preset)), version
        for path, items in wanted.items():
            assert read(path) == items, f"{version}: {path} (make manifests writes it)"


def test_only_secrets_hooks_and_helms_labels_are_left_out(column):
    render = column.newest
    written = [each for path in files(column.preset) for each in read(path)]
    hooks = [each for each in render.ours if "helm.sh/hook" in each["metadata"].get("annotations", {})]
    assert {each["kind"] for each in hooks} == {"Pod"}
    assert names(written) == names(render.ours) - names(hooks) - names(render.find("Secret"))
    for item in render.ours:
        for each in written:
            if names([each]) == names([item]):
                assert set(item["metadata"]["labels"]) - set(each["metadata"]["labels"]) == {
                    "app.kubernetes.io/managed-by",
                    "helm.sh/chart",
                }


def test_the_values_for_the_dependency_match_the_file(column):
    found = settings(column.newest)
    assert found["enabled"] == settings_file(column.preset).is_file()
    if found["enabled"]:
        expected = load_yaml(settings_file(column.preset).read_text(encoding="utf-8"))
        assert missing(expected, found) == []
        if column.newest.stand_in:
            assert missing(found, expected) == []


@pytest.mark.parametrize("preset", presets())
def test_a_cluster_accepts_the_files(preset):
    items = [each for path in files(preset) for each in read(path)]
    for version in (kubernetes_versions()[0], kubernetes_versions()[-1]):
        assert [line for each in items for line in errors(each, version)] == []
    for each in items:
        assert each["metadata"]["namespace"] == NAMESPACE
        if not is_built_in(each):
            assert violations(each, custom_schema(each["apiVersion"], each["kind"])) == []


def test_every_file_belongs_to_a_preset():
    assert {path.name for path in FOLDER.iterdir()} == {
        *presets(), DEPENDENCY, DASHBOARDS.name,
    }  # fmt: skip
    assert {path.stem for path in (FOLDER / DEPENDENCY).iterdir()} < set(presets())


def test_the_readme_names_every_preset_and_every_secret_that_is_left_out(column):
    assert f"`{column.preset}`" in PAGE
    for secret in column.newest.find("Secret"):
        assert f"`{secret['metadata']['name']}`" in PAGE or secret not in column.newest.ours


def test_kube_prometheus_stacks_own_chart_renders_the_same_with_the_values(needs_package, draws):
    for preset in draws(
        ("default", "prod-ha"), [each for each in presets() if settings_file(each).is_file()]
    ):
        values = ["--values", settings_file(preset)]
        done = run_helm("template", RELEASE, dependency_package(), "--namespace", NAMESPACE, *values)
        assert done.returncode == 0, done.stderr
        alone = [each for each in yaml.load_all(done.stdout, Loader=KubernetesLoader) if each]
        render = render_chart(value_files=presets()[preset])
        beside = [each for each in render.objects if each not in render.ours]
        assert len(beside) > 50
        assert sorted(map(str, alone)) == sorted(map(str, beside)), preset

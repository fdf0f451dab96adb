"""The lab runs Helm on one copy of the chart, which is made again when a file changes."""

import shutil

import pytest

from lab.render.chart import DEPENDENCY, render_chart, shared_chart, stage_chart
from lab.render.helm import run_helm


@pytest.fixture
def checkout(tmp_path):
    """A copy of the chart's files that a test may change."""
    chart = stage_chart(tmp_path)
    shutil.rmtree(chart / "charts" / DEPENDENCY, ignore_errors=True)  # the stand-in
    return chart


def test_the_copy_is_shared_until_a_file_changes(checkout):
    first = shared_chart(checkout)
    assert shared_chart(checkout) == first
    (checkout / "templates/more.yaml").write_text("kind: ConfigMap\nmetadata: {name: more}\n")
    assert [o["metadata"]["name"] for o in render_chart(root=checkout).find("ConfigMap", "more")] == ["more"]
    second = shared_chart(checkout)
    assert second != first
    (checkout / "templates/more.yaml").write_text("kind: ConfigMap\nmetadata: {name: less}\n")
    assert render_chart(root=checkout).find("ConfigMap", "less")
    (checkout / "templates/more.yaml").unlink()
    assert not render_chart(root=checkout).find("ConfigMap", "less")


@pytest.mark.parametrize(("given", "used"), [(None, "400"), ("50", "50")])
def test_helm_collects_garbage_rarely_unless_the_caller_decides(tmp_path, monkeypatch, given, used):
    monkeypatch.delenv("GOGC", raising=False)
    if given:
        monkeypatch.setenv("GOGC", given)
    helm = tmp_path / "helm"
    helm.write_text('#!/bin/sh\necho "$GOGC $1"; cat')
    helm.chmod(0o755)
    assert run_helm("lint", given="values", helm=helm).stdout == f"{used} lint\nvalues"

"""Documents name only alerts, metrics, panels and drills that exist."""

import fnmatch
import json
import re
from pathlib import Path

import pytest

from lab import ROOT
from lab.render.chart import render_chart
from storage_api.api.app import create_app
from storage_api.config import Config
from storage_api.http_server.threads import ThreadPool
from storage_api.stores import MemoryStore
from storage_api.telemetry.metrics import watch_server

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "values.yaml"]
DOCUMENTS += [*sorted((ROOT / "ci").glob("*-values.yaml")), *sorted((ROOT / "charts").glob("*/values.yaml"))]
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
METRIC = re.compile(r"(?<![\w./:-])(?:http|storage|process|python)_?[a-z0-9_:*]+")
NO_METRICS = {"storage_api", "storage_api_", "http_server"}
"""Python packages."""
REPLACED = {"StorageApiDown", "StorageApiErrorRatioHigh"}
"""Alerts of old versions, which only docs/upgrade.md names."""

documents = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


@pytest.fixture(scope="module")
def rules() -> list[dict]:
    groups = [g for o in render_chart().ours if o["kind"] == "PrometheusRule" for g in o["spec"]["groups"]]
    return [rule for group in groups for rule in group["rules"]]


@pytest.fixture(scope="module")
def alerts(rules) -> set[str]:
    return {rule["alert"] for rule in rules if "alert" in rule}


@pytest.fixture(scope="module")
def metrics(rules) -> set[str]:
    """Names of metric families, samples, recording rules and labels."""
    app = create_app(Config(store="memory", faults_enabled=True), MemoryStore())
    watch_server(ThreadPool(0), (), app.registry)
    families = list(app.registry.collect())
    samples = [sample for family in families for sample in family.samples]
    names = {family.name for family in families} | {sample.name for sample in samples}
    return (
        names
        | {label for sample in samples for label in sample.labels}
        | {r.get("record", "") for r in rules}
        # Metrics and labels of other services, which presets name.
        | set(re.findall(r"\w+", (ROOT / "charts/slo/files/presets.yaml").read_text()))
    )


def code(document: Path) -> str:
    text = document.read_text()
    return "\n".join(CODE.findall(text)) if document.suffix == ".md" else text


@documents
def test_alerts_named_in_documents_exist(document, alerts):
    named = set(re.findall(r"\b(?:StorageApi|PlatformStorageApi|TargetS)\w+", document.read_text()))
    assert named - alerts <= (REPLACED if document.name == "upgrade.md" else set())
    assert not REPLACED & alerts


@documents
def test_metrics_named_in_documents_are_exported(document, metrics):
    named = {name for name in METRIC.findall(code(document)) if "_" in name} - NO_METRICS
    assert {name for name in named if not fnmatch.filter(metrics, name)} == set()


@documents
def test_panels_named_in_documents_exist(document):
    dashboards = [json.loads(path.read_text()) for path in (ROOT / "dashboards").glob("*.json")]
    titles = {panel["title"] for dashboard in dashboards for panel in dashboard["panels"]}
    assert set(re.findall(r"\bpanel \*([^*]+)\*", document.read_text())) <= titles
    named = set(re.findall(r"\bdashboard \*([^*]+)\*", document.read_text()))
    assert named <= {dashboard["title"] for dashboard in dashboards}


def drills() -> list[tuple[str, str]]:
    """Rows of the table in docs/drills.md: each drill, and the cell that lists its alerts."""
    rows = re.findall(
        r"^\| `(\{.+?\})` \|.*\| ([^|]+) \|$", (ROOT / "docs/drills.md").read_text(), re.MULTILINE
    )
    assert len(rows) == 5
    return rows


@pytest.mark.parametrize("drill, cell", drills(), ids=lambda value: value)
def test_alerts_of_a_documented_drill_exist(drill, cell, alerts):
    """The cell lists alert names or `none`: a description such as `burn rate` could not be checked."""
    assert cell == "none" or set(cell.split(", ")) <= {f"`{alert}`" for alert in alerts}


@pytest.mark.parametrize("fault", [drill for drill, _ in drills()])
def test_a_documented_drill_is_accepted(fault):
    app = create_app(Config(store="memory", faults_enabled=True), MemoryStore())
    answer = app.test_client().put("/faults", data=fault)
    assert answer.status_code == 200, answer.text

"""docs/alerts.md and the runbooks agree with the rendered alerts, and queries with the series that exist."""

import re
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from lab import ROOT, toolchain
from lab.drills import EXCEPTIONS
from lab.render.chart import render_chart
from storage_api.api.app import create_app
from storage_api.config import Config
from storage_api.http_server.threads import ThreadPool
from storage_api.stores import MemoryStore
from storage_api.telemetry.metrics import watch_server
from tests.support.documents import DOCUMENTS, variables

ALL = {
    "global": {"monitoring": {"runbookUrl": "https://runbooks.example"}},
    "slo": {
        "services": {
            "checkout": {
                "namespace": "shop",
                "preset": "otel-http",
                "alerts": {"trafficMissing": {"enabled": True}},
            }
        }
    },
}
"""Values with which every alert is rendered."""
RUNBOOKS = sorted((ROOT / "docs/runbooks").glob("*.md"))
SECTIONS = ["Meaning", "Impact", "Look first", "What to do", "Drill"]
FOREIGN = {"watchdog"}
"""Runbooks of alerts that kube-prometheus-stack has."""
OTHERS = {
    *("up", "ALERTS", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_series_added"),
    *("scrape_samples_post_metric_relabeling", "kubelet_volume_stats_available_bytes"),
    *("prometheus_tsdb_head_series", "prometheus_notifications_errors_total"),
    *("prometheus_notifications_alertmanagers_discovered", "alertmanager_notifications_failed_total"),
}
"""Metrics of Prometheus, Alertmanager and the kubelet that runbooks query."""

runbooks = pytest.mark.parametrize("page", RUNBOOKS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def rules() -> list[dict]:
    found = render_chart(ALL).find("PrometheusRule")
    ours = [
        o for o in found if o["metadata"]["labels"]["app.kubernetes.io/part-of"] == "observability-platform"
    ]
    return [rule for o in ours for group in o["spec"]["groups"] for rule in group["rules"]]


@pytest.fixture(scope="module")
def alerts(rules) -> list[dict]:
    return [rule for rule in rules if "alert" in rule]


@pytest.fixture(scope="module")
def queryable(rules) -> set[str]:
    """Names of all series that a runbook may query."""
    app = create_app(Config(store="memory", faults_enabled=True), MemoryStore())
    watch_server(ThreadPool(0), (), app.registry)
    samples = {sample.name for family in app.registry.collect() for sample in family.samples}
    return OTHERS | samples | {rule["record"] for rule in rules if "record" in rule}


def kind(alert: str) -> str:
    """`CheckoutDown` as `<Service>Down`."""
    return re.sub("^(Checkout|PlatformStorageApi)", "<Service>", alert)


def queries(page: Path) -> list[str]:
    return re.findall(r"```promql\n(.*?)```", page.read_text(), re.DOTALL)


def metrics(query: str) -> set[str]:
    """Names of the series that an expression reads."""
    bare = re.sub(r'"[^"]*"', "", query)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\b(by|on|without|ignoring)\s*\([^)]*\)", " ", bare)
    names = set(re.findall(r"(?<![\w:])([a-zA-Z_:][\w:]*)(?![\w:]*\s*\()", bare))
    return {name for name in names if "_" in name or ":" in name or name in ("up", "ALERTS")}


def test_the_list_of_alerts_is_that_of_the_chart(alerts):
    rendered = defaultdict(set)
    for rule in alerts:
        rendered[kind(rule["alert"]), rule["labels"]["runbook"]].add(rule["labels"]["severity"])
    rows = re.findall(
        r"^\| `([^`]+)` \| ([a-z, ]+) \| .+ \| \[([-a-z]+)\]\(runbooks/\3\.md\) \|$",
        (ROOT / "docs/alerts.md").read_text(),
        re.MULTILINE,
    )
    assert {(name, runbook): set(severities.split(", ")) for name, severities, runbook in rows} == rendered


def test_every_alert_has_a_runbook_and_every_runbook_an_alert(alerts):
    assert {page.stem for page in RUNBOOKS} - FOREIGN == {rule["labels"]["runbook"] for rule in alerts}
    for rule in alerts:
        assert rule["annotations"]["runbook_url"] == f"https://runbooks.example/{rule['labels']['runbook']}"


@runbooks
def test_a_runbook_names_its_alerts_and_has_all_sections(alerts, page):
    text = page.read_text()
    assert re.findall("^## (.+)$", text, re.MULTILINE) == SECTIONS
    (line,) = re.findall("^Alert: (.+)$", text, re.MULTILINE)
    named = set(re.findall("`([^`]+)`", line))
    expected = {kind(rule["alert"]) for rule in alerts if rule["labels"]["runbook"] == page.stem}
    assert named == (expected or {"Watchdog"})
    assert queries(page)


@runbooks
def test_a_runbook_says_how_the_alert_is_drilled(alerts, page):
    drill = page.read_text().rpartition("## Drill")[2]
    names = {rule["alert"] for rule in alerts if rule["labels"]["runbook"] == page.stem} or {"Watchdog"}
    assert set(re.findall(r"`make drill ALERT=(\w+)`", drill)) <= names
    if page.stem not in {*yaml.safe_load(EXCEPTIONS.read_text()), "watchdog"}:
        assert "make drill ALERT=" in drill
    app = create_app(Config(store="memory", faults_enabled=True), MemoryStore())
    for fault in re.findall(r"-X PUT localhost:5000/faults -d '(.+?)'", drill):
        assert app.test_client().put("/faults", data=fault).status_code == 200, fault


def test_queries_of_runbooks_parse(tmp_path):
    for page in RUNBOOKS:
        rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries(page))]
        file = tmp_path / f"{page.stem}.yaml"
        file.write_text(yaml.safe_dump({"groups": [{"name": page.stem, "rules": rules}]}))
    command = [toolchain.promtool(), "check", "rules", *sorted(tmp_path.iterdir())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@runbooks
def test_queries_of_a_runbook_read_series_that_exist(queryable, page):
    for query in queries(page):
        assert metrics(query) <= queryable
        assert metrics(query) or "__name__" in query


@runbooks
def test_a_runbook_names_dashboards_and_panels_that_exist(page):
    """Such as "- *Service*, `/d/observability-platform-service?var-namespace=shop`:" and a line of panels."""
    rows = re.findall(r"^- \*(.+)\*, `/d/([-a-z]+)\??(.*)`:\n  (.+)$", page.read_text(), re.MULTILINE)
    assert rows
    for title, uid, query, named in rows:
        document = DOCUMENTS[uid.removeprefix("observability-platform-")]
        assert (document["title"], document["uid"]) == (title, uid)
        panels = re.findall(r"\*([^*]+)\*", named)
        assert panels and set(panels) <= {panel["title"] for panel in document["panels"]}
        values = dict(pair.split("=") for pair in query.split("&") if pair)
        assert {name.removeprefix("var-") for name in values} <= variables(document).keys()
        # The values are those of the queries, so that a reader replaces the same words everywhere.
        assert all(f'="{value}"' in "".join(queries(page)) for value in values.values())


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ('sum by (code, le) (rate(a_total{b="c_d"}[5m])) > 0', {"a_total"}),
        (
            "slo:a:rate5m{} unless on (namespace, slo) slo:b:rate5m{} offset 1w",
            {"slo:a:rate5m", "slo:b:rate5m"},
        ),
        ('label_replace(up{job="x"}, "a_b", "$1", "c_d", "(.*)") or ALERTS', {"up", "ALERTS"}),
    ],
)
def test_the_series_of_a_query_are_found(query, names):
    assert metrics(query) == names


# --- alerts of kube-prometheus-stack ----------------------------------------------------------------

STACK_ALERTS = yaml.safe_load((ROOT / "files/stack-alerts.yaml").read_text())


def test_the_table_of_the_stacks_alerts_is_complete():
    table = (ROOT / "docs/alerts.md").read_text().rpartition("| question |")[2]
    assert sorted(re.findall(r"`(\w+)`", table)) == sorted(
        alert for alerts in STACK_ALERTS.values() for alert in alerts
    )


@pytest.mark.usefixtures("needs_package")
def test_the_stack_has_the_alerts_that_we_rely_on():
    found = render_chart().find("PrometheusRule")
    names = {r.get("alert") for o in found for group in o["spec"]["groups"] for r in group["rules"]}
    assert set().union(*STACK_ALERTS.values()) <= names


@pytest.mark.usefixtures("needs_package")
@pytest.mark.parametrize("group", STACK_ALERTS)
def test_an_alert_is_disabled_with_its_group(group):
    values = {"kube-prometheus-stack": {"defaultRules": {"rules": {group: False}}}}
    found = render_chart(values).find("PrometheusRule")
    names = {r.get("alert") for o in found for each in o["spec"]["groups"] for r in each["rules"]}
    assert not set(STACK_ALERTS[group]) & names

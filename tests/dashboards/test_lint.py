"""The dashboards' queries, legends, columns and links: valid, and about what exists."""

import re
import subprocess

import promql_parser as promql
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from dashboards.config import RUNBOOKS, TAG
from lab import toolchain
from storage_api.api.app import create_app
from storage_api.config import Config
from storage_api.http_server.server import Server
from tests.support.documents import (
    DOCUMENTS,
    data_panels,
    each_dashboard,
    expressions,
    parsable,
    variables,
)
from tests.support.promql import labels, selectors, walk

# Metrics of Prometheus and Alertmanager, which the proof of the dashboards checks on running servers.
OF_THE_PLATFORM = ("prometheus_", "alertmanager_", "scrape_")
# Series that Prometheus itself adds for targets and alerts, and the record whose name has no colon.
KNOWN = {"ALERTS", "ALERTS_FOR_STATE", "up", "slo_info"}
# The labels that a variable may select.
LABELS = {"namespace": {"namespace"}, "service": {"slo_service", "job"}, "pod": {"pod"}, "job": {"job"}}
BY_UID = {document["uid"]: document for document in DOCUMENTS.values()}


def links(part: object) -> list[str]:
    """Every URL in a dashboard's JSON."""
    if isinstance(part, dict):
        own = [part["url"]] if part.get("url") else []
        return own + [url for value in part.values() for url in links(value)]
    return [url for value in part for url in links(value)] if isinstance(part, list) else []


@pytest.fixture(scope="module")
def exposed() -> set[str]:
    """Names of the series that the real service exposes right after its start."""
    config = Config(host="127.0.0.1", port=0, store="memory")
    app = create_app(config)
    server = Server(app, config)
    families = text_string_to_metric_families(app.test_client().get("/metrics").get_data(as_text=True))
    server.stop()
    assert server.run(), "the server did not shut down cleanly"
    return {sample.name for family in families for sample in family.samples}


def test_prometheus_accepts_every_query(tmp_path):
    rules = [
        {"record": f"query:{number}", "expr": expression}
        for document in DOCUMENTS.values()
        for number, expression in enumerate(expressions(document).values())
    ]
    file = tmp_path / "rules.yaml"
    groups = [{"name": f"group-{at}", "rules": [rule]} for at, rule in enumerate(rules)]
    file.write_text(yaml.safe_dump({"groups": groups}))
    command = [toolchain.promtool(), "check", "rules", "--lint=none", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{len(rules)} rules found" in done.stdout


@each_dashboard
def test_every_raw_metric_is_exposed_by_the_service(document, exposed):
    parsed = [promql.parse(expression) for expression in expressions(document).values()]
    named = {selector.name for expression in parsed for selector in selectors(expression)}
    assert named
    raw = {name for name in named - KNOWN if ":" not in name and not name.startswith(OF_THE_PLATFORM)}
    assert raw <= exposed


@each_dashboard
def test_every_query_filters_by_the_variables_as_they_allow(document):
    known = variables(document)
    for where, expression in expressions(document).items():
        for selector in selectors(promql.parse(expression)):
            used = {m.value[1:]: m for m in selector.matchers.matchers if m.value.startswith("$")}
            assert used.keys() <= known.keys(), where
            for name, matcher in used.items():
                several = known[name].get("multi", False)
                assert matcher.op == (promql.MatchOp.Re if several else promql.MatchOp.Equal), where
                assert matcher.name in LABELS[name], f"{where}: {selector.prettify()}"
            needed = {"namespace", "service"}
            if selector.name.startswith("service:pod") and not where.startswith("annotation "):
                needed |= {"pod"}
            # A variable depends on those before it.
            before = list(known)[: [*(f"variable {name}" for name in known), where].index(where)]
            assert needed & set(before) <= used.keys(), f"{where}: {selector.prettify()}"


@each_dashboard
def test_no_query_turns_missing_data_into_zero(document):
    for where, expression in expressions(document).items():
        calls = [node.func.name for node in walk(promql.parse(expression)) if isinstance(node, promql.Call)]
        assert "vector" not in calls, where


@each_dashboard
def test_legends_and_columns_name_labels_that_the_query_keeps(document):
    for panel in data_panels(document):
        kept: set[str] = set()
        unknown = False
        for target in panel["targets"]:
            of_query = labels(promql.parse(parsable(target["expr"])))
            used = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", target.get("legendFormat") or ""))
            assert of_query is None or used <= of_query, f"{panel['title']}: {target['legendFormat']}"
            unknown, kept = unknown or of_query is None, kept | (of_query or set())
        for transformation in panel.get("transformations", []):
            names = transformation["options"].get("include", {}).get("names", [])
            columns = {name for name in names if not name.startswith(("Time", "Value"))}
            assert unknown or columns <= kept, panel["title"]


@each_dashboard
def test_links_lead_to_dashboards_and_set_their_variables(document):
    for url in links(document):
        if not url.startswith("/d/"):
            assert url.startswith(f"{RUNBOOKS}/"), url
            continue
        uid, _, query = url.removeprefix("/d/").partition("?")
        assert uid in BY_UID, url
        assert query.endswith("&${__url_time_range}"), url
        assert set(re.findall(r"var-(\w+)=", query)) == set(variables(BY_UID[uid])), url


@each_dashboard
def test_links_in_tables_use_columns_of_the_table(document):
    for panel in data_panels(document):
        renames = [t["options"].get("renameByName", {}) for t in panel.get("transformations", [])]
        columns = {title for names in renames for title in names.values()}
        used = {name for url in links(panel) for name in re.findall(r'__data\.fields\["(.+?)"\]', url)}
        assert used <= columns, panel["title"]


@each_dashboard
def test_every_header_has_a_menu_of_all_dashboards(document):
    assert TAG in document["tags"]
    (menu,) = document["links"]
    assert (menu["type"], menu["tags"], menu["asDropdown"]) == ("dashboards", [TAG], True)
    assert menu["keepTime"] and menu["includeVars"]

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
from tests.dashboards import lint
from tests.support.documents import DOCUMENTS, each_dashboard, expressions, variables
from tests.support.promql import selectors, walk

# Metrics of Prometheus and Alertmanager, which the proof of the dashboards checks on running servers.
OF_THE_PLATFORM = ("prometheus_", "alertmanager_", "scrape_")
# Series that Prometheus itself adds for targets and alerts, and the record whose name has no colon.
KNOWN = {"ALERTS", "ALERTS_FOR_STATE", "up", "slo_info"}
BY_UID = {document["uid"]: document for document in DOCUMENTS.values()}


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
    assert lint.unfiltered_queries(document) == []


@each_dashboard
def test_no_query_turns_missing_data_into_zero(document):
    for where, expression in expressions(document).items():
        calls = [node.func.name for node in walk(promql.parse(expression)) if isinstance(node, promql.Call)]
        assert "vector" not in calls, where


@each_dashboard
def test_legends_and_columns_name_labels_that_the_query_keeps(document):
    assert lint.missing_labels(document) == []


@each_dashboard
def test_links_lead_to_dashboards_and_set_their_variables(document):
    for url in lint.links(document):
        if not url.startswith("/d/"):
            assert url.startswith(f"{RUNBOOKS}/"), url
            continue
        uid, _, query = url.removeprefix("/d/").partition("?")
        assert uid in BY_UID, url
        assert query.endswith("&${__url_time_range}"), url
        assert set(re.findall(r"var-(\w+)=", query)) == set(variables(BY_UID[uid])), url


@each_dashboard
def test_links_in_tables_use_columns_of_the_table(document):
    assert lint.missing_columns(document) == []


@each_dashboard
def test_every_header_has_a_menu_of_all_dashboards(document):
    assert TAG in document["tags"]
    (menu,) = document["links"]
    assert (menu["type"], menu["tags"], menu["asDropdown"]) == ("dashboards", [TAG], True)
    assert menu["keepTime"] and menu["includeVars"]

"""The dashboards' JSON: up to date, complete, and querying only metrics that exist."""

import itertools
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from dashboards import DASHBOARDS, __main__
from dashboards.document import panels, render
from lab import ROOT, toolchain
from storage_api.api.app import create_app
from storage_api.config import Config
from storage_api.http_server.server import Server

FOLDER = Path(__main__.__file__).parent
DOCUMENTS = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
UNITS = {"bytes", "ops", "percentunit", "reqps", "s", "short"}
# Series that Prometheus itself adds for targets and alerts.
FROM_PROMETHEUS = {"ALERTS", "up"}
# Example values of the variables that Grafana fills into a query.
VARIABLES = {"$namespace": "observability", "$job": "platform-storage-api", "$__rate_interval": "2m"}

each_dashboard = pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)


def queries(document: dict) -> list[str]:
    """Every PromQL expression of a dashboard, its annotations and its variables, with VARIABLES filled in."""
    found = [target["expr"] for panel in panels(document) for target in panel.get("targets", [])]
    found += [note["expr"] for note in document["annotations"]["list"]]
    variables = [v["query"]["query"] for v in document["templating"]["list"] if v["type"] == "query"]
    found += [re.fullmatch(r"label_values\((.+), \w+\)", query)[1] for query in variables]
    for name, value in VARIABLES.items():
        found = [query.replace(name, value) for query in found]
    return found


def data_panels(document: dict) -> list[dict]:
    """The panels of a dashboard that show data."""
    return [panel for panel in panels(document) if panel["type"] != "row"]


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


def test_the_committed_files_are_up_to_date():
    assert {name: render(build()) for name, build in DASHBOARDS.items()} == {
        path.stem: path.read_text() for path in FOLDER.glob("*.json")
    }


def test_check_names_the_stale_files_and_writing_repairs_them(tmp_path, capsys):
    (tmp_path / "gone.json").write_text("{}")
    assert __main__.main(["--check"], tmp_path) == 1
    assert "gone.json, storage-api.json" in capsys.readouterr().err
    assert __main__.main([], tmp_path) == 0
    assert __main__.main(["--check"], tmp_path) == 0
    assert {path.stem for path in tmp_path.iterdir()} == set(DASHBOARDS)


def test_uids_and_titles_are_unique_and_uids_fit_grafana():
    uids = [document["uid"] for document in DOCUMENTS.values()]
    titles = [document["title"] for document in DOCUMENTS.values()]
    assert len(set(uids)) == len(uids)
    assert len(set(titles)) == len(titles)
    assert uids == [f"observability-platform-{name}" for name in DOCUMENTS]
    assert all(len(uid) <= 40 for uid in uids), "Grafana rejects uids longer than 40 characters"
    bundled = yaml.safe_load((ROOT / "files/stack-dashboards.yaml").read_text())
    assert not bundled.keys() & uids, "kube-prometheus-stack has a dashboard with this uid"
    assert not set(bundled.values()) & set(titles), "kube-prometheus-stack has a dashboard with this title"


@each_dashboard
def test_panel_ids_and_ref_ids_are_set_and_unique(document):
    ids = [panel["id"] for panel in panels(document)]
    assert ids == list(range(1, len(ids) + 1))
    for panel in data_panels(document):
        refs = [target["refId"] for target in panel["targets"]]
        assert refs
        assert len(set(refs)) == len(refs), panel["title"]


@each_dashboard
def test_every_panel_has_title_description_unit_and_legend(document):
    titles = [panel["title"] for panel in panels(document)]
    assert all(titles)
    assert len(set(titles)) == len(titles)
    for panel in data_panels(document):
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        if panel["type"] == "timeseries":
            assert panel["options"]["legend"]["showLegend"], panel["title"]
            assert all(target["legendFormat"] for target in panel["targets"]), panel["title"]


@each_dashboard
def test_every_query_goes_to_the_chosen_data_source(document):
    for panel in data_panels(document):
        for part in (panel, *panel["targets"]):
            assert part["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
    assert document["templating"]["list"][0]["name"] == "datasource"


@each_dashboard
def test_every_query_uses_the_shared_selectors_and_windows(document):
    for query in (target["expr"] for panel in data_panels(document) for target in panel["targets"]):
        assert 'namespace="$namespace"' in query
        assert set(re.findall(r"\[(.+?)\]", query)) <= {"$__rate_interval"}, query
        for selector in re.findall(r"http_request_\w+\{(.+?)\}", query):
            assert 'job=~"$job"' in selector, query
            assert 'path!~"/healthz|/readyz|/metrics|/api/metrics|/openapi.json|/faults"' in selector, query


@each_dashboard
def test_every_query_is_valid_promql(document):
    promtool = toolchain.promtool()
    for query in queries(document):
        done = subprocess.run(
            [promtool, "--experimental", "promql", "format", query],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{query}\n{done.stderr}"


@each_dashboard
def test_every_metric_is_exposed_by_the_service(document, exposed):
    named = {name for query in queries(document) for name in re.findall(r"([a-zA-Z_:]\w*)\{", query)}
    assert named
    assert named - FROM_PROMETHEUS <= exposed


@each_dashboard
def test_panels_do_not_overlap(document):
    places = [(panel["title"], panel["gridPos"]) for panel in document["panels"]]
    for title, at in places:
        assert at["x"] >= 0 and at["x"] + at["w"] <= 24, title
    for (one, a), (other, b) in itertools.combinations(places, 2):
        apart = (
            a["x"] + a["w"] <= b["x"]
            or b["x"] + b["w"] <= a["x"]
            or a["y"] + a["h"] <= b["y"]
            or b["y"] + b["h"] <= a["y"]
        )
        assert apart, f"{one} overlaps {other}"


def test_the_two_panels_of_the_original_dashboard_keep_their_titles():
    titles = {panel["title"]: panel for panel in data_panels(DOCUMENTS["storage-api"])}
    assert {"Average HTTP Request Duration", "HTTP Status Codes"} <= titles.keys()
    (target,) = titles["HTTP Status Codes"]["targets"]
    assert target["expr"].startswith("sum by (status) (rate(http_request_count_total{"), (
        "it must count requests, not series"
    )

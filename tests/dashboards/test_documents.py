"""The dashboards' JSON: up to date, complete, and laid out without gaps."""

import yaml

from dashboards import DASHBOARDS, __main__
from dashboards.document import panels, render
from lab import ROOT
from tests.support.documents import DOCUMENTS, FOLDER, data_panels, each_dashboard

TYPES = {"stat", "timeseries", "table", "state-timeline", "heatmap", "bargauge"}
UNITS = {"bytes", "ops", "percentunit", "reqps", "s", "short", "suffix:x", "Bps"}
COLUMNS = 24


def test_the_committed_files_are_up_to_date():
    assert {name: render(build()) for name, build in DASHBOARDS.items()} == {
        path.stem: path.read_text() for path in FOLDER.glob("*.json")
    }


def test_check_names_the_stale_files_and_writing_repairs_them(tmp_path, capsys):
    (tmp_path / "gone.json").write_text("{}")
    assert __main__.main(["--check"], tmp_path) == 1
    names = sorted(["gone.json", *(f"{name}.json" for name in DASHBOARDS)])
    assert ", ".join(names) in capsys.readouterr().err
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
    assert not bundled.keys() & set(uids), "kube-prometheus-stack has a dashboard with this uid"
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
def test_every_panel_has_a_known_type_a_title_a_description_and_a_unit(document):
    titles = [panel["title"] for panel in panels(document)]
    assert all(titles)
    assert len(set(titles)) == len(titles)
    for panel in data_panels(document):
        assert panel["type"] in TYPES, panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]


@each_dashboard
def test_nothing_names_a_data_source_but_the_variable(document):
    for panel in data_panels(document):
        for part in (panel, *panel["targets"]):
            assert part["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
    for part in document["annotations"]["list"]:
        assert part["datasource"]["uid"] == "${datasource}", part["name"]
    first, *others = document["templating"]["list"]
    assert (first["name"], first["type"]) == ("datasource", "datasource")
    assert {variable["datasource"]["uid"] for variable in others} == {"${datasource}"}


@each_dashboard
def test_panels_neither_overlap_nor_leave_gaps(document):
    taken: dict[tuple[int, int], str] = {}
    for panel in document["panels"]:
        at = panel["gridPos"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]
    height = max(y for _, y in taken) + 1
    free = [(x, y) for y in range(height) for x in range(COLUMNS) if (x, y) not in taken]
    assert free == []
    assert max(x for x, _ in taken) < COLUMNS


@each_dashboard
def test_figures_of_the_present_are_instant_and_say_so_if_there_is_none(document):
    for panel in data_panels(document):
        instant = panel["type"] in {"stat", "bargauge", "table"}
        for target in panel["targets"]:
            assert (target.get("instant", False), target.get("range", False)) == (instant, not instant), (
                panel["title"]
            )
        if panel["type"] == "stat":
            mappings = panel["fieldConfig"]["defaults"]["mappings"]
            nothing = [m["options"]["result"] for m in mappings if m["type"] == "special"]
            assert nothing and all(result["text"] and result["color"] for result in nothing), panel["title"]
            assert panel["options"]["graphMode"] == "none", panel["title"]


@each_dashboard
def test_a_panel_that_shows_nothing_says_why(document):
    for panel in (panel for panel in data_panels(document) if panel["type"] != "stat"):
        assert panel["fieldConfig"]["defaults"].get("noValue"), panel["title"]


@each_dashboard
def test_legends_have_the_last_and_the_worst_value_sorted(document):
    for panel in (panel for panel in data_panels(document) if panel["type"] == "timeseries"):
        legend, custom = panel["options"]["legend"], panel["fieldConfig"]["defaults"]["custom"]
        assert legend["showLegend"] and legend["displayMode"] == "table", panel["title"]
        assert legend["calcs"] in (["last", "max"], ["last", "min"]), panel["title"]
        assert legend["sortBy"] in {"Last", "Name"}, panel["title"]
        if custom.get("stacking", {}).get("mode") == "normal":
            assert custom["lineWidth"] == 0, (
                f"{panel['title']}: lines of series at zero would be drawn as edges"
            )


def test_the_two_panels_of_the_original_dashboard_keep_their_titles():
    titles = {panel["title"] for panel in data_panels(DOCUMENTS["storage-api"])}
    assert {"Average HTTP Request Duration", "HTTP Status Codes"} <= titles

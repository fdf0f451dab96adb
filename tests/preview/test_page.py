"""The preview in a real browser: what it draws, what it says, and that nobody can make it do more."""

import json
import re
import time
from itertools import product
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from playwright.sync_api import expect

from lab import ROOT, preview

pytestmark = pytest.mark.live

SHIPPED = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "dashboards").glob("*.json"))}
DRAWN = {document["uid"] for document in SHIPPED.values()} | {"kinds"}
AXE = preview.SOURCE / "node_modules" / "axe-core" / "axe.min.js"
# What a unit's sign means in the unit's base.
SCALE = {"": 1, "%": 0.01, "req/s": 1, "ms": 1e-3, "µs": 1e-6, "s": 1, "mins": 60, "hours": 3600}
HOSTILE = '"><img src=x onerror=window.hacked=1>'


@pytest.fixture(scope="module", params=list(product(sorted(DRAWN), ("light", "dark"))), ids="-".join)
def drawn(request, visit):
    """Each dashboard in each theme, loaded once for all tests that only look."""
    uid, theme = request.param
    with visit(theme, dashboard=uid, **{"from": "now-1m"}) as opened:
        yield opened


@pytest.fixture(scope="module")
def faulty(visit):
    with visit(dashboard="faults", **{"var-job": HOSTILE}) as opened:
        yield opened


def test_every_panel_is_drawn_with_data_and_without_a_fault(drawn):
    states = drawn.states()
    assert states
    assert set(states.values()) == {"drawn"}, states
    assert drawn.faults == []
    expect(drawn.page.locator("footer")).to_contain_text("Preview, not Grafana.")
    expect(drawn.page.locator("footer")).not_to_contain_text("On this dashboard it leaves out")


def test_there_is_no_serious_fault_of_accessibility(drawn):
    drawn.page.evaluate(AXE.read_text())
    found = drawn.page.evaluate("axe.run()")
    serious = [entry for entry in found["violations"] if entry["impact"] in ("serious", "critical")]
    assert [(entry["id"], [node["html"] for node in entry["nodes"]]) for entry in serious] == []


@pytest.mark.parametrize("document", SHIPPED.values(), ids=SHIPPED)
def test_every_panel_of_the_file_is_on_the_page(document, visit):
    wanted = {str(panel["id"]): panel["title"] for panel in document["panels"] if panel["type"] != "row"}
    with visit(dashboard=document["uid"]) as opened:
        for number, title in wanted.items():
            expect(opened.panel(number).get_by_role("heading", name=title, exact=True)).to_be_visible()
        assert opened.states().keys() == wanted.keys()


@pytest.mark.parametrize("document", SHIPPED.values(), ids=SHIPPED)
def test_a_stat_shows_what_prometheus_answers(document, platform, visit):
    stats = [panel for panel in document["panels"] if panel["type"] == "stat"]
    assert stats
    with visit(dashboard=document["uid"], **{"from": "now-1m", "refresh": ""}) as opened:
        for panel in stats:
            asked = [_asked(query.url) for query in opened.queries]
            query = next(query for query in asked if _same(query["query"], panel["targets"][0]["expr"]))
            (series,) = platform.prometheus.query_range(
                query["query"], float(query["start"]), float(query["end"]), float(query["step"])
            )
            *_, truth = (float(value) for _, value in series["values"] if value != "NaN")
            text = opened.panel(panel["id"]).inner_text().replace(panel["title"], "")
            number, sign = re.search(r"([\d.]+)\s*(\S*)", text).groups()
            assert float(number) * SCALE[sign] == pytest.approx(truth, rel=0.01, abs=1e-9), panel["title"]


def _asked(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def _same(query: str, template: str) -> bool:
    """Whether a query is the template with its variables filled in."""
    return bool(re.fullmatch(r"\S+".join(map(re.escape, re.split(r"\$\w+", template))), query))


def test_rates_are_asked_over_four_scrapes(visit):
    with visit(dashboard=SHIPPED["storage-api"]["uid"], **{"from": "now-1m"}) as opened:
        windows = {w for query in opened.queries for w in re.findall(r"%5B(\w+)%5D", query.url)}
        assert windows == {"4s"}


def test_a_change_of_a_variable_asks_again(visit):
    with visit(dashboard="kinds") as opened:
        stat = opened.panel(14).first
        expect(stat).to_contain_text("2")
        opened.page.get_by_label("size").click()
        opened.page.get_by_role("option", name="1").click()
        expect(stat).to_contain_text("1")
        assert "var-size=1" in opened.page.url
        assert "vector%281%29" in opened.queries[-1].url or any(
            "vector%281%29" in q.url for q in opened.queries
        )
        opened.page.go_back()
        expect(stat).to_contain_text("2")


def test_a_variable_with_several_values_selects_and_repeats_by_them(visit):
    with visit(
        dashboard="kinds", **{"var-shape": ["square", "long"], "var-job": "platform-storage-api"}
    ) as opened:
        for title in ("Row for square", "Row for long"):
            expect(opened.page.get_by_role("button", name=title)).to_be_visible()
        expect(opened.page.get_by_role("button", name="Row for round")).to_have_count(0)
        expect(opened.panel(16).get_by_role("heading")).to_have_text(["Repeated: square", "Repeated: long"])
        assert opened.panel(16).nth(1).bounding_box()["x"] > opened.panel(16).nth(0).bounding_box()["x"]
        assert opened.panel(17).bounding_box()["y"] > opened.panel(16).first.bounding_box()["y"]
        expect(opened.panel(9).get_by_role("row")).to_have_count(2)


def test_a_closed_row_opens_by_the_keyboard(visit):
    with visit(dashboard="kinds") as opened:
        row = opened.page.get_by_role("button", name="Closed")
        expect(row).to_have_attribute("aria-expanded", "false")
        expect(opened.panel(12)).to_have_count(0)
        row.focus()
        opened.page.keyboard.press("Enter")
        expect(opened.panel(12)).to_have_attribute("data-state", "drawn")


def test_every_control_is_reached_by_the_tab_key(visit):
    with visit(dashboard="kinds") as opened:
        names = set()
        for _ in range(30):
            opened.page.keyboard.press("Tab")
            names.add(
                opened.page.evaluate(
                    "(e => e.labels?.[0]?.innerText || e.ariaLabel || e.innerText)(document.activeElement)"
                )
            )
        assert {"Platform", "Storage API", "Job", "size", "Refresh", "Refresh every", "Over time"} <= names


def test_a_range_is_picked_and_refreshed(visit):
    with visit(dashboard="kinds") as opened:
        opened.page.get_by_test_id("data-testid TimePicker Open Button").click()
        opened.page.get_by_text("Last 15 minutes").click()
        opened.page.wait_for_url("**from=now-15m**")
        opened.settle()
        asked = len(opened.queries)
        with opened.page.expect_request("**/api/v1/query_range**"):
            opened.page.get_by_role("button", name="Refresh", exact=True).click()
        opened.settle()
        assert len(opened.queries) > asked


def test_a_drag_over_a_graph_narrows_the_range(visit):
    with visit(dashboard="kinds") as opened:
        box = opened.panel(8).locator(".u-over").bounding_box()
        opened.page.mouse.move(box["x"] + 60, box["y"] + 20)
        opened.page.mouse.down()
        opened.page.mouse.move(box["x"] + 200, box["y"] + 20, steps=5)
        opened.page.mouse.up()
        opened.page.wait_for_url(re.compile(r"from=\d{13}&to=\d{13}"))


def test_the_page_asks_again_by_itself(visit):
    with visit(dashboard="kinds", refresh="1s") as opened:
        for _ in range(2):
            opened.page.wait_for_event("request", lambda request: "query_range" in request.url, timeout=5000)


def test_annotations_are_marks(visit):
    with visit(dashboard="kinds") as opened:
        marks = opened.panel(8).locator(".event-annotation")
        expect(marks.first).to_have_attribute("aria-label", "a quarter of a minute")
        marks.first.hover()
        expect(opened.page.get_by_role("tooltip")).to_contain_text("a quarter: of a minute")


def test_exemplars_are_marks(visit):
    with visit(dashboard="kinds") as opened:
        expect(opened.panel(8).locator(".event-exemplar")).to_have_count(0)
        # No part of the platform sends exemplars yet: this answer alone is not Prometheus' own.
        exemplar = {"labels": {"trace_id": "abc"}, "value": "0.1", "timestamp": time.time() - 60}
        answer = {"status": "success", "data": [{"seriesLabels": {}, "exemplars": [exemplar]}]}
        opened.page.route("**/api/v1/query_exemplars?*", lambda route: route.fulfill(json=answer))
        opened.page.get_by_role("button", name="Refresh", exact=True).click()
        mark = opened.panel(8).locator(".event-exemplar")
        expect(mark).to_have_attribute("aria-label", "Exemplar trace_id: abc")


def test_a_graph_tells_its_values_and_hides_series(visit):
    with visit(dashboard="kinds", **{"from": "now-10s"}) as opened:
        panel = opened.panel(8)
        told = opened.page.locator("#grafana-portal-container")
        panel.locator(".u-over").hover()
        expect(told).to_contain_text("failed")
        panel.get_by_role("button", name="requests").click()
        panel.locator(".u-over").hover()
        expect(told).to_contain_text("requests")
        expect(told).not_to_contain_text("failed")
        panel.get_by_role("button", name="requests").click()
        panel.locator(".u-over").hover()
        expect(told).to_contain_text("failed")


def test_links_lead_to_the_preview_of_other_dashboards(visit):
    with visit(dashboard="kinds", **{"from": "now-2m", "var-size": "1"}) as opened:
        links = opened.page.get_by_label("Linked dashboards")
        others = parse_qs(links.get_by_role("link", name="What can go wrong").get_attribute("href")[1:])
        assert others["dashboard"] == ["faults"]
        assert others["from"] == ["now-2m"]
        assert others["var-size"] == ["1"]
        links.get_by_role("link", name="Storage API").click()
        expect(opened.page.get_by_role("heading", level=1)).to_contain_text("Storage API")
        opened.settle()


def test_a_link_in_a_table_leads_to_the_preview(visit):
    with visit(dashboard="kinds") as opened:
        link = opened.panel(9).get_by_role("link", name="platform-storage-api")
        target = dict(parse_qsl(link.get_attribute("href").removeprefix("?")))
        assert target == {"dashboard": SHIPPED["storage-api"]["uid"], "from": "now-2m"}


def test_an_address_that_means_nothing_is_said_in_words(visit):
    with visit(dashboard="kinds", **{"from": "yesterday-ish", "refresh": "often"}) as opened:
        expect(opened.page.get_by_role("alert")).to_contain_text(
            'From "yesterday-ish" to "now" is no time range'
        )
        assert not [fault for fault in opened.faults if fault.startswith("page:")]


def test_the_system_chooses_light_or_dark_unless_the_address_does(visit):
    def background(system: str, **parameters: str) -> str:
        with visit(system, **parameters) as opened:
            return opened.page.evaluate("getComputedStyle(document.body).backgroundColor")

    light, dark = background("light"), background("dark")
    assert light != dark
    assert background("light", theme="dark") == dark


def test_what_cannot_be_drawn_is_said_in_words(faulty):
    words = {
        1: 'Prometheus refuses: invalid parameter "query": 1:17: parse error: unclosed left parenthesis',
        2: 'The preview does not draw panels of the kind "candlestick".',
        3: "nothing to see",
        4: "The preview asks Prometheus only, and this panel asks loki.",
        10: 'The preview draws heatmaps of one histogram, asked for with the format "heatmap".',
        11: "No data",
    }
    for number, text in words.items():
        expect(faulty.panel(number)).to_contain_text(text)
    states = faulty.states()
    assert {number for number, state in states.items() if state == "error"} == {"1", "2", "4", "10"}
    assert states["3"] == "empty"
    expect(faulty.page.locator("footer")).to_contain_text('it leaves out panels of the kind "candlestick"')


def test_a_hostile_label_is_text(faulty):
    for number in (5, 6, 7):
        expect(faulty.panel(number)).to_contain_text("<img src=x onerror=window.hacked=1>")
    expect(faulty.panel(8).get_by_role("heading", name=HOSTILE)).to_be_visible()
    faulty.panel(8).get_by_test_id("title-items-container").locator("svg").hover()
    expect(faulty.page.get_by_role("tooltip")).to_contain_text(f"What {HOSTILE.split('<', maxsplit=1)[0]}")
    faulty.panel(9).locator(".u-over").hover()
    expect(faulty.page.locator("#grafana-portal-container")).to_contain_text("<img src=x")
    assert faulty.page.evaluate("window.hacked") is None
    assert faulty.page.locator("img[src=x]").count() == 0
    assert faulty.page.locator("[onerror]").count() == 0


@pytest.mark.parametrize(
    ("uid", "words"),
    [
        ("nodash", "Fixtures/no-dashboard.json is no dashboard: it needs a title and a list of panels."),
        ("no-json", "dashboards/Fixtures/no-json.json is no JSON."),
        ("absent", 'There is no dashboard "absent". There are: faults, kinds'),
    ],
)
def test_a_dashboard_that_is_none_is_said_in_words(visit, uid, words):
    with visit(dashboard=uid) as opened:
        expect(opened.page.get_by_role("alert")).to_contain_text(words)


def test_the_start_page_tells_what_runs(visit, platform):
    with visit() as opened:
        page = opened.page
        for part in ("storage-api", "prometheus", "alertmanager"):
            row = page.get_by_role("row").filter(has=page.get_by_role("link", name=platform.url(part)))
            expect(row).to_contain_text(f"{part}up")
        for target in platform.prometheus.targets():
            expect(page.get_by_role("cell", name=target["labels"]["job"])).to_be_visible()
        expect(page.get_by_text("None is pending or firing.")).to_be_visible()
        for document in SHIPPED.values():
            expect(page.get_by_role("link", name=document["title"])).to_be_visible()
        expect(page.get_by_role("heading", name="Fixtures")).to_be_visible()
        assert opened.faults == []


def test_without_prometheus_the_page_says_so(visit, platform):
    with visit(dashboard="kinds") as board, visit() as start:
        platform.stop(["prometheus"])
        try:
            board.page.get_by_role("button", name="Refresh", exact=True).click()
            words = f"Prometheus at {platform.url('prometheus')}/ does not answer."
            expect(board.page.get_by_role("alert").first).to_contain_text(words)
            expect(start.page.get_by_role("alert")).to_contain_text(words, timeout=10_000)
        finally:
            platform.up()

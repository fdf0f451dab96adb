"""The preview in a real browser: panels, controls, error messages, and safety against hostile labels."""

import json
import re
import time
from contextlib import ExitStack
from functools import cache
from itertools import cycle
from urllib.parse import parse_qs, parse_qsl

import pytest
import requests
from playwright.sync_api import expect

from lab import ROOT, preview_bundle, traffic
from lab.figures import FIGURES, read_services
from tests.support.draws import sample

pytestmark = pytest.mark.live

SHIPPED = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "dashboards").glob("*.json"))}
DRAWN = {document["uid"] for document in SHIPPED.values()} | {"kinds"}
# Titles of panels that may have nothing to show in the lab, where nothing is wrong; so does all of Workload.
MAY_BE_EMPTY = {
    "What is pending or firing?",
    "What is wrong, or switched on, now?",
    "How many notifications were sent?",
    "How full is the disk?",
    "Which route?",  # on a busy machine the traffic is over when the page opens
}
HOSTILE = '"><img src=x onerror=window.hacked=1>'


@pytest.fixture(scope="module")
def loaded(visit):
    """Return a function that loads a dashboard once for all tests that do not change the page."""
    with ExitStack() as stack:

        @cache
        def load(uid: str, theme: str = "light"):
            # On a busy machine the traffic may be minutes ago.
            return stack.enter_context(visit(theme, dashboard=uid, **{"from": "now-5m", "refresh": ""}))

        yield load


# Each dashboard in each theme; the everyday sample has each dashboard in one theme, light and dark in turn.
THEMED = [
    (uid, theme)
    for uid, themes in zip(sorted(DRAWN), cycle([("light", "dark"), ("dark", "light")]), strict=False)
    for theme in themes
]


@pytest.fixture(scope="module", params=sample(THEMED, 2), ids="-".join)
def drawn(request, loaded):
    """A page that shows a dashboard in a theme."""
    return loaded(*request.param)


@pytest.fixture(scope="module")
def faulty(visit):
    with visit(dashboard="faults", **{"var-job": HOSTILE}) as opened:
        yield opened


def test_every_panel_is_drawn_with_data_and_without_errors(drawn):
    states = drawn.states()
    assert states
    assert set(states.values()) <= {"drawn", "empty"}, states
    empty = set(drawn.page.locator("[data-state=empty] h2").all_inner_texts())
    assert empty <= MAY_BE_EMPTY or "/ Workload" in drawn.page.get_by_role("heading", level=1).inner_text()
    assert drawn.faults == []
    expect(drawn.page.locator("footer")).to_contain_text("Preview, not Grafana.")
    expect(drawn.page.locator("footer")).not_to_contain_text("On this dashboard it omits")


@pytest.fixture(scope="module")
def axe() -> str:
    """The code of axe-core, one of the preview's packages, which are installed if need be."""
    preview_bundle.npm("--version")
    return (preview_bundle.SOURCE / "node_modules" / "axe-core" / "axe.min.js").read_text()


def test_the_page_has_no_serious_accessibility_violation(drawn, axe):
    drawn.page.evaluate(axe)
    found = drawn.page.evaluate("axe.run()")
    serious = [entry for entry in found["violations"] if entry["impact"] in ("serious", "critical")]
    # Grafana's library chooses the ink on the colours of the dashboards.
    nodes = [
        (entry["id"], node["html"])
        for entry in serious
        for node in entry["nodes"]
        if not (entry["id"] == "color-contrast" and in_panel(drawn.page, node["target"]))
    ]
    assert nodes == []


def in_panel(page, target: list[str]) -> bool:
    """Tell if an element that axe-core names by its selector is drawn by a panel."""
    return page.locator(target[0]).first.evaluate("e => e.closest('[data-panel]') !== null")


@pytest.mark.parametrize("document", SHIPPED.values(), ids=SHIPPED)
def test_every_panel_of_the_file_is_on_the_page(document, loaded):
    wanted = {str(panel["id"]): panel["title"] for panel in document["panels"] if panel["type"] != "row"}
    opened = loaded(document["uid"])
    for number, title in wanted.items():
        expect(opened.panel(number).get_by_role("heading", name=title, exact=True)).to_be_visible()
    assert opened.states().keys() == wanted.keys()


def test_rates_range_over_four_scrapes(loaded):
    queries = loaded("kinds").queries
    assert {window for query in queries for window in re.findall(r"%5B(\w+)%5D", query.url)} == {"4s"}


def test_changing_a_variable_queries_again(visit):
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


def test_a_variable_with_several_values_selects_and_repeats_panels(visit):
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


def test_a_collapsed_row_opens_with_the_keyboard(visit):
    with visit(dashboard="kinds") as opened:
        row = opened.page.get_by_role("button", name="Closed")
        expect(row).to_have_attribute("aria-expanded", "false")
        expect(opened.panel(12)).to_have_count(0)
        row.focus()
        opened.page.keyboard.press("Enter")
        expect(opened.panel(12)).to_have_attribute("data-state", "drawn")


def test_every_control_is_reachable_with_the_tab_key(visit):
    with visit(dashboard="kinds") as opened:
        names = set()
        for _ in range(60):
            opened.page.keyboard.press("Tab")
            names.add(
                opened.page.evaluate(
                    "(e => e.labels?.[0]?.innerText || e.ariaLabel || e.innerText)(document.activeElement)"
                )
            )
        assert {"Platform", "Storage API", "Job", "size", "Refresh", "Refresh every", "Over time"} <= names


def test_a_time_range_can_be_picked_and_refreshed(visit):
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


def test_dragging_over_a_graph_zooms_in(visit):
    with visit(dashboard="kinds") as opened:
        box = opened.panel(8).locator(".u-over").bounding_box()
        opened.page.mouse.move(box["x"] + 60, box["y"] + 20)
        opened.page.mouse.down()
        opened.page.mouse.move(box["x"] + 200, box["y"] + 20, steps=5)
        opened.page.mouse.up()
        opened.page.wait_for_url(re.compile(r"from=\d{13}&to=\d{13}"))


def test_the_page_refreshes_automatically(visit):
    with visit(dashboard="kinds", refresh="1s") as opened:
        for _ in range(2):
            opened.page.wait_for_event("request", lambda request: "query_range" in request.url, timeout=5000)


def test_annotations_are_drawn_as_marks(visit):
    with visit(dashboard="kinds") as opened:
        for number in (7, 10):  # a state timeline and a heatmap
            expect(opened.panel(number).locator(".event-region").first).to_be_visible()
        marks = opened.panel(8).locator(".event-region")
        expect(marks.first).to_have_attribute("aria-label", "a quarter of a minute")
        expect(marks.first).to_have_css("background-color", "rgb(0, 114, 178)")
        marks.first.hover()
        expect(opened.page.get_by_role("tooltip")).to_contain_text("a quarter: of a minute")


def test_exemplars_are_drawn_as_marks(visit):
    with visit(dashboard="kinds") as opened:
        expect(opened.panel(8).locator(".event-exemplar")).to_have_count(0)
        # Nothing in the platform sends exemplars yet: this is the only faked response.
        exemplar = {"labels": {"trace_id": "abc"}, "value": "0.1", "timestamp": time.time() - 60}
        answer = {"status": "success", "data": [{"seriesLabels": {}, "exemplars": [exemplar]}]}
        opened.page.route("**/api/v1/query_exemplars?*", lambda route: route.fulfill(json=answer))
        opened.page.get_by_role("button", name="Refresh", exact=True).click()
        for number in (8, 10):  # a graph; a heatmap, whose target for exemplars draws nothing
            mark = opened.panel(number).locator(".event-exemplar")
            expect(mark).to_have_attribute("aria-label", "Exemplar trace_id: abc")


def test_a_graph_has_a_tooltip_and_a_legend_that_hides_series(visit):
    with visit(dashboard="kinds", **{"from": "now-10s"}) as opened:
        panel = opened.panel(8)
        tooltip = opened.page.locator("#grafana-portal-container")
        panel.locator(".u-over").hover()
        expect(tooltip).to_contain_text("failed")
        panel.get_by_role("button", name="requests").click()
        panel.locator(".u-over").hover()
        expect(tooltip).to_contain_text("requests")
        expect(tooltip).not_to_contain_text("failed")
        panel.get_by_role("button", name="requests").click()
        panel.locator(".u-over").hover()
        expect(tooltip).to_contain_text("failed")


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
    wanted = {
        "dashboard": SHIPPED["storage-api"]["uid"],
        "var-job": "platform-storage-api",
        "from": "now-2m",
        "to": "now",
        "theme": "dark",
    }
    with visit(dashboard="kinds", theme="dark", **{"from": "now-2m"}) as opened:
        cell = opened.panel(9).get_by_role("link", name="platform-storage-api")
        stat = opened.panel(2).get_by_role("link")
        for link in (cell, stat):
            assert dict(parse_qsl(link.get_attribute("href").removeprefix("?"))) == wanted


def test_a_menu_in_the_header_leads_to_the_dashboards_with_its_tag(visit):
    with visit(dashboard="kinds", **{"from": "now-2m", "var-size": "1"}) as opened:
        opened.page.get_by_role("button", name="All fixtures").click()
        opened.page.get_by_role("menuitem", name="What can go wrong").click()
        opened.page.wait_for_url("**dashboard=faults**")
        assert {"from=now-2m", "var-size=1"} <= set(opened.page.url.partition("?")[2].split("&"))


def test_cells_of_a_table_have_the_words_and_colours_of_the_mappings(visit):
    with visit(dashboard="kinds") as opened:
        cell = opened.panel(5).get_by_role("gridcell", name="up").first
        expect(cell).to_have_css("background-color", "rgb(0, 158, 115)")


PHONE = {"width": 390, "height": 844}


def scrolls_sideways(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


def test_on_a_phone_panels_stand_in_one_column_in_their_order(visit):
    with visit(dashboard="kinds") as opened:
        wide = opened.page.viewport_size
        opened.page.set_viewport_size(PHONE)
        boxes = [panel.bounding_box() for panel in opened.page.locator("[data-panel]").all()]
        assert not scrolls_sideways(opened.page)
        opened.page.set_viewport_size(wide)
    assert {box["x"] for box in boxes} == {8}
    assert [box["y"] for box in boxes] == sorted(box["y"] for box in boxes)


def test_an_invalid_time_range_in_the_address_shows_an_error(visit):
    with visit(dashboard="kinds", **{"from": "yesterday-ish", "refresh": "often"}) as opened:
        expect(opened.page.get_by_role("alert")).to_contain_text(
            '"yesterday-ish" to "now" is not a time range'
        )
        assert not [fault for fault in opened.faults if fault.startswith("page:")]


def test_the_theme_follows_the_system_unless_the_address_sets_it(visit):
    def background(system: str, **parameters: str) -> str:
        with visit(system, **parameters) as opened:
            return opened.page.evaluate("getComputedStyle(document.body).backgroundColor")

    light, dark = background("light"), background("dark")
    assert light != dark
    assert background("light", theme="dark") == dark


def test_a_panel_that_cannot_be_drawn_shows_the_reason(faulty):
    messages = {
        1: "Prometheus returned an error: "
        'invalid parameter "query": 1:17: parse error: unclosed left parenthesis',
        2: 'The preview cannot draw panels of type "candlestick".',
        3: "nothing to see",
        4: "The preview can query only Prometheus, and this panel queries loki.",
        10: "The preview cannot draw this panel: "
        'a heatmap needs exactly one histogram, queried with the format "heatmap".',
    }
    for number, text in messages.items():
        expect(faulty.panel(number)).to_contain_text(text)
    states = faulty.states()
    assert {number for number, state in states.items() if state == "error"} == {"1", "2", "4", "10"}
    assert (states["3"], states["11"]) == ("empty", "empty")
    expect(faulty.page.locator("footer")).to_contain_text(
        'it omits panels of type "candlestick", the data links of "Not finite".'
    )


def test_a_stat_without_data_has_the_text_and_colour_for_null(faulty):
    """Grafana gives it the colour of the lowest threshold, green, unless a mapping names null."""
    expect(faulty.panel(11)).to_contain_text("no data")
    expect(faulty.panel(11)).not_to_contain_text("none")
    painted = faulty.panel(11).evaluate(
        "e => [...e.querySelectorAll('*')].map((one) => getComputedStyle(one).backgroundColor)"
    )
    assert "rgb(204, 121, 167)" in painted


def test_hostile_labels_are_shown_as_text(faulty):
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
    ("uid", "message"),
    [
        ("nodash", "Fixtures/no-dashboard.json is not a dashboard: it needs a title and a list of panels."),
        ("no-json", "dashboards/Fixtures/no-json.json is not valid JSON."),
        ("absent", 'No dashboard has the uid "absent". Available: faults, kinds'),
    ],
)
def test_an_invalid_or_unknown_dashboard_leads_to_the_start_page_with_a_line(visit, uid, message):
    with visit(dashboard=uid) as opened:
        expect(opened.page.get_by_role("alert")).to_contain_text(message)
        expect(opened.page.get_by_role("heading", name="Services")).to_be_visible()


def row_of(page, *texts: str):
    """The row of a table that contains each text."""
    rows = page.get_by_role("row")
    for text in texts:
        rows = rows.filter(has_text=text)
    return rows


def test_the_start_page_lists_services_processes_targets_alerts_and_dashboards(visit, platform):
    traffic.send(platform.service_url, rounds=20, rate=5)
    with visit() as opened:
        page = opened.page
        expect(row_of(page, "platform-storage-apiobservability")).to_contain_text("healthy")
        expect(row_of(page, "checkoutshop")).to_contain_text("no traffic")
        # A process that answers scrapes is not healthy for that alone: its service's state stands beside it.
        expect(row_of(page, "OpenAPI document")).to_contain_text("answers scrapeshealthy")
        expect(row_of(page, platform.url("checkout"), "metrics")).to_contain_text("answers scrapesno traffic")
        for target in platform.prometheus.targets():
            expect(row_of(page, target["labels"]["job"]).last).to_contain_text("answers scrapes")
        expect(page.get_by_text("No alert is pending or firing.")).to_be_visible()
        for document in SHIPPED.values():
            expect(page.get_by_role("link", name=document["title"], exact=True)).to_be_visible()
        expect(page.get_by_role("heading", name="Fixtures")).to_be_visible()
        assert opened.faults == []


def test_the_start_page_has_the_figures_of_the_status_table(visit, platform):
    """The page asks a moment later than the test, so numbers may differ, but not their kinds."""
    with visit() as opened:
        heads = opened.page.get_by_role("table").first.get_by_role("columnheader").all_inner_texts()
        assert heads == ["Service", "Namespace", "State", *(figure.heading for figure in FIGURES.values())]
        for service in read_services(platform.prometheus):
            namespace, name = service.name.split("/")
            cells = row_of(opened.page, f"{name}{namespace}").get_by_role("cell").all_inner_texts()
            wanted = [service.texts.get(key, "no data") for key in FIGURES]
            assert [kind_of(cell) for cell in cells[3:]] == [kind_of(text) for text in wanted]


def kind_of(text: str) -> str:
    """The text with each number replaced by N."""
    return re.sub(r"[\d.]+", "N", text)


def test_every_page_that_the_start_page_names_shows_something(visit, platform):
    with visit() as opened:
        for name in ("storage-api", "checkout", "prometheus", "alertmanager", "receiver"):
            links = row_of(opened.page, platform.url(name)).last.get_by_role("link").all()
            assert links, name
            for link in links:
                answer = requests.get(link.get_attribute("href"), timeout=5)
                assert answer.ok, link
                assert answer.content


def test_the_start_page_does_not_scroll_sideways_on_a_phone(visit):
    with visit() as opened:
        wide = opened.page.viewport_size
        opened.page.set_viewport_size(PHONE)
        assert not scrolls_sideways(opened.page)
        opened.page.set_viewport_size(wide)


def test_the_start_page_shows_what_alertmanager_delivered(visit, platform):
    labels = {"alertname": "CheckoutDown", "slo_service": "checkout", "severity": "critical"}
    alert = {"labels": labels, "annotations": {"summary": "no target of the checkout"}}
    url = f"{platform.alertmanager.url}/api/v2/alerts"
    with visit() as opened:
        expect(opened.page.get_by_text("None was delivered yet.")).to_be_visible()
        requests.post(url, json=[alert], timeout=5).raise_for_status()
        row = opened.page.get_by_role("row").filter(has_text="CheckoutDown")
        expect(row).to_contain_text(
            "pagerCheckoutDownfiringcheckoutno target of the checkout", timeout=15_000
        )
        assert opened.faults == []


def test_an_unreachable_prometheus_is_reported(visit, platform):
    with visit(dashboard="kinds") as board, visit() as start:
        platform.stop(["prometheus"])
        try:
            board.page.get_by_role("button", name="Refresh", exact=True).click()
            message = f"Prometheus at {platform.url('prometheus')}/ does not answer."
            expect(board.page.get_by_role("alert").first).to_contain_text(message)
            expect(start.page.get_by_role("alert")).to_contain_text(message, timeout=10_000)
        finally:
            platform.up()

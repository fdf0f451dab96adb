"""The picture of each state: what the dashboards and the start page show of services in all of them."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qsl, urlencode

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from bench.slo.server import Server, load
from lab import ROOT, preview
from lab.toolchain import ToolError
from tests.preview.recorded import NAMESPACE, SERVICES, series

pytestmark = pytest.mark.browser

GREEN, GREY, ORANGE, VERMILION, RED = "#009E73", "#808080", "#E69F00", "#D55E00", "#A0001C"
PHONE = {"width": 390, "height": 844}
READY_MS = 30_000


@pytest.fixture(scope="module")
def server(tmp_path_factory, missing_part) -> Iterator[str]:
    """The address of a page of the shipped dashboards, served by a Prometheus with the recorded series."""
    folder = tmp_path_factory.mktemp("states")
    files = {f"Shipped/{path.name}": path.read_text() for path in (ROOT / "dashboards").glob("*.json")}
    try:
        preview.write(folder / "user", files, "15s", [])
        load(folder / "data", series(int(time.time())))
        with Server(folder / "data", pages=folder / "user") as started:
            yield f"{started.url}/user/"
    except ToolError as error:
        missing_part(str(error))


@dataclass
class View:
    """An open page of the preview."""

    page: Page

    def panel(self, title: str) -> Locator:
        heading = self.page.get_by_role("heading", name=title, exact=True)
        return self.page.locator("[data-panel]").filter(has=heading)

    def text(self, title: str) -> str:
        """What a panel shows, without its title, with single spaces."""
        return " ".join(self.panel(title).inner_text().removeprefix(title).split())

    def painted(self, title: str) -> set[str]:
        """The colours of texts and backgrounds in a panel, such as #009E73."""
        found = self.panel(title).evaluate(
            "e => [...e.querySelectorAll('*')].flatMap((one) => "
            "[getComputedStyle(one).backgroundColor, getComputedStyle(one).color])"
        )
        numbers = (re.findall(r"\d+", color)[:3] for color in found)
        return {"#" + "".join(f"{int(number):02X}" for number in each) for each in numbers}

    def legend(self, title: str) -> list[list[str]]:
        """The rows of a graph's legend: name, last and worst value."""
        rows = self.panel(title).locator("table tbody tr").all()
        return [[cell for cell in row.inner_text().split("\n") if cell.strip()] for row in rows]

    def rows(self, title: str) -> list[list[str]]:
        """The rows of a table, without its head."""
        rows = self.panel(title).get_by_role("row").all()[1:]
        return [row.get_by_role("gridcell").all_inner_texts() for row in rows]

    def scrolls_sideways(self) -> bool:
        return self.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )


@pytest.fixture(scope="module")
def view(server: str, browser: Browser):
    """A function that opens the start page or a dashboard once, such as view("service", service="well")."""
    with ExitStack() as stack:

        @cache
        def opened(dashboard: str = "", phone: bool = False, **variables: str) -> View:
            size = PHONE if phone else {"width": 1366, "height": 2600}
            page = browser.new_page(viewport=size)
            stack.callback(page.close)
            query = {"dashboard": f"observability-platform-{dashboard}"} if dashboard else {}
            query |= {"from": "now-20m", "refresh": ""} | {
                f"var-{name}": value for name, value in variables.items()
            }
            page.goto(f"{server}?{urlencode(query)}")
            page.wait_for_selector("body[data-ready=true]", timeout=READY_MS)
            return View(page)

        yield opened


@pytest.fixture(scope="module")
def service(view):
    """A function that opens the dashboard of a service."""
    return lambda name: view("service", namespace=NAMESPACE, service=name)


# State, failing, p99, requests, targets, and the colours of the first and the last.
STATS = {
    "well": ("healthy", "0%", "120 ms", "20 req/s", "2 of 2", GREEN, GREEN),
    "idle": ("no traffic", "no traffic", "not measured", "no traffic", "2 of 2", GREY, GREEN),
    "dead": ("down", "down", "down", "down", "0 of 2", RED, RED),
    "pending": ("degraded", "1%", "120 ms", "20 req/s", "2 of 2", ORANGE, GREEN),
    "firing": ("paging", "20%", "120 ms", "21 req/s", "2 of 2", VERMILION, GREEN),
    "drill": ("degraded", "5%", "120 ms", "20 req/s", "2 of 2", ORANGE, GREEN),
    "broken": ("paging", "100%", "not measured", "20 req/s", "2 of 2", VERMILION, GREEN),
    "partial": ("degraded", "0%", "120 ms", "20 req/s", "1 of 3", ORANGE, ORANGE),
}
TITLES = ("State", "Failing", "p99 latency", "Requests", "Targets")


@pytest.mark.parametrize("name", SERVICES)
def test_the_figures_of_a_service_tell_its_state(service, name):
    opened = service(name)
    *texts, first, last = STATS[name]
    assert [opened.text(title) for title in TITLES] == texts
    assert first in opened.painted("State")
    assert last in opened.painted("Targets")
    greens = {title for title in TITLES if GREEN in opened.painted(title)}
    assert greens == {title for title, color in (("State", first), ("Targets", last)) if color == GREEN}


ALERTS = "What is wrong, or switched on, now?"
NOTHING = "no pending or firing alert is recorded, and no fault"


@pytest.mark.parametrize("name", ["well", "idle", "partial"])
def test_without_alerts_and_faults_the_dashboard_says_so(service, name):
    assert service(name).text(ALERTS) == NOTHING


@pytest.mark.parametrize(
    ("name", "state", "color"), [("pending", "pending", ORANGE), ("firing", "firing", VERMILION)]
)
def test_an_alert_is_listed_with_its_age_and_marked_on_the_graphs(service, name, state, color):
    opened = service(name)
    ((alert, shown, age, severity, runbook),) = opened.rows(ALERTS)
    assert (alert, shown, severity, runbook) == ("Burning", state, "critical", "Burning.md")
    assert re.fullmatch(r"1\d(\.\d)? mins", age)
    assert color in opened.painted(ALERTS)
    mark = opened.panel("What is answered?").locator(".event-region")
    expect(mark).to_have_attribute("aria-label", re.compile("^Burning (fires|is pending) critical$"))


def test_a_fault_that_is_switched_on_is_listed_and_marked_in_blue(service):
    opened = service("drill")
    ((fault, state, *_),) = opened.rows(ALERTS)
    assert (fault, state) == ("error", "drill")
    mark = opened.panel("What is answered?").locator(".event-region")
    expect(mark).to_have_attribute("aria-label", "Drill: error drill")
    expect(mark).to_have_css("background-color", "rgb(0, 114, 178)")


ANSWERS = "What is answered?"


def test_bad_answers_come_first_in_the_legend(service):
    assert service("firing").legend(ANSWERS) == [
        ["bad 503", "4.20 req/s", "4.20 req/s"],
        ["good 200", "15.8 req/s", "15.8 req/s"],
        ["good 404", "1 req/s", "1 req/s"],
    ]


@pytest.mark.parametrize(("name", "first"), [("broken", "bad 503"), ("dead", "good 200")])
def test_what_is_no_longer_answered_has_no_last_value(service, name, first):
    rows = service(name).legend(ANSWERS)
    assert rows[0][0] == first
    assert rows[-1] == ["good 200", "no requests recorded", "20 req/s"]


def test_every_pod_is_listed_though_nothing_measures_it_but_its_scrape(service):
    opened = service("partial")
    assert sorted(row[0] for row in opened.rows("Which pod?")) == ["pod-0", "pod-1", "pod-2"]
    assert [sum("down" in row for row in opened.rows("Which pod?"))] == [2]
    assert {GREEN, RED} <= opened.painted("Which pod?")


WORST_FIRST = {"dead", "broken"}
SERVICES_TABLE = "Which service needs me?"


def test_the_services_are_listed_worst_first_and_lead_to_their_dashboard(view):
    opened = view("services")
    rows = opened.rows(SERVICES_TABLE)
    assert [row[1] for row in rows] == ["down", *["paging"] * 2, *["degraded"] * 3, "no traffic", "healthy"]
    link = opened.panel(SERVICES_TABLE).get_by_role("link", name="dead")
    target = dict(parse_qsl(link.get_attribute("href").removeprefix("?")))
    wanted = {
        "dashboard": "observability-platform-service",
        "var-namespace": NAMESPACE,
        "var-service": "dead",
    }
    assert wanted.items() <= target.items()
    assert (target["from"], target["to"]) == ("now-20m", "now")


def test_a_state_in_the_timeline_leads_to_the_service(view):
    opened = view("services")
    opened.panel("When did each service stop being healthy?").locator(".u-over").click()
    link = opened.page.get_by_role("link", name="Open the service")
    assert "dashboard=observability-platform-service" in link.get_attribute("href")


def test_the_start_page_lists_the_services_worst_first_with_their_figures(view):
    rows = [row.get_by_role("cell").all_inner_texts() for row in view().page.get_by_role("row").all()]
    shown = {row[0]: row[2:] for row in rows if len(row) == 9}
    assert list(shown) == ["dead", "broken", "firing", "drill", "pending", "partial", "idle", "well"]
    assert shown["dead"] == ["down", "0 of 2", "no data", "no data", "no data", "10%", "1.2.3"]
    assert shown["broken"] == ["paging", "2 of 2", "20.0", "100.00%", "no data", "-320%", "1.2.3"]
    assert shown["firing"] == ["paging", "2 of 2", "21.0", "20.00%", "120 ms", "-40%", "1.2.3"]
    assert shown["partial"] == ["degraded", "1 of 3", "20.0", "0.00%", "120 ms", "80%", "1.2.3"]


ALERT = {
    "labels": {
        "alertname": "Burning",
        "severity": "critical",
        "runbook": "availability-budget-burn",
        "namespace": NAMESPACE,
        "slo_service": "firing",
    },
    "annotations": {"summary": "20 % of requests fail", "description": "The budget is used up in 4 hours."},
    "activeAt": "2026-01-01T00:00:00Z",
}


def test_the_start_page_describes_pending_and_firing_alerts_with_links(server, browser):
    waiting = {**ALERT, "labels": ALERT["labels"] | {"alertname": "Waiting"}, "state": "pending"}
    answer = {"status": "success", "data": {"alerts": [waiting, ALERT | {"state": "firing"}]}}
    page = browser.new_page(viewport=PHONE)
    page.route("**/api/v1/alerts?*", lambda route: route.fulfill(json=answer))
    page.goto(server)
    page.wait_for_selector("body[data-ready=true]", timeout=READY_MS)
    first, second = page.get_by_role("row").filter(has_text="20 % of requests fail").all()
    expect(first).to_contain_text("Burning")
    expect(first).to_contain_text("firing")
    expect(first).to_contain_text("The budget is used up in 4 hours.")
    expect(second).to_contain_text("pending")
    assert not View(page).scrolls_sideways()
    target = dict(parse_qsl(first.get_by_role("link", name="Dashboard").get_attribute("href")[1:]))
    assert (target["dashboard"], target["var-service"]) == ("observability-platform-service", "firing")
    first.get_by_role("link", name="Runbook").click()
    page.wait_for_url("**/runbooks/availability-budget-burn.md")
    assert (ROOT / "docs/runbooks/availability-budget-burn.md").read_text()[:40] in page.inner_text("body")
    page.close()


def test_a_name_on_the_start_page_leads_to_the_dashboard_of_the_service(view):
    link = view().page.get_by_role("link", name="broken")
    target = dict(parse_qsl(link.get_attribute("href").removeprefix("?")))
    assert target == {
        "dashboard": "observability-platform-service",
        "var-namespace": NAMESPACE,
        "var-service": "broken",
    }


@pytest.mark.parametrize("dashboard", ["", "services", "service", "storage-api", "workload", "platform"])
def test_no_page_scrolls_sideways_on_a_phone(view, dashboard):
    assert not view(dashboard, phone=True).scrolls_sideways()


def test_on_a_phone_the_services_show_their_first_five_columns(view):
    opened = view("services", phone=True)
    frame = opened.panel(SERVICES_TABLE).bounding_box()
    heads = opened.panel(SERVICES_TABLE).get_by_role("columnheader").all()
    ends = [box["x"] + box["width"] for box in (head.bounding_box() for head in heads)]
    assert ends[4] <= frame["x"] + frame["width"] < ends[5]


def test_on_a_phone_state_failing_and_latency_come_first(view):
    opened = view("service", phone=True, namespace=NAMESPACE, service="firing")
    tops = [opened.panel(title).bounding_box()["y"] for title in ("State", "Failing", "p99 latency")]
    assert tops == sorted(tops)
    assert tops[-1] < PHONE["height"]

"""Fixtures: the platform with traffic, its preview with extra test dashboards, and a browser."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response

from lab import preview, traffic
from lab.browser import chromium
from lab.errors import LabError
from lab.platform import Platform
from lab.toolchain import ToolError
from tests.support.intervals import every
from tests.support.waiting import wait_until

FIXTURES = Path(__file__).parent / "dashboards"
READY_MS = 30_000


@dataclass
class Visit:
    """A loaded page, with the errors and queries recorded so far."""

    page: Page
    faults: list[str] = field(default_factory=list)
    """Uncaught errors, console errors, and failed requests."""
    queries: list[Request] = field(default_factory=list)
    """The queries that the page sent to Prometheus."""

    def settle(self) -> None:
        """Wait until every panel shows its data or an error."""
        self.page.wait_for_selector("body[data-ready=true]", timeout=READY_MS)

    def states(self) -> dict[str, str]:
        """The state of each panel (loading, drawn, empty or error) by panel id."""
        panels = self.page.locator("[data-panel]").all()
        return {panel.get_attribute("data-panel"): panel.get_attribute("data-state") for panel in panels}

    def recorders(self) -> dict[str, Callable[[Any], None]]:
        """The handlers that record faults and queries, by the name of the page's event."""

        def failed(request: Request) -> None:
            # The page aborts queries whose result it no longer needs.
            if request.failure != "net::ERR_ABORTED":
                self.faults.append(f"{request.failure} {request.url}")

        def said(entry: ConsoleMessage) -> None:
            if entry.type == "error":
                self.faults.append(entry.text)

        def answered(answer: Response) -> None:
            # The browser asks again for a file that it has kept for a while: 304 if it has not changed.
            if not answer.ok and answer.status != 304:
                self.faults.append(f"{answer.status} {answer.url}")

        def asked(request: Request) -> None:
            if "/api/v1/query" in request.url:
                self.queries.append(request)

        return {
            "pageerror": lambda error: self.faults.append(f"page: {error}"),
            "console": said,
            "requestfailed": failed,
            "response": answered,
            "request": asked,
        }

    def panel(self, number: int):
        return self.page.locator(f"[data-panel='{number}']")


@pytest.fixture(scope="session")
def browser(missing_part) -> Iterator[Browser]:
    try:
        with chromium() as started:
            yield started
    except LabError as error:
        missing_part(str(error))


@pytest.fixture(scope="session")
def extra_dashboards() -> dict[str, str]:
    """The tests' own dashboards by path, with the panel types and errors that the shipped ones lack."""
    return {f"Fixtures/{file.name}": file.read_text() for file in FIXTURES.iterdir()}


@pytest.fixture(scope="session")
def platform(tmp_path_factory, extra_dashboards, missing_part) -> Iterator[Platform]:
    with Platform(folder=tmp_path_factory.mktemp("lab"), values=every(1)) as started:
        try:
            preview.publish(started, extra_dashboards)
        except ToolError as error:
            missing_part(str(error))
        _send_traffic(started)
        yield started


def _send_traffic(platform: Platform) -> None:
    """Send traffic until Prometheus has seen it over a rate window, and has evaluated the slow rules."""
    traffic.send(platform.service_url, rounds=20, rate=5)
    rate = "sum(rate(http_request_count_total[4s]))"
    wait_until(lambda: platform.prometheus.value(rate), 30, "Prometheus sees the traffic", every=0.2)
    budgets = 'count(slo:error_budget_remaining:ratio{slo_service="platform-storage-api"}) == 2'
    wait_until(lambda: platform.prometheus.value(budgets), 30, "both budgets are recorded", every=0.2)


@pytest.fixture(scope="session")
def visit(browser: Browser, platform: Platform) -> Callable:
    """A context manager that opens the preview: `visit("dark", dashboard="kinds", **parameters)`."""

    # One context per theme, and its pages are used again: both keep the page's code compiled, which takes
    # most of the time of a visit.
    size = {"width": 1280, "height": 2600}
    contexts = {theme: browser.new_context(color_scheme=theme, viewport=size) for theme in ("light", "dark")}
    idle: dict[str, list[Page]] = {theme: [] for theme in contexts}

    @contextmanager
    def visiting(system: str = "light", /, **parameters: str | list[str]) -> Iterator[Visit]:
        page = idle[system].pop() if idle[system] else contexts[system].new_page()
        opened = Visit(page)
        recorders = opened.recorders()
        for event, recorder in recorders.items():
            page.on(event, recorder)
        page.goto(f"{preview.url(platform)}?{urlencode(parameters, doseq=True)}")
        opened.settle()
        yield opened
        for event, recorder in recorders.items():
            page.remove_listener(event, recorder)
        page.unroute_all()
        page.mouse.move(0, 0)
        page.goto("about:blank")
        idle[system].append(page)

    return visiting

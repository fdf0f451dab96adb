"""Fixtures: the platform with traffic, its preview with extra test dashboards, and a browser."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, Request

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
    """Send traffic until Prometheus has seen it over a whole rate window."""
    traffic.send(platform.service_url, rounds=40, rate=5)
    rate = "sum(rate(http_request_count_total[4s]))"
    wait_until(lambda: platform.prometheus.value(rate), 30, "Prometheus sees the traffic", every=0.2)


@pytest.fixture(scope="session")
def visit(browser: Browser, platform: Platform) -> Callable:
    """A context manager that opens the preview: `visit("dark", dashboard="kinds", **parameters)`."""

    # One context per theme, shared by all visits: it caches the page's code.
    size = {"width": 1280, "height": 2600}
    contexts = {theme: browser.new_context(color_scheme=theme, viewport=size) for theme in ("light", "dark")}

    @contextmanager
    def visiting(system: str = "light", /, **parameters: str | list[str]) -> Iterator[Visit]:
        page = contexts[system].new_page()
        opened = Visit(page)
        page.on("pageerror", lambda error: opened.faults.append(f"page: {error}"))
        page.on("console", lambda entry: entry.type == "error" and opened.faults.append(entry.text))
        page.on("requestfailed", lambda request: _failed(request, opened))
        page.on("response", lambda answer: answer.ok or opened.faults.append(f"{answer.status} {answer.url}"))
        page.on("request", lambda request: "/api/v1/query" in request.url and opened.queries.append(request))
        page.goto(f"{preview.url(platform)}?{urlencode(parameters, doseq=True)}")
        opened.settle()
        yield opened
        page.close()

    return visiting


def _failed(request: Request, opened: Visit) -> None:
    # The page aborts queries whose result it no longer needs.
    if request.failure != "net::ERR_ABORTED":
        opened.faults.append(f"{request.failure} {request.url}")

"""The tables of `make up` and `make status`: parts, services, and the last notifications."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.table import Table

from lab.figures import STATES, Figures, Service
from lab.notifications import Notification

SHOWN_NOTIFICATIONS = 5


def parts_table(parts: Iterable[tuple[str, str, str]], figures: Figures | None) -> Table:
    """The parts, each with name, state and URL, and whether Prometheus scrapes and evaluates everything."""
    made = _table("Observability platform", "part", "state", "URL")
    for part in parts:
        made.add_row(*part)
    made.add_section()
    if figures is None:
        made.add_row("live figures", "Prometheus does not answer")
    else:
        made.add_row("targets up", f"{figures.targets - len(figures.down)} of {figures.targets}")
        made.add_row("rules loaded", f"{figures.rules}, {figures.rules_failing or 'none'} failing")
    return made


def services_table(services: Iterable[Service]) -> Table:
    made = _table("Services", "service", "state", "requests/s", "errors", "p99", "budget left")
    made.columns[0].no_wrap = True
    for each in services:
        made.add_row(
            each.name.rpartition("/")[2],
            STATES[each.state],
            _format(each.request_rate, "{:.1f}"),
            _format(each.error_ratio, "{:.2%}"),
            _format(each.p99 and each.p99 * 1000, "{:.0f} ms"),
            _format(each.budget_left, "{:.0%}"),
        )
    return made


def firing_table(services: Iterable[Service]) -> Table:
    made = _table("Firing alerts", "service", "alert")
    for each in services:
        for alert in each.firing:
            made.add_row(each.name.rpartition("/")[2], alert)
    if not made.row_count:
        made.add_row("none")
    return made


def notifications_table(notifications: Sequence[Notification]) -> Table:
    """The newest notifications; the argument has the newest first."""
    made = _table("Last notifications", "delivered", "to", "alert", "status", "service", "summary")
    for each in notifications[:SHOWN_NOTIFICATIONS]:
        labels = each.labels
        made.add_row(
            datetime.fromtimestamp(each.at).astimezone().strftime("%H:%M:%S"),
            each.receiver,
            labels.get("alertname", ""),
            each.status,
            labels.get("slo_service", ""),
            each.annotations.get("summary", ""),
        )
    if not notifications:
        made.add_row("none yet")
    return made


def _table(title: str, *headings: str) -> Table:
    made = Table(title=title, title_justify="left")
    for heading in headings:
        made.add_column(heading, overflow="fold")
    return made


def _format(value: float | None, form: str) -> str:
    return "no data" if value is None else form.format(value)

"""The tables of `make up` and `make status`: parts, services, and the last notifications."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.box import SIMPLE_HEAD
from rich.table import Table

from lab.figures import FIGURES, STATES, Figures, Service
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
    headings = [figure.heading.lower() for figure in FIGURES.values()]
    made = _table("Services", "service", "state", *headings)
    made.box, made.show_edge, made.padding = SIMPLE_HEAD, False, 0  # fits into 80 columns
    made.columns[0].no_wrap = made.columns[1].no_wrap = True
    for each in services:
        figures = [each.texts.get(key, "no data") for key in FIGURES]
        made.add_row(each.name.rpartition("/")[2], STATES[each.state], *figures)
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

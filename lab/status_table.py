"""The one table: each part with its state and URL, and live figures read back from Prometheus."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from rich.table import Table

from lab.clients import Prometheus

_REQUESTS = 'path!~"/healthz|/readyz|/metrics|/api/metrics|/openapi.json|/faults"'
# The last two scrapes are looked for in so many seconds.
_LOOK_BACK = 120


@dataclass(frozen=True)
class Figures:
    """What Prometheus answers now; None where it has no data."""

    request_rate: float | None
    """Requests per second of users: without probes, scrapes and the control of drills."""
    error_ratio: float | None
    """Answers with 5xx among all, 0 to 1."""
    p99: float | None
    """Seconds."""
    down: list[str]
    """The jobs whose targets are not up, with Prometheus' own words."""
    targets: int
    rules: int
    rules_healthy: int

    @classmethod
    def read(cls, prometheus: Prometheus, since: float) -> "Figures":
        """Raises LabError where Prometheus does not answer.

        Rates are those between the last two scrapes: right from the first moment on, where a rate over a
        window would still be rising. Scrapes before `since`, seconds since the epoch, were of another process
        and don't count.
        """
        targets, rules = prometheus.targets(), prometheus.rules()
        window = f"[{max(1, min(_LOOK_BACK, int(time.time() - since)))}s]"
        requests = f"irate(http_request_count_total{{{_REQUESTS}}}{window})"
        errors = f'irate(http_request_count_total{{{_REQUESTS}, status=~"5.."}}{window})'
        buckets = f"irate(http_request_duration_seconds_bucket{{{_REQUESTS}}}{window})"
        return cls(
            request_rate=prometheus.value(f"sum({requests})"),
            error_ratio=prometheus.value(f"(sum({errors}) or vector(0)) / (sum({requests}) > 0)"),
            p99=prometheus.value(f"histogram_quantile(0.99, sum by (le) ({buckets})) >= 0"),
            down=[
                f"{target['labels']['job']} ({target['lastError'] or 'not scraped yet'})"
                for target in targets
                if target["health"] != "up"
            ],
            targets=len(targets),
            rules=len(rules),
            rules_healthy=sum(rule["health"] == "ok" for rule in rules),
        )

    def lacking(self, *, busy: bool) -> str:
        """What is still to come until every figure is there, in words; empty where nothing is.

        `busy` says whether traffic is expected, too.
        """
        if self.down:
            return f"targets that are not up: {', '.join(self.down)}"
        if not self.targets:
            return "no target is scraped"
        if not self.rules_healthy == self.rules > 0:
            return f"{self.rules_healthy} of {self.rules} rules evaluated"
        if busy and not (self.request_rate and self.p99 is not None):
            return "no request of the sample traffic was scraped"
        return ""


def table(parts: Iterable[tuple[str, str, str]], figures: Figures | None) -> Table:
    """The table of `make up` and `make status`; a part is its name, state and URL."""
    made = Table(title="Observability platform", title_justify="left")
    for heading in ("part", "state", "URL"):
        made.add_column(heading, overflow="fold")
    for part in parts:
        made.add_row(*part)
    made.add_section()
    for name, value in _lines(figures):
        made.add_row(name, value)
    return made


def _lines(figures: Figures | None) -> list[tuple[str, str]]:
    if figures is None:
        return [("live figures", "Prometheus does not answer")]
    return [
        ("request rate", _format(figures.request_rate, "{:.1f} per second")),
        ("error ratio", _format(figures.error_ratio, "{:.2%}")),
        ("p99", _format(figures.p99, "{:.4f} s")),
        ("targets up", f"{figures.targets - len(figures.down)} of {figures.targets}"),
        ("rules loaded", f"{figures.rules}, {figures.rules_healthy} healthy"),
    ]


def _format(value: float | None, form: str) -> str:
    return "no data" if value is None else form.format(value)

"""The table of `make up` and `make status`: each part's state and URL, and live figures from Prometheus."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from rich.table import Table

from lab.clients import Prometheus

_REQUESTS = 'path!~"/healthz|/readyz|/metrics|/api/metrics|/openapi.json|/faults"'
# The last two scrapes must lie within this many seconds.
_LOOK_BACK = 120


@dataclass(frozen=True)
class Figures:
    """Current figures from Prometheus; None if it has no data."""

    request_rate: float | None
    """User requests per second: without probes, scrapes and the drills' control requests."""
    error_ratio: float | None
    """Share of 5xx responses, 0 to 1."""
    p99: float | None
    """99th percentile of the request duration, in seconds."""
    down: list[str]
    """Jobs whose targets are not up, with Prometheus' error message."""
    targets: int
    rules: int
    rules_healthy: int

    @classmethod
    def read(cls, prometheus: Prometheus, since: float) -> "Figures":
        """Reads the figures; raises LabError if Prometheus does not answer.

        Rates are taken between the last two scrapes: just after a start, a rate over a longer window would be
        too low. Scrapes before `since` (seconds since the epoch) are ignored, as they came from an earlier
        process.
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
        """The first thing that is still missing, in words; empty once every figure is there.

        With `busy`, traffic is expected too.
        """
        if self.down:
            return f"targets that are not up: {', '.join(self.down)}"
        if not self.targets:
            return "no target is scraped yet"
        if not self.rules_healthy == self.rules > 0:
            return f"{self.rules_healthy} of {self.rules} rules evaluated"
        if busy and not (self.request_rate and self.p99 is not None):
            return "no request of the sample traffic has been scraped yet"
        return ""


def table(parts: Iterable[tuple[str, str, str]], figures: Figures | None) -> Table:
    """The table; each part is its name, state and URL."""
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

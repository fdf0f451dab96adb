"""Recorded traffic: counters of services whose every request is known, with faults at a known time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from bench.slo.shapes import INTERVAL, NAMESPACE

ONSET = 1_789_999_200
"""Seconds since the epoch at which each fault begins, which is also the time of a scrape."""
EVALUATION = 15
"""Seconds from a scrape to the next evaluation."""
MINUTE, HOUR, DAY = 60, 3600, 86400
BUSY = 10.0
"""Requests per second, unless a case says otherwise."""
USUAL = 0.0001
"""Share of requests that fail while there is no fault, a tenth of the budget of 99.9 %."""

Series = tuple[str, list[tuple[int, float]]]
"""A series as OpenMetrics writes it, and its samples: (seconds since the epoch, value)."""


class Case(NamedTuple):
    """A service; `rate` and `ratio` are functions of the seconds since the onset, negative before it."""

    name: str
    title: str
    rate: Callable[[int], float] = lambda _: BUSY
    """Requests per second."""
    ratio: Callable[[int], float] = lambda _: USUAL
    """Share of requests that fail, 0 to 1."""
    watch: int = 6 * HOUR
    """Seconds after the onset that are recorded."""
    history: int = 4 * DAY + HOUR
    """Seconds before the onset that are recorded."""
    pods: int = 2
    codes: tuple[str, ...] = ("200",)
    """Codes of the requests that succeed."""
    born: bool = False
    """Each pod's series of errors appears with its first error."""
    each: bool = False
    """Each error is the first of its own series, which lives for six hours."""
    restart: str = ""
    """`reset`: all pods start again at the onset; `rolling`: others replace them, one every two minutes."""
    gap: int = 0
    """Seconds after the onset in which Prometheus is down."""
    absent: int = 0
    """Seconds after the onset in which the service has no series of requests, only `up`."""

    def times(self) -> Iterator[int]:
        """The time of each scrape, in seconds since the onset."""
        return (t for t in range(-self.history, self.watch + 1, INTERVAL) if not 0 < t <= self.gap)

    def counts(self) -> dict[int, tuple[int, int]]:
        """Requests that succeeded and that failed until each time, by seconds since the onset."""
        found = {}
        arrived = failed = 0.0
        for t in range(-self.history, self.watch + 1, INTERVAL):
            before = int(arrived + 1e-6)
            arrived += self.rate(t - INTERVAL) * INTERVAL
            requests = int(arrived + 1e-6)
            failed += (requests - before) * self.ratio(t - INTERVAL)
            bad = int(failed + 1e-6)
            found[t] = (requests - bad, bad)
        return found

    def truth(self, days: int) -> float:
        """The exact share of requests that failed in the last `days`."""
        counts = self.counts()
        (good, bad), (good_before, bad_before) = counts[self.watch], counts[self.watch - days * DAY]
        return (bad - bad_before) / (good + bad - good_before - bad_before)

    def series(self) -> Iterator[Series]:
        """The series that Prometheus scraped."""
        counts, times = self.counts(), list(self.times())
        for pod in range(self.pods):
            for instance, first, last in self._lives(pod):
                lived = [t for t in times if first <= t <= last]
                yield self._named("up", instance), [(ONSET + t, 1) for t in lived]
                start = counts[first - INTERVAL] if first > -self.history else (0, 0)
                lived = [t for t in lived if not 0 < t <= self.absent]
                for number, code in enumerate(self.codes):
                    part, parts = pod * len(self.codes) + number, self.pods * len(self.codes)
                    base = share(start[0], part, parts)
                    samples = [(ONSET + t, share(counts[t][0], part, parts) - base) for t in lived]
                    yield self._named("http_requests_total", instance, code), samples
                if not self.each:
                    base = share(start[1], pod, self.pods)
                    samples = [(ONSET + t, share(counts[t][1], pod, self.pods) - base) for t in lived]
                    yield (
                        self._named("http_requests_total", instance, "500"),
                        [one for one in samples if one[1] or not self.born],
                    )
        if self.each:
            yield from self._born_each(counts, times)

    def _lives(self, pod: int) -> list[tuple[str, int, int]]:
        """The instances that a pod has had: (name, first second, last second), from the onset."""
        if self.restart == "reset":
            return [(f"pod-{pod}", -self.history, 0), (f"pod-{pod}", INTERVAL, self.watch)]
        if self.restart == "rolling":
            end = pod * 2 * MINUTE
            return [(f"pod-{pod}", -self.history, end), (f"new-{pod}", end + INTERVAL, self.watch)]
        return [(f"pod-{pod}", -self.history, self.watch)]

    def _born_each(self, counts: dict[int, tuple[int, int]], times: list[int]) -> Iterator[Series]:
        before = 0
        for t in times:
            for number in range(before, counts[t][1]):
                lived = [ONSET + other for other in times if t <= other < t + 6 * HOUR]
                name = self._named("http_requests_total", "pod-0", "500", f',route="/{number}"')
                yield name, [(when, 1) for when in lived]
            before = counts[t][1]

    def _named(self, metric: str, instance: str, code: str = "", more: str = "") -> str:
        code = f',code="{code}"' if code else ""
        labels = f'namespace="{NAMESPACE}",job="{self.name}",instance="{instance}"'
        return f"{metric}{{{labels}{code}{more}}}"


def share(number: int, part: int, parts: int) -> int:
    """How many of `number` items part `part` of `parts` gets if they are dealt in turn."""
    return (number + parts - 1 - part) // parts

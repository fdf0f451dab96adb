"""What the proof knows in one view of a dashboard, from which the truth of its panels is calculated."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil
from typing import Any

from lab.clients import Prometheus
from tests.support.dashboard.variables import ALL, TimeRange
from tests.support.proof.client import Sent
from tests.support.proof.lab import CHECKOUT, STAGING, STORAGE, WINDOW_SECONDS, Process

SERVICES = (STORAGE, CHECKOUT, STAGING)
Service = tuple[str, str]
SLOW_SECONDS = 0.3
"""How long the faults delay a request."""
LAG_SECONDS = 3
"""From an answer until a record of it at the latest: a scrape, a rule, and a rule that reads it."""
_STORAGE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
BUCKETS = {
    STORAGE: _STORAGE_BUCKETS,
    STAGING: _STORAGE_BUCKETS,
    CHECKOUT: (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10),
}
"""The bounds of each service's histogram, in seconds."""


@dataclass(frozen=True)
class Phase:
    """A part of the run in which nothing changes; `shown` begins when every window has filled."""

    name: str
    began: float
    """Since when the faults of the phase are switched on, and nothing changes any more."""
    shown: TimeRange
    counted: float
    """Since when requests count."""
    sent: Sequence[Sent]
    """What was answered since it began."""
    up: Collection[str]
    """The pods that run."""
    open_files: Mapping[str, float]
    """The share of file descriptors that each pod has open, at the end."""
    samples: Mapping[str, int]
    """What a scrape of each pod returns, at the end."""
    before: float = 0.0
    """When the first of its faults was switched on."""


@dataclass(frozen=True)
class Count:
    """A moment at which every request has been answered and scraped, so that counters are exact."""

    at: float
    sent: Sequence[Sent]
    """All requests until then to the pods that run."""


@dataclass(frozen=True)
class Seen:
    phase: Phase
    variables: Mapping[str, tuple[str, ...]]
    processes: Sequence[Process]
    """Every pod of the services, running or not."""
    run: Sequence[Sent]
    """What was answered in the whole run."""
    prometheus: Prometheus
    began: Mapping[str, float]
    """When each phase began."""

    @property
    def shown(self) -> TimeRange:
        return self.phase.shown

    @property
    def seconds(self) -> float:
        """The length of what the client counted, for rates."""
        return self.shown.end - self.phase.counted

    @property
    def services(self) -> list[Service]:
        """The services of the chosen namespaces, and of the chosen service if there is that variable."""
        namespaces = self.variables.get("namespace", (ALL,))
        names = self.variables.get("service", (ALL,))
        return [
            service
            for service in SERVICES
            if (namespaces == (ALL,) or service[0] in namespaces) and (names == (ALL,) or service[1] in names)
        ]

    @property
    def service(self) -> Service:
        """The one service that is chosen."""
        (service,) = self.services
        return service

    def pods(self, service: Service) -> list[Process]:
        return [process for process in self.processes if process.service == service]

    def is_up(self, pod: Process) -> bool:
        return pod.pod in self.phase.up

    def targets_up(self, service: Service) -> int:
        return sum(self.is_up(pod) for pod in self.pods(service))

    def sent(self, service: Service, **fields: str | Collection[str]) -> list[Sent]:
        """The requests of a service in this phase, with these values of the fields of Sent."""
        since = self.phase.counted
        return [
            one for one in self.phase.sent if one.service == service and one.at >= since and _has(one, fields)
        ]

    def groups(self, service: Service, *by: str, **fields: str | Collection[str]) -> dict[Any, list[Sent]]:
        """The requests of a service by fields of Sent: by the value if it is one field, else by a tuple."""
        found: dict[Any, list[Sent]] = {}
        for one in self.sent(service, **fields):
            key = tuple(getattr(one, name) for name in by)
            found.setdefault(key[0] if len(by) == 1 else key, []).append(one)
        return found

    def rate(self, sent: Iterable[Sent]) -> tuple[float, float]:
        """The least and the greatest rate of requests, per second, in windows that end in the time shown.

        A scrape may fall between two requests that the client counts together: one more or less.
        """
        times = sorted(one.at for one in sent)
        counts = [
            bisect_right(times, end) - bisect_right(times, end - WINDOW_SECONDS) for end in self._ends(0)
        ]
        return max(0, min(counts) - 1) / WINDOW_SECONDS, (max(counts) + 1) / WINDOW_SECONDS

    def _ends(self, lag: float) -> list[float]:
        """When the windows end that a record of the time shown may have: each half second, with its lag."""
        steps = int(2 * (self.shown.end - self.shown.start + LAG_SECONDS + lag)) + 1
        return [self.shown.end - step / 2 for step in range(steps)]

    def bad_share(
        self, service: Service, window: float, lag: float = 0.0, **fields: str | Collection[str]
    ) -> tuple[float, float] | None:
        """The least and the greatest share of requests that failed, in windows that end in the time shown.

        A record may be `lag` older. `fields` are those of `sent`. None if no window has a request. Times are
        in seconds.
        """
        sent = sorted(
            (one.at, one.outcome == "bad") for one in self.run if one.service == service and _has(one, fields)
        )
        times = [at for at, _ in sent]
        failed = [0, *accumulate(bad for _, bad in sent)]
        found = []
        for end in self._ends(lag):
            first, last = bisect_right(times, end - window), bisect_right(times, end)
            number, bad = last - first, failed[last] - failed[first]
            if number:
                # A scrape may fall between two requests that the client counts together.
                found += [(bad + one) / number for one in (-1, 0, 1) if 0 < bad < number or not one]
        return (min(found), max(found)) if found else None

    def raw(self, selector: str, *labels: str) -> dict:
        """The scraped samples of a selector at the end of the time shown, by labels, without any function."""
        found = self.prometheus.query(selector, self.shown.end)
        return {_key(one["metric"], labels): float(one["value"][1]) for one in found}

    def growth(self, selector: str, *labels: str) -> dict:
        """How much counters grew from their first to their last sample until the end of the time shown."""
        found = self.prometheus.query(f"{selector}[1d]", self.shown.end)
        return {
            _key(one["metric"], labels): float(one["values"][-1][1]) - float(one["values"][0][1])
            for one in found
        }

    def traces(self, service: Service) -> dict[str, float]:
        """The traces of the requests to a service until now, with their durations as the client saw them."""
        return {one.trace: one.seconds for one in self.run if one.service == service}

    def at_once(self, pod: str) -> int:
        """The most requests that a pod can have had at the same time, as the client saw it."""
        sent = [one for one in self.phase.sent if one.pod == pod]
        return max((sum(a.at - a.seconds <= b.at <= a.at for a in sent) for b in sent), default=0)

    def buckets(self, service: Service) -> dict[float, tuple[float, float]]:
        """Least and greatest requests per second in each bucket of the histogram, by its upper bound.

        A service takes less time than its client sees, but no less than a fault delays it, so a request may
        lie in several buckets.
        """
        bounds = [*BUCKETS[service], float("inf")]
        windows = self._windows(self.sent(service))
        found = {}
        for below, bound in zip([0.0, *bounds], bounds, strict=False):
            rates = []
            for window in windows:
                possible = [one for one in window if one > below and delay(one) <= bound]
                certain = [one for one in possible if below <= delay(one) and one <= bound]
                most = len(possible) + bool(possible)
                rates.append((max(0, len(certain) - 1) / WINDOW_SECONDS, most / WINDOW_SECONDS))
            lows, highs = zip(*rates, strict=True) if rates else ((0.0,), (0.0,))
            found[bound] = (min(lows), max(highs))
        return found

    def mean(self, service: Service, **fields: str | Collection[str]) -> tuple[float, float]:
        """Bounds in seconds of the mean latency of good answers: the faults' delay, what the client saw."""
        windows = self._windows(self.sent(service, outcome="good", **fields))
        delays = [sum(map(delay, window)) / len(window) for window in windows]
        return min(delays), max(sum(window) / len(window) for window in windows)

    def quantile(
        self, service: Service, q: float, **fields: str | Collection[str]
    ) -> tuple[float, float] | None:
        """Bounds in seconds of the quantile `q` of the latency of good answers: the bucket that it lies in.

        Within a bucket Prometheus interpolates, so nothing more can be said. A service takes less time than
        its client sees, but no less than a fault delays it. The bounds are those of the shares `q` +-2 % in
        every window of the time shown. None without good answers.
        """
        windows = self._windows(self.sent(service, outcome="good", **fields))
        return within(q, windows, BUCKETS[service]) if windows else None

    def _windows(self, sent: Sequence[Sent]) -> list[list[float]]:
        """The latencies of requests in each window that ends in the time shown, without empty ones."""
        ends = [self.shown.end - step for step in range(int(self.shown.end - self.shown.start) + 1)]
        windows = (
            [one.seconds for one in sent if end - lag - WINDOW_SECONDS < one.at <= end - lag]
            for end in ends
            for lag in range(LAG_SECONDS + 1)
        )
        return [window for window in windows if window]


def within(q: float, windows: Sequence[Sequence[float]], bounds: Sequence[float]) -> tuple[float, float]:
    """The bounds of the buckets in which the quantile `q` of each window may lie."""
    lows, highs = [], []
    for window in windows:
        slow, fast = _at([delay(one) for one in window], q - 0.02), _at(window, q + 0.02)
        lows.append(max(bound for bound in (0.0, *bounds) if bound <= slow))
        highs.append(min((bound for bound in bounds if bound >= fast), default=bounds[-1]))
    return min(lows), max(highs)


def delay(seconds: float) -> float:
    """How long a fault delayed a request that took so long, as the client saw it."""
    return SLOW_SECONDS if seconds >= SLOW_SECONDS else 0.0


def _key(found: Mapping[str, str], labels: Sequence[str]):
    return found[labels[0]] if len(labels) == 1 else tuple(found.get(label, "") for label in labels)


def _has(one: Sent, fields: Mapping[str, str | Collection[str]]) -> bool:
    return all(
        getattr(one, name) == value if isinstance(value, str) else getattr(one, name) in value
        for name, value in fields.items()
    )


def _at(values: Sequence[float], q: float) -> float:
    """The value below which a share `q` of the values lies, the nearest one above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, ceil(q * len(ordered)) - 1))]

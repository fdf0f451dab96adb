"""When a burn-rate alert must fire and be resolved, calculated from its windows and the traffic."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lab.drills.drill import USUAL_REQUESTS_PER_SECOND
from lab.render.duration import seconds

_STEP_SECONDS = 0.05
_LONGEST_SECONDS = 600


@dataclass(frozen=True)
class Window:
    """One burn rate: both windows must exceed the threshold; windows in seconds."""

    long: float
    short: float
    threshold: float


@dataclass(frozen=True)
class Burn:
    """A burn-rate alert's windows, thresholds and traffic."""

    windows: tuple[Window, ...]
    min_bad_requests: float
    bad_ratio: float
    requests_per_second: float
    """While the fault lasts; else there are USUAL_REQUESTS_PER_SECOND."""
    history: float
    """For how many seconds before the fault there was traffic."""

    def holds(self, time: float, fault: float) -> bool:
        """True if the expression holds `time` seconds after the start of a fault of `fault` seconds."""

        def bad(window: float) -> float:
            """Seconds of the window in which the fault was on."""
            return max(0.0, min(time, fault) - max(0.0, time - window))

        def ratio(window: float) -> float:
            during = bad(window) * self.requests_per_second
            healthy = (min(window, self.history + time) - bad(window)) * USUAL_REQUESTS_PER_SECOND
            return self.bad_ratio * during / (during + healthy)

        return any(
            ratio(each.long) > each.threshold
            and ratio(each.short) > each.threshold
            and bad(each.long) * self.bad_ratio * self.requests_per_second > self.min_bad_requests - 0.5
            for each in self.windows
            if time > 0
        )

    def begins(self) -> float:
        """Seconds from the fault until the expression is true; infinite if it never is."""
        return next((time for time in _times() if self.holds(time, _LONGEST_SECONDS)), float("inf"))

    def ends(self, fault: float) -> float:
        """Seconds from the end of a fault of this length until the expression is false for good."""
        held = [time for time in _times(fault) if self.holds(time, fault)]
        return held[-1] - fault if held else 0.0

    def possible_ends(self, fault: float) -> list[float]:
        """The ends with all burn rates, and with the faster ones alone.

        If a fault is over when a slower rate is about to hold, a few requests decide which end is seen.
        """
        counts = range(1, len(self.windows) + 1)
        return [replace(self, windows=self.windows[:count]).ends(fault) for count in counts]


def burn(
    values: Mapping[str, Any],
    labels: Mapping[str, str],
    service: str,
    *,
    bad_ratio: float,
    requests_per_second: float,
    history: float,
) -> Burn:
    """The burn of an alert with these labels; `values` are rendered, `service` is a key of slo.services."""
    slo, speed = values["slo"], values["global"]["monitoring"]["speed"]
    entry = slo["services"][service]
    indicator = labels["slo_indicator"]
    defaults = slo["defaults"]
    objective = (
        entry.get("slis", {}).get(indicator, {}).get("objective", defaults["slis"][indicator]["objective"])
    )
    budget = 1 - float(objective) / 100
    windows = tuple(
        Window(
            seconds(rate["long"]) / speed,
            seconds(rate["short"]) / speed,
            min(0.9, rate["budgetPercent"] / 100 * seconds(slo["period"]) / seconds(rate["long"]) * budget),
        )
        for rate in slo["burnRates"][labels["severity"]]
    )
    return Burn(
        windows,
        entry.get("minBadRequests", defaults["minBadRequests"]),
        bad_ratio,
        requests_per_second,
        history,
    )


def _times(start: float = 0.0) -> list[float]:
    return [start + step * _STEP_SECONDS for step in range(int(_LONGEST_SECONDS / _STEP_SECONDS))]

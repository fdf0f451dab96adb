"""Results of the comparison, and the claims about them."""

from __future__ import annotations

from typing import NamedTuple

from bench.slo.cost import Cost

PEERS = ("Sloth", "Pyrra")
OURS = "ours"
SHAPES = (*PEERS, OURS)
SERIES = 500
"""Number of a service's series for which the samples are compared."""
SHARE = 0.05
"""Claim: our rules touch at most this share of the samples that a peer's rules touch."""
RAW_SECONDS = 3600
"""Our rules take windows of up to an hour from the raw series, longer ones from recorded rates over 5m."""
PAGE_LAG, TICKET_LAG = 150, 300
"""Seconds by which longer windows may be late: half of 5m, and for tickets the slow group's interval too."""


class Times(NamedTuple):
    """Seconds from the onset of a fault to the first page and ticket; None if there is none."""

    page: int | None
    ticket: int | None

    @property
    def first(self) -> int | None:
        """Seconds to the first alert of either severity."""
        return min((time for time in self if time is not None), default=None)


class Detection(NamedTuple):
    """A fault at an objective in percent, and when each shape's alerts fired."""

    title: str
    objective: float
    times: dict[str, Times]
    guarded: bool = False
    """The service has so few requests that ours waits for `minBadRequests` of them to fail."""


class Noise(NamedTuple):
    """A case in which no alert should fire, and each shape's (pages, tickets)."""

    title: str
    alerts: dict[str, tuple[int, int]]


class Budget(NamedTuple):
    """Each shape's share of failed requests over its period, divided by the exact one."""

    title: str
    ratios: dict[str, float]


class Touched(NamedTuple):
    """Samples that a shape's rules touch in 30 seconds: linear in the service's number of series."""

    constant: float
    per_series: float

    def of(self, series: int) -> float:
        """Samples for a number of series."""
        return self.constant + self.per_series * series


class Results(NamedTuple):
    """Everything that was measured."""

    detections: list[Detection]
    noises: list[Noise]
    budgets: list[Budget]
    touched: dict[str, Touched]
    costs: list[Cost]

    def share(self, peer: str) -> float:
        """Our samples divided by a peer's."""
        return self.touched[OURS].of(SERIES) / self.touched[peer].of(SERIES)


class Claim(NamedTuple):
    """A claim, and each result that contradicts it."""

    text: str
    contradictions: list[str]


def claims(results: Results) -> list[Claim]:
    """The claims of the documentation, compared with the results."""
    return [
        Claim(
            "No page is later than a peer's, and no first alert of either severity. Exceptions: a quiet "
            f"service, until three requests have failed; and at most {PAGE_LAG / 60} minutes for pages after "
            f"the first hour, {TICKET_LAG // 60} minutes for tickets",
            [fault for one in results.detections for fault in _late(one)],
        ),
        Claim(
            "In no silent case more pages or tickets than a peer",
            [
                f"{one.title}: {one.alerts[OURS]} pages and tickets, {peer} {one.alerts[peer]}"
                for one in results.noises
                for peer in PEERS
                if any(ours > theirs for ours, theirs in zip(one.alerts[OURS], one.alerts[peer], strict=True))
            ],
        ),
        Claim(
            "The share of failed requests over the period is within 1 % of the exact one",
            [
                f"{one.title}: {one.ratios[OURS]:.3f} times the exact share"
                for one in results.budgets
                if not abs(one.ratios[OURS] - 1) < 0.01
            ],
        ),
        Claim(
            f"At most {SHARE} times the samples of a peer, for a service with {SERIES} series",
            [
                f"{results.share(peer):.3f} times those of {peer}"
                for peer in PEERS
                if results.share(peer) > SHARE
            ],
        ),
    ]


def _late(one: Detection) -> list[str]:
    if one.guarded:
        return []
    found = []
    for peer in PEERS:
        theirs, ours = one.times[peer], one.times[OURS]
        paged_late = PAGE_LAG if (theirs.page or 0) > RAW_SECONDS else 0
        first_late = paged_late if theirs.first == theirs.page else TICKET_LAG
        for kind, their, our, allowed in (
            ("page", theirs.page, ours.page, paged_late),
            ("first alert", theirs.first, ours.first, first_late),
        ):
            if their is not None and (our is None or our > their + allowed):
                compared = f"{kind} after {clock(our)}, {peer} after {clock(their)}"
                found.append(f"{one.title} at {one.objective:g} %: {compared}")
    return found


def clock(time: int | None) -> str:
    """Seconds as h:mm:ss, such as 3:36:15."""
    return "-" if time is None else f"{time // 3600}:{time // 60 % 60:02}:{time % 60:02}"

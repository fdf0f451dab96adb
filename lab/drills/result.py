"""What a drill took, beside what it must take in theory."""

from dataclasses import dataclass, field

from lab.drills.drill import Drill

# A busy machine scrapes and evaluates late. An alert that is later still, or sooner than in theory, is wrong.
LATE_SECONDS = 4.0
SOON_SECONDS = 1.5


@dataclass(frozen=True)
class Span:
    """From the earliest to the latest time, in seconds."""

    earliest: float
    latest: float

    @property
    def limit(self) -> float:
        """After this time, it is too late even for a busy machine."""
        return self.latest + LATE_SECONDS

    def too_soon(self, measured: float) -> bool:
        return measured < self.earliest - SOON_SECONDS

    def __str__(self) -> str:
        return f"{self.earliest:.1f}-{self.latest:.1f}"


@dataclass
class Result:
    """What a drill took, in seconds: from the fault, or from its end for what is resolved."""

    drill: Drill
    theory: Span | None = None
    """When the alert is delivered in theory."""
    pending: float | None = None
    firing: float | None = None
    delivered: float | None = None
    resolved_theory: Span | None = None
    """When it is delivered in theory that the alert is resolved."""
    resolved: float | None = None
    failures: list[str] = field(default_factory=list)
    """What was wrong, a line each; empty if the drill passed."""

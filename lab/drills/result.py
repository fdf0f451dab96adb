"""How long a drill took, beside the expected times."""

from dataclasses import dataclass, field

from lab.drills.drill import Drill

# A busy machine scrapes and evaluates late. An alert that is even later, or too early, is wrong.
LATE_SECONDS = 4.0
SOON_SECONDS = 1.5


@dataclass(frozen=True)
class Span:
    """From the earliest to the latest time, in seconds."""

    earliest: float
    latest: float

    @property
    def limit(self) -> float:
        """After this time, an alert is too late even for a busy machine."""
        return self.latest + LATE_SECONDS

    def too_soon(self, measured: float) -> bool:
        return measured < self.earliest - SOON_SECONDS

    def __str__(self) -> str:
        return f"{self.earliest:.1f}-{self.latest:.1f}"


@dataclass
class Result:
    """How long a drill took, in seconds from the start of the fault; `resolved` from its end."""

    drill: Drill
    theory: Span | None = None
    """When the alert should be delivered."""
    pending: float | None = None
    firing: float | None = None
    delivered: float | None = None
    resolved_theory: Span | None = None
    """When the message that the alert is resolved should be delivered."""
    resolved: float | None = None
    failures: list[str] = field(default_factory=list)
    """The faults of the drill, a line each; empty if it passed."""

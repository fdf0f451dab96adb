"""What is known about the workloads in one view of the dashboard, and the proof that `compare` asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.dashboard.sources import Source
from tests.support.dashboard.variables import ALL, TimeRange, View
from tests.support.documents import DOCUMENTS


@dataclass(frozen=True)
class Seen:
    """Truths from outside of cAdvisor and kube-state-metrics, at the end of the time range."""

    service: str
    chosen: tuple[str, ...]
    """The options of the variable `pod`."""
    restarts: Mapping[str, int]
    """How often the API server says that each pod of every service was restarted."""
    volume_used: float
    """The used share of the disk, as a process sees it."""
    source: Source
    shown: TimeRange
    window: str
    """The window of rates, such as `5m`."""
    tolerance: float
    """Tolerance of rates, as a share."""

    @property
    def pods(self) -> list[str]:
        """The pods that the dashboard shows."""
        ours = [pod for pod in self.restarts if pod.startswith(f"{self.service}-")]
        return sorted(pod for pod in ours if self.chosen == (ALL,) or pod in self.chosen)

    def raw(self, expression: str) -> dict[str, float]:
        """The values of an expression by pod, at the end of the time range."""
        found = self.source.query({"expr": expression, "instant": True}, {}, self.shown)
        return {one.labels["pod"]: one.points[-1][1] for one in found}

    def own(self, expression: str) -> dict[str, float]:
        """The values of an expression of the pods' own counts, for the pods that are shown."""
        return {pod: value for pod, value in self.raw(expression).items() if pod in self.pods}


@dataclass(frozen=True)
class WorkloadProof:
    """The workloads in a cluster, or a recording of them."""

    restarts: Mapping[str, int]
    volume_used: float
    source: Source
    shown: TimeRange
    window: str = "5m"
    tolerance: float = 0.05

    def model(self, dashboard: str) -> dict[str, Any]:
        return DOCUMENTS[dashboard]

    def seen(self, view: View) -> Seen:
        (service,) = view.variables["service"]
        return Seen(
            service,
            view.variables["pod"],
            self.restarts,
            self.volume_used,
            self.source,
            self.shown,
            self.window,
            self.tolerance,
        )

"""The run of the proof: the lab and its phases, and then the questions.

The run ends with the faults on. Everything is asked afterwards, at the times of the phases, so `verify` can
be called as often as one likes.
"""

import copy
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab import ROOT
from tests.support.dashboard.sources import GrafanaSource, PrometheusSource, Source
from tests.support.dashboard.variables import View
from tests.support.proof import cluster
from tests.support.proof.client import Client
from tests.support.proof.lab import ProofLab, wait_for_first_figures, watchdog
from tests.support.proof.phases import phases
from tests.support.proof.seen import SERVICES, Count, Phase, Seen
from tests.support.service import object_storage

PROVEN = ("services", "service", "storage-api", "platform")
"""The dashboards that this lab proves; what "Workload" shows is recorded in a cluster."""


class Proof:
    """The lab after its run, with the client's own record of it."""

    def __init__(
        self, lab: ProofLab, client: Client, phases: Mapping[str, Phase], counts: Sequence[Count]
    ) -> None:
        self.lab = lab
        self.client = client
        self.phases = phases
        self.counts = counts
        self.source: Source = PrometheusSource(lab.prometheus)
        self._models: dict[str, dict[str, Any]] = {}

    def model(self, dashboard: str) -> dict[str, Any]:
        """The JSON of a dashboard, such as `storage-api`."""
        if dashboard not in self._models:
            self._models[dashboard] = json.loads((ROOT / "dashboards" / f"{dashboard}.json").read_text())
        return self._models[dashboard]

    def through(self, source: Source) -> "Proof":
        """The same run, asked through another source."""
        other = copy.copy(self)
        other.source = source
        return other

    def seen(self, view: View) -> Seen:
        phase = self.phases[view.phase]
        began = {name: each.began for name, each in self.phases.items()}
        return Seen(phase, view.variables, self.lab.pods, self.client.sent, self.lab.prometheus, began)


@contextmanager
def proof() -> Iterator[Proof]:
    """Run the phases; the lab goes on running inside the block, for queries."""
    started: list[ProofLab] = []
    with (
        object_storage.running() as storage,
        cluster.serving(lambda: started[0].running() if started else []) as address,
        tempfile.TemporaryDirectory(prefix="proof-") as folder,
        ProofLab(Path(folder), storage, [cluster.pod(address)], [*cluster.objects(), watchdog()]) as lab,
    ):
        started.append(lab)
        wait_for_first_figures(lab, len(SERVICES))
        client = Client()
        try:
            counts: list[Count] = []
            found = {phase.name: phase for phase in phases(lab, client, counts)}
        finally:
            client.stop()
        assert not client.unanswered, client.unanswered[:5]
        yield Proof(lab, client, found, counts)


def grafana_source(lab: ProofLab) -> GrafanaSource | None:
    """The lab's Grafana, if one was found."""
    if not lab.processes.running("grafana"):
        return None
    (uid,) = (one["uid"] for one in lab.datasources() if one["type"] == "prometheus")
    return GrafanaSource(lab.url("grafana"), uid)

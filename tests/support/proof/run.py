"""The run of the proof: the lab, the client's requests, and the faults, phase by phase.

    idle      no request has been sent yet
    healthy   every process answers; some requests are refused, such as a GET of what is not there
    faults    every PUT of platform-storage-api fails with 507, and one of its pods is slow, the other short of
              threads; one of two checkouts is killed and the other fails or is slow for a part of its orders;
              the only pod of other-storage-api is killed

The run ends with the faults on. Everything is asked afterwards, at the times of the phases, so `verify` can be
called as often as one likes. A phase is shown once the window of rates has filled and the rules have run.
"""

import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from lab import ROOT
from tests.dashboards.truth import View
from tests.support.dashboard.sources import PrometheusSource, Source
from tests.support.dashboard.variables import TimeRange
from tests.support.proof.client import Client, Stream
from tests.support.proof.lab import (
    SCRAPE_SECONDS,
    STAGING,
    WINDOW_SECONDS,
    ProofLab,
    wait_for_first_figures,
)
from tests.support.proof.seen import SERVICES, SLOW_SECONDS, Phase, Seen
from tests.support.service import object_storage

SETTLE_SECONDS = WINDOW_SECONDS + 4 * SCRAPE_SECONDS
"""From a change until every record shows it: the window, a scrape, and two rules that read each other."""
SHOWN_SECONDS = 8
OBJECTS = {f"kept-{number}": bytes(1000 * number) for number in range(1, 5)}
"""What other-storage-api holds."""
SLOW_RATIO, ERROR_RATIO = 0.25, 0.2
"""The faults of the checkout."""
TAKEN_THREADS = 5
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "storage-api": {"store": "full", "threads": TAKEN_THREADS},
    "storage-api-1": {"store": "full", "latency_seconds": SLOW_SECONDS},
    "checkout": {"slow_ratio": SLOW_RATIO, "slow_seconds": SLOW_SECONDS, "error_ratio": ERROR_RATIO},
}
"""What is sent to /faults of each part."""
KILLED = ("checkout-1", "staging")


class Proof:
    """The lab after its run, with the client's own record of it."""

    def __init__(self, lab: ProofLab, client: Client, phases: Mapping[str, Phase]) -> None:
        self.lab = lab
        self.client = client
        self.phases = phases
        self.source: Source = PrometheusSource(lab.prometheus)
        self._models: dict[str, dict[str, Any]] = {}

    def model(self, dashboard: str) -> dict[str, Any]:
        """The JSON of a dashboard, such as `storage-api`."""
        if dashboard not in self._models:
            self._models[dashboard] = json.loads((ROOT / "dashboards" / f"{dashboard}.json").read_text())
        return self._models[dashboard]

    def seen(self, view: View) -> Seen:
        return Seen(self.phases[view.phase], view.variables, self.lab.pods, self.client.sent)


@contextmanager
def proof() -> Iterator[Proof]:
    """Run the phases; the lab goes on running inside the block, for queries."""
    with (
        object_storage.running() as storage,
        tempfile.TemporaryDirectory(prefix="proof-") as folder,
        ProofLab(Path(folder), storage) as lab,
    ):
        wait_for_first_figures(lab, len(SERVICES))
        client = Client()
        try:
            phases = {"idle": _phase("idle", lab, client, 2)}
            for one in _kept(lab):
                client.request(one)
            client.send(_streams(lab, all_pods(lab)))
            phases["healthy"] = _phase("healthy", lab, client, SHOWN_SECONDS)
            client.send(_streams(lab, all_pods(lab) - set(KILLED)))
            _break(lab)
            phases["faults"] = _phase("faults", lab, client, SHOWN_SECONDS)
        finally:
            client.stop()
        assert not client.unanswered, client.unanswered[:5]
        yield Proof(lab, client, phases)


def all_pods(lab: ProofLab) -> set[str]:
    return {process.part for process in lab.pods}


def _phase(name: str, lab: ProofLab, client: Client, seconds: float) -> Phase:
    """Let the time of a phase pass, from now on."""
    began = time.time()
    time.sleep(SETTLE_SECONDS + seconds)
    end = time.time()
    sent = [one for one in client.sent if began <= one.at < end]
    running = {one.pod for one in lab.pods if lab.processes.running(one.part)}
    return Phase(name, began, TimeRange(end - seconds, end, SCRAPE_SECONDS), sent, running)


def _kept(lab: ProofLab) -> list[Stream]:
    """The requests that store what other-storage-api holds."""
    (pod,) = (one for one in lab.pods if one.service == STAGING)
    route = "/api/buckets/<id>"
    return [
        Stream(STAGING, pod.pod, pod.url, "PUT", f"/api/buckets/{id}", route, body=body)
        for id, body in OBJECTS.items()
    ]


def _streams(lab: ProofLab, parts: set[str]) -> list[Stream]:
    found = []
    for pod in lab.pods:
        for method, path, route, per_tick in _REQUESTS[pod.part] if pod.part in parts else ():
            body = b"an object of the proof" if method == "PUT" else None
            found.append(Stream(pod.service, pod.pod, pod.url, method, path, route, per_tick, body))
    return found


_OBJECT, _BUCKET, _ORDER = "/api/buckets/<id>", "/api/buckets", "/orders/<id>"
# (method, path, route, requests per tick): no two pods of a service have the same.
_REQUESTS: Mapping[str, list[tuple[str, str, str, int]]] = {
    "storage-api": [
        ("PUT", "/api/buckets/shared", _OBJECT, 1),
        ("GET", "/api/buckets/missing", _OBJECT, 2),
        ("GET", "/api/buckets", _BUCKET, 1),
    ],
    "storage-api-1": [
        ("PUT", "/api/buckets/shared", _OBJECT, 1),
        ("DELETE", "/api/buckets/missing", _OBJECT, 1),
    ],
    "checkout": [
        ("PUT", "/orders/1", _ORDER, 2),
        ("GET", "/orders/1", _ORDER, 2),
    ],
    "checkout-1": [
        ("GET", "/orders/none", _ORDER, 1),
        ("DELETE", "/orders/1", _ORDER, 1),
    ],
    "staging": [
        ("GET", "/api/buckets/kept-1", _OBJECT, 2),
        ("GET", "/api/buckets", _BUCKET, 1),
    ],
}


def _break(lab: ProofLab) -> None:
    """Switch every fault on and kill two processes."""
    for process in lab.pods:
        if fault := FAULTS.get(process.part):
            requests.put(f"{process.url}/faults", json=fault, timeout=5).raise_for_status()
    lab.stop(list(KILLED))

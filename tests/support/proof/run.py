"""The run of the proof: the lab, the client's requests, and the faults, phase by phase.

    idle      no request has been sent yet
    healthy   every process answers; some requests are refused, such as a GET of what is not there
    degraded  one of two checkouts is killed; a part of the requests to other-storage-api fails, which has an
              objective of 90 %, so that only a warning fires
    faults    every PUT of platform-storage-api fails with 507, one of its pods is slow, and the other short
              of threads; the checkout that is left fails or delays a part of its orders; the only pod of
              other-storage-api is killed; nobody receives Alertmanager's notifications
    change    the time from just before the faults to their end
    waiting   the first pod of platform-storage-api has more slow requests at once than threads

The run ends with the faults on. Everything is asked afterwards, at the times of the phases, so `verify` can
be called as often as one likes. A phase is shown once the window of rates has filled and the rules have run.
"""

import copy
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import requests

from lab import ROOT
from tests.support.dashboard.sources import GrafanaSource, PrometheusSource, Source
from tests.support.dashboard.variables import TimeRange, View
from tests.support.proof import cluster
from tests.support.proof.client import Client, Stream
from tests.support.proof.lab import (
    SCRAPE_SECONDS,
    STAGING,
    STORAGE,
    WINDOW_SECONDS,
    Process,
    ProofLab,
    wait_for_first_figures,
    watchdog,
)
from tests.support.proof.seen import SERVICES, SLOW_SECONDS, Count, Phase, Seen
from tests.support.service import object_storage
from tests.support.waiting import wait_until

SETTLE_SECONDS = WINDOW_SECONDS + 4 * SCRAPE_SECONDS
"""From a change until every record shows it: the window, a scrape, and two rules that read each other."""
SHOWN_SECONDS = 5
CHANGE_SECONDS = 3
SLOW_SCRAPE_SECONDS = 0.5
"""A phase in which the mean scrape took longer goes on: its samples are late, as the machine is busy."""
PATIENCE_SECONDS = 40
OBJECTS = {f"kept-{number}": bytes(1000 * number) for number in range(1, 5)}
"""What other-storage-api holds."""
SLOW_RATIO, ERROR_RATIO = 0.25, 0.2
"""The faults of the checkout."""
STAGING_ERROR_RATIO = 0.5
SCRAPE_FAULT_SECONDS = 0.2
TAKEN_THREADS = 5
HELD_REQUESTS, HELD_SECONDS = 6, 3.5
FAULTS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "degraded": {"staging": {"error_ratio": STAGING_ERROR_RATIO}},
    "faults": {
        "storage-api": {"store": "full", "threads": TAKEN_THREADS},
        "storage-api-1": {"store": "full", "latency_seconds": SLOW_SECONDS},
        "checkout": {
            "slow_ratio": SLOW_RATIO,
            "slow_seconds": SLOW_SECONDS,
            "error_ratio": ERROR_RATIO,
            "scrape_seconds": SCRAPE_FAULT_SECONDS,
        },
    },
}
"""What is sent to /faults of each part when a phase begins."""
KILLED = {"degraded": ["checkout-1"], "faults": ["staging", "receiver"]}
"""The parts that are killed then."""
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
            phases = {phase.name: phase for phase in _phases(lab, client, counts)}
        finally:
            client.stop()
        assert not client.unanswered, client.unanswered[:5]
        yield Proof(lab, client, phases, counts)


def grafana_source(lab: ProofLab) -> GrafanaSource | None:
    """The lab's Grafana, if one was found."""
    if not lab.processes.running("grafana"):
        return None
    (uid,) = (one["uid"] for one in lab.datasources() if one["type"] == "prometheus")
    return GrafanaSource(lab.url("grafana"), uid)


def _phases(lab: ProofLab, client: Client, counts: list[Count]) -> Iterator[Phase]:
    yield _phase("idle", lab, client, shown=1)
    for one in _kept(lab):
        client.request(one)
    client.send(_streams(lab))
    yield _phase("healthy", lab, client)
    counts.append(_count(lab, client))
    _break(lab, client, "degraded")
    yield _phase("degraded", lab, client)
    before = time.time()
    _break(lab, client, "faults")
    faults = _phase("faults", lab, client)
    yield faults
    shown = replace(faults.shown, start=before - CHANGE_SECONDS)
    yield replace(faults, name="change", shown=shown, before=before)
    client.stop()
    yield _waiting(lab, client)
    counts.append(_count(lab, client))


def _count(lab: ProofLab, client: Client) -> Count:
    """Let no request be under way until every process has been scraped, and count."""
    client.stop()
    now = time.time()
    scraped = 'min(timestamp(up{pod!=""}))'
    wait_until(lambda: (lab.prometheus.value(scraped) or 0) > now, 30, "every process is scraped", every=0.1)
    up = {process.pod for process in lab.running()}
    return Count(time.time(), [one for one in client.sent if one.pod in up])


def _phase(name: str, lab: ProofLab, client: Client, shown: float = SHOWN_SECONDS) -> Phase:
    """Let the time of a phase pass, from now on."""
    began = time.time()
    while (reason := _too_busy(lab, began, shown)) and time.time() < began + PATIENCE_SECONDS:
        time.sleep(1)
    assert not reason, f"this machine is too busy to prove anything: {reason}"
    return _ended(name, lab, client, began, shown)


def _too_busy(lab: ProofLab, began: float, shown: float) -> str:
    """Why the last seconds, all since `began`, were no undisturbed phase; empty if they were."""
    length = SETTLE_SECONDS + shown
    if wait := began + length - time.time():
        time.sleep(max(0.0, wait))
    pods = "|".join(process.pod for process in lab.running())
    answers = lab.prometheus.query(f'count_over_time((up{{pod=~"{pods}"}} == 1)[{length:.0f}s:1s])')
    fewest = min((float(one["value"][1]) for one in answers), default=0)
    slowest = lab.prometheus.value(f"max(avg_over_time(scrape_duration_seconds[{length:.0f}s]))") or 0.0
    if fewest < 0.8 * length:
        return f"a process was scraped only {fewest:.0f} times in {length:.0f} s"
    return f"scrapes took {slowest:.2f} s" if slowest > SLOW_SCRAPE_SECONDS else ""


def _ended(name: str, lab: ProofLab, client: Client, began: float, seconds: float) -> Phase:
    end = float(int(time.time()))  # so that instant and range queries end at the same time
    return Phase(
        name,
        began,
        TimeRange(end - seconds, end, SCRAPE_SECONDS),
        max(began, end - seconds - SETTLE_SECONDS),
        [one for one in client.sent if began <= one.at < end],
        {process.pod for process in lab.running()},
        {process.pod: _open_files(process) for process in lab.running()},
        {process.pod: _samples(process) for process in lab.running()},
    )


def _waiting(lab: ProofLab, client: Client) -> Phase:
    """More slow requests at once than a pod has threads left."""
    (pod,) = (process for process in lab.pods if process.part == "storage-api")
    _set_fault(pod, {"threads": TAKEN_THREADS, "latency_seconds": HELD_SECONDS})
    began = time.time()
    one = Stream(STORAGE, pod.pod, pod.url, "GET", "/api/buckets/shared", "/api/buckets/<id>")
    with ThreadPoolExecutor(HELD_REQUESTS) as pool:
        for _ in range(HELD_REQUESTS):
            pool.submit(client.request, one)
        time.sleep(HELD_SECONDS - SCRAPE_SECONDS / 2)
        return _ended("waiting", lab, client, began, 1)


def _open_files(process: Process) -> float:
    """The share of the file descriptors that a process may open."""
    about = psutil.Process(process.pid)
    return about.num_fds() / about.rlimit(psutil.RLIMIT_NOFILE)[0]


def _samples(process: Process) -> int:
    """The samples of a scrape, counted in what the process exposes."""
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    lines = requests.get(f"{process.url}/metrics", headers=accept, timeout=5).text.splitlines()
    return sum(not line.startswith("#") for line in lines)


def _kept(lab: ProofLab) -> list[Stream]:
    """The requests that store what other-storage-api holds."""
    (pod,) = (one for one in lab.pods if one.service == STAGING)
    route = "/api/buckets/<id>"
    return [
        Stream(STAGING, pod.pod, pod.url, "PUT", f"/api/buckets/{id}", route, body=body)
        for id, body in OBJECTS.items()
    ]


def _streams(lab: ProofLab, without: Sequence[str] = ()) -> list[Stream]:
    """The requests to every pod that runs, except to some parts."""
    found = []
    for pod in lab.running():
        for method, path, route, per_tick in _REQUESTS[pod.part] if pod.part not in without else ():
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


def _break(lab: ProofLab, client: Client, phase: str) -> None:
    """Switch the faults of a phase on; kill processes, to which the client sends nothing any more."""
    client.send(_streams(lab, without=KILLED[phase]))
    for process in lab.running():
        if fault := FAULTS[phase].get(process.part):
            _set_fault(process, fault)
    lab.stop(KILLED[phase])


def _set_fault(process: Process, fault: Mapping[str, Any]) -> None:
    requests.put(f"{process.url}/faults", json=fault, timeout=5).raise_for_status()

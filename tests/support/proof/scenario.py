"""What the client asks of each pod, and what is broken in each phase."""

from collections.abc import Mapping, Sequence
from typing import Any

import requests

from tests.support.proof.client import Client, Stream
from tests.support.proof.lab import STAGING, Process, ProofLab
from tests.support.proof.seen import SLOW_SECONDS

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


def kept(lab: ProofLab) -> list[Stream]:
    """The requests that store what other-storage-api holds."""
    (pod,) = (one for one in lab.pods if one.service == STAGING)
    route = "/api/buckets/<id>"
    return [
        Stream(STAGING, pod.pod, pod.url, "PUT", f"/api/buckets/{id}", route, body=body)
        for id, body in OBJECTS.items()
    ]


def streams(lab: ProofLab, without: Sequence[str] = ()) -> list[Stream]:
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


def begin_faults(lab: ProofLab, client: Client, phase: str) -> None:
    """Switch the faults of a phase on; kill processes, to which the client sends nothing any more."""
    client.send(streams(lab, without=KILLED[phase]))
    for process in lab.running():
        if fault := FAULTS[phase].get(process.part):
            set_fault(process, fault)
    lab.stop(KILLED[phase])


def set_fault(process: Process, fault: Mapping[str, Any]) -> None:
    requests.put(f"{process.url}/faults", json=fault, timeout=5).raise_for_status()

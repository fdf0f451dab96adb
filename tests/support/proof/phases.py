"""The phases of the proof, one after the other.

    idle      no request has been sent yet
    healthy   every process answers; some requests are refused, such as a GET of what is not there
    degraded  one of two checkouts is killed; a part of the requests to other-storage-api fails, which has an
              objective of 90 %, so that only a warning fires
    faults    every PUT of platform-storage-api fails with 507, one of its pods is slow, and the other short
              of threads; the checkout that is left fails or delays a part of its orders; the only pod of
              other-storage-api is killed; nobody receives Alertmanager's notifications
    change    the time from just before the faults to their end
    waiting   the first pod of platform-storage-api has more slow requests at once than threads

A phase is shown once the window of rates has filled and the rules have run.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psutil
import requests

from tests.support.dashboard.variables import TimeRange
from tests.support.proof.client import Client, Stream
from tests.support.proof.lab import SCRAPE_SECONDS, STORAGE, WINDOW_SECONDS, Process, ProofLab
from tests.support.proof.scenario import (
    HELD_REQUESTS,
    HELD_SECONDS,
    TAKEN_THREADS,
    begin_faults,
    kept,
    set_fault,
    streams,
)
from tests.support.proof.seen import Count, Phase
from tests.support.waiting import wait_until

SETTLE_SECONDS = WINDOW_SECONDS + 4 * SCRAPE_SECONDS
"""From a change until every record shows it: the window, a scrape, and two rules that read each other."""
SHOWN_SECONDS = 5
CHANGE_SECONDS = 3
SLOW_SCRAPE_SECONDS = 0.5
"""A phase in which the mean scrape took longer goes on: its samples are late, as the machine is busy."""
PATIENCE_SECONDS = 40


def phases(lab: ProofLab, client: Client, counts: list[Count]) -> Iterator[Phase]:
    """Let each phase pass, and yield it when it has ended; counts after `healthy` and at the end."""
    yield _phase("idle", lab, client, shown=1)
    for one in kept(lab):
        client.request(one)
    client.send(streams(lab))
    yield _phase("healthy", lab, client)
    counts.append(_count(lab, client))
    begin_faults(lab, client, "degraded")
    yield _phase("degraded", lab, client)
    before = time.time()
    begin_faults(lab, client, "faults")
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
        time.sleep(1)  # then look again: the last seconds may have been undisturbed
    assert not reason, f"this machine is too busy to prove anything: {reason}"
    return _ended(name, lab, client, began, shown)


def _too_busy(lab: ProofLab, began: float, shown: float) -> str:
    """Why the last seconds, all since `began`, were no undisturbed phase; empty if they were."""
    length = SETTLE_SECONDS + shown
    time.sleep(max(0.0, began + length - time.time()))  # before that, the records still show the last phase
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
    set_fault(pod, {"threads": TAKEN_THREADS, "latency_seconds": HELD_SECONDS})
    began = time.time()
    one = Stream(STORAGE, pod.pod, pod.url, "GET", "/api/buckets/shared", "/api/buckets/<id>")
    with ThreadPoolExecutor(HELD_REQUESTS) as pool:
        for _ in range(HELD_REQUESTS):
            pool.submit(client.request, one)
        time.sleep(HELD_SECONDS - SCRAPE_SECONDS / 2)  # the last scrape while all of them wait
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

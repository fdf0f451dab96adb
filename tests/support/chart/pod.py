"""The service as a local process, configured like its rendered pod."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import requests

from lab import ROOT
from lab.ports import HOST
from lab.render import workload
from lab.render.chart import Render
from tests.support.waiting import wait_until

SECONDS = 20


@contextlib.contextmanager
def running(render: Render, folder: Path, **environment: str) -> Iterator[dict[str, str]]:
    """Run the service while the block runs; yields the local URL of each of the pod's ports, by port name.

    Stored objects are kept in `folder`. `environment` overrides variables that make sense only in a cluster.
    """
    with contextlib.ExitStack() as stack:
        free = {name: stack.enter_context(socket.create_server((HOST, 0))) for name in workload.PORTS}
        addresses = {name: f"{HOST}:{server.getsockname()[1]}" for name, server in free.items()}
    found = workload.find(render, addresses)
    for port in found.pod.ports:
        assert found.environment[workload.PORTS[port.name]] == str(port.number)
    process = subprocess.Popen(
        [sys.executable, "-m", "storage_api"],
        env={**os.environ, **found.local(folder), "PYTHONPATH": str(ROOT / "service"), **environment},
    )
    urls = {port.name: f"http://{port.address}" for port in found.pod.ports}
    try:

        def answers() -> bool:
            assert process.poll() is None, "the service exited"
            return requests.get(f"{urls['http']}/healthz", timeout=2).ok

        wait_until(answers, SECONDS, "the service answers", every=0.1, despite=requests.ConnectionError)
        yield urls
    finally:
        process.kill()  # its shutdown delay, meant for a load balancer, takes seconds
        process.wait(timeout=30)

"""What only a cluster has, with known amounts: the series of kube-state-metrics, cAdvisor and the kubelet.

A thread of the proof serves them on a page in Prometheus' format: CPU and memory of each pod that runs, the
image of each checkout, and the volume of other-storage-api. As in a cluster, cAdvisor also has series of the
whole pod and of its sandbox, which must not be counted in addition.
"""

import http.server
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from lab.render.discovery import Pod, Port
from tests.support.proof.lab import CHECKOUT, STAGING, Process

IMAGE_TAG = "1.4.0"
"""The version of the checkout, which no metric of its own tells."""
CLAIM = "data-other-storage-api"
CLAIM_BYTES, CLAIM_FREE_BYTES = 10e9, 7.5e9
_LABELS = {"app.kubernetes.io/name": "kube-state-metrics"}
_PORT = "http-metrics"
POD = "kube-state-metrics-0"
JOB = "kube-state-metrics"
NAMESPACE = "observability"


def cores(pod: Process) -> float:
    """The CPU that a pod uses: different for each."""
    return 0.1 * (1 + _number(pod))


def memory_bytes(pod: Process) -> float:
    return 50e6 * (1 + _number(pod))


def _number(pod: Process) -> int:
    return int(pod.pod.rpartition("-")[2])


def objects() -> list[dict[str, Any]]:
    """The Service and ServiceMonitor by which Prometheus finds the page."""
    metadata = {"name": JOB, "namespace": NAMESPACE, "labels": _LABELS | {"release": "platform"}}
    endpoint = {"port": _PORT, "honorLabels": True}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": _LABELS, "ports": [{"name": _PORT, "port": 8080}]},
        },
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "ServiceMonitor",
            "metadata": metadata,
            "spec": {"selector": {"matchLabels": _LABELS}, "endpoints": [endpoint]},
        },
    ]


def pod(address: str) -> Pod:
    return Pod(POD, NAMESPACE, _LABELS, (Port(_PORT, 8080, JOB, address),))


@contextmanager
def serving(running: Callable[[], Sequence[Process]]) -> Iterator[str]:
    """Serve the page of the pods that `running` returns; yields its host:port."""
    started = time.time()

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = "".join(f"{line}\n" for line in _lines(running(), time.time() - started)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def _lines(running: Sequence[Process], seconds: float) -> Iterator[str]:
    for pod in running:
        where = f'namespace="{pod.service[0]}",pod="{pod.pod}"'
        name = "checkout" if pod.service == CHECKOUT else "storage-api"
        for container in (name, "POD", ""):
            labels = f'{where},container="{container}"'
            yield f"container_cpu_usage_seconds_total{{{labels}}} {cores(pod) * seconds}"
            yield f"container_memory_working_set_bytes{{{labels}}} {memory_bytes(pod)}"
        spec = f"example/{name}:{IMAGE_TAG}"
        yield f'kube_pod_container_info{{{where},container="{name}",image_spec="{spec}"}} 1'
        if pod.service == STAGING:
            claim = f'persistentvolumeclaim="{CLAIM}"'
            yield f"kube_pod_spec_volumes_persistentvolumeclaims_info{{{where},{claim}}} 1"
            of = f'namespace="{pod.service[0]}",{claim}'
            yield f"kubelet_volume_stats_capacity_bytes{{{of}}} {CLAIM_BYTES}"
            yield f"kubelet_volume_stats_available_bytes{{{of}}} {CLAIM_FREE_BYTES}"

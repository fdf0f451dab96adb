"""A service that is not ours in the cluster: examples/checkout and a receiver of its alerts."""

import threading
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import requests

from lab import ROOT, notifications
from tests.support.cluster.cluster import Object, documents, python_pod

NAMESPACE = "observability-e2e-shop"
RECEIVER_PORT = 9094
_FILES = "/checkout"
_RECEIVERS = ("fast", "pager")


def checkout(image: str) -> list[Object]:
    """The example's own manifest, run with the service's image.

    That image lacks only prometheus-flask-exporter, a single file: a ConfigMap delivers it with the program.
    """
    exporter = Path(find_spec("prometheus_flask_exporter").origin)
    sources = {"app.py": ROOT / "examples/checkout/app.py", "prometheus_flask_exporter.py": exporter}
    files = {name: path.read_text(encoding="utf-8") for name, path in sources.items()}
    objects = documents((ROOT / "examples/checkout/kubernetes.yaml").read_text(encoding="utf-8"))
    for item in objects:
        item["metadata"]["namespace"] = NAMESPACE
    (deployment,) = (item for item in objects if item["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    allowed = python_pod("any", NAMESPACE, image)["spec"]
    container |= {
        "image": image,
        "command": ["python", f"{_FILES}/app.py"],
        "securityContext": allowed["containers"][0]["securityContext"],
        "volumeMounts": [{"name": "files", "mountPath": _FILES}],
    }
    container["readinessProbe"] |= {"periodSeconds": 1}
    pod |= {
        "terminationGracePeriodSeconds": 0,
        "securityContext": allowed["securityContext"],
        "volumes": [{"name": "files", "configMap": {"name": "checkout"}}],
    }
    return [_object("ConfigMap", "checkout") | {"data": files}, *objects]


def receiver(image: str) -> list[Object]:
    """The lab's receiver of notifications, and a Secret with the URL of each receiver."""
    pod = python_pod("receiver", NAMESPACE, image)
    (container,) = pod["spec"]["containers"]
    program = Path(notifications.__file__).read_text(encoding="utf-8")
    options = ["--host", "0.0.0.0", "--port", str(RECEIVER_PORT), "--origin", "http://unused.example"]  # noqa: S104
    container |= {"command": ["python", "-c", program, *options], "workingDir": "/tmp"}  # noqa: S108
    container["readinessProbe"]["httpGet"] = {"path": "/healthz", "port": RECEIVER_PORT}
    ports = [{"name": "http", "port": RECEIVER_PORT}]
    service = _object("Service", "receiver") | {"spec": {"selector": {"app": "receiver"}, "ports": ports}}
    url = f"http://receiver.{NAMESPACE}:{RECEIVER_PORT}/alerts"
    secrets = [_object("Secret", name) | {"stringData": {"url": f"{url}/{name}"}} for name in _RECEIVERS]
    return [*secrets, service, pod]


def _object(kind: str, name: str) -> Object:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}}


class Orders(threading.Thread):
    """Sends about 20 orders a second to the checkout at `url`, and counts the answers by status."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.answers: Counter[str] = Counter()
        self._url = url
        self._ended = threading.Event()

    def __enter__(self) -> "Orders":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join(20)

    def run(self) -> None:
        with requests.Session() as session:
            while not self._ended.wait(0.05):
                try:
                    answer = session.put(f"{self._url}/orders/1", data="tea", timeout=10)
                    self.answers[str(answer.status_code)] += 1
                except requests.RequestException as error:
                    self.answers[type(error).__name__] += 1

    def set_faults(self, **faults: float) -> None:
        """Make a share of the orders fail or slow; without arguments, end that."""
        requests.put(f"{self._url}/faults", json=faults, timeout=10).raise_for_status()

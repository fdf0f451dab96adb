"""A recording of what Kubernetes exposes about the workloads of objects.py, and of their pods' own counts.

    KUBECONFIG=... python -m tests.support.workload.recording [IMAGE]

starts the workloads in the cluster, whose kube-state-metrics is in the namespace `monitoring`, and reads it,
cAdvisor, the kubelet and the pods every 15 s for seven minutes. It writes a file for each of them into
tests/dashboards/recorded/: the exposition as it is, HELP and TYPE included, but with the samples of all
moments behind each series, in promtool's notation, and only the metrics that the rules of charts/slo read.
"""

import contextlib
import json
import re
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import ROOT
from tests.support.cluster.cluster import Cluster, CommandError
from tests.support.image import default_name
from tests.support.slo.rules import rendered
from tests.support.workload.objects import NAMESPACE, autoscaler, entries, objects, owner_groups

FOLDER = ROOT / "tests/dashboards/recorded"
EVERY = 15
"""Seconds between two moments."""
MOMENTS = 28
AUTOSCALER_AT = 8
"""The moment at which the autoscaler is created: one replica more is wanted from then on."""
KUBELET = {
    "job": "kubelet",
    "instance": "10.77.0.2:10250",
    "service": "kubelet",
    "endpoint": "https-metrics",
    "node": "testnode",
}
TARGETS = {
    "kube-state-metrics": {
        "job": "kube-state-metrics",
        "instance": "10.244.0.5:8080",
        "service": "kube-state-metrics",
        "endpoint": "http",
        "pod": "kube-state-metrics-0",
        "container": "kube-state-metrics",
    },
    "cadvisor": {**KUBELET, "metrics_path": "/metrics/cadvisor"},
    "kubelet": {**KUBELET, "metrics_path": "/metrics"},
    "pods": {},
}
"""Labels that Prometheus adds to the series of each endpoint, unless the exposition has them already."""
OWN_COUNTS = (
    "process_cpu_seconds_total",
    "held_bytes",
    "sent_datagrams_total",
    "received_datagrams_total",
    "periods_total",
    "throttled_periods_total",
)

_LINE = re.compile(r"(?P<series>(?P<name>[a-zA-Z_:][\w:]*)(?:\{.*\})?) (?P<value>\S+)(?: \d+)?")


def groups() -> list[dict]:
    """Rule groups: those that name the owners of pods, and those of charts/slo for the workloads."""
    return [*owner_groups(), *rendered({"services": entries()})]


def metrics() -> set[str]:
    """Names of the metrics from which the rules record what workloads use."""
    read = json.dumps([rule["expr"] for group in groups() for rule in group["rules"]])
    return {"up", *OWN_COUNTS, *re.findall(r"(?<![\w:])(?:kube_|container_|kubelet_)\w+", read)}


def series() -> Iterator[tuple[str, str]]:
    """Every recorded series as promtool's input: with its target's labels, a sample each EVERY seconds."""
    for source, target in TARGETS.items():
        for line in (FOLDER / f"{source}.txt").read_text(encoding="utf-8").splitlines():
            if line.startswith("#"):
                continue
            name, samples = re.fullmatch(r"(\w+(?:\{.*\})?) (\S+(?: \S+)*)", line).groups()
            yield _labelled(name, target), samples


def truth() -> dict:
    """What `observed` returned at the end of the recording."""
    return json.loads((FOLDER / "truth.json").read_text(encoding="utf-8"))


def _labelled(series: str, target: Mapping[str, str]) -> str:
    name, _, rest = series.partition("{")
    own = rest.removesuffix("}").rstrip(",")
    added = [f'{key}="{value}"' for key, value in target.items() if not re.search(rf'\b{key}="', own)]
    return f"{name}{{{','.join(filter(None, [own, *added]))}}}"


def write(moments: list[dict[str, str]], found: dict, folder: Path = FOLDER) -> None:
    """Write the endpoints' texts of all moments, reduced to the namespace and to `metrics`, and the truth."""
    wanted, ours = metrics(), f'namespace="{NAMESPACE}"'
    folder.mkdir(exist_ok=True)
    for source in TARGETS:
        rows: dict[tuple[str, str], list[str]] = {}
        comments: dict[str, dict[str, None]] = {}
        for number, moment in enumerate(moments):
            for line in moment[source].splitlines():
                if line.startswith("#"):
                    comments.setdefault(line.split(" ", 3)[2], {})[line] = None
                elif ours in line and (match := _LINE.fullmatch(line)) and match["name"] in wanted:
                    row = rows.setdefault((match["name"], match["series"]), [])
                    row += [*_missing(row, number), _short(match["value"])]
        lines: dict[str, None] = {}
        for (name, one), row in sorted(rows.items()):
            lines |= comments.get(name, {})
            lines[f"{one} {_runs([*row, *_missing(row, len(moments))])}"] = None
        (folder / f"{source}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "truth.json").write_text(json.dumps(found, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _missing(row: list[str], until: int) -> list[str]:
    """What fills a series up to a moment: no samples, after the marker by which Prometheus ends a series."""
    gap = until - len(row)
    return ["stale" if row else "_", *["_"] * (gap - 1)] if gap else []


def _short(value: str) -> str:
    """A sample without an exponent, to the microsecond: promtool reads no `1.5e+09` in a list of samples."""
    return f"{float(value):.6f}".rstrip("0").rstrip(".")


def _runs(row: list[str]) -> str:
    """Samples in promtool's notation: `5x3` is four times 5, `_x3` three times none."""
    parts: list[tuple[str, int]] = []
    for value in row:
        if parts and parts[-1][0] == value:
            parts[-1] = (value, parts[-1][1] + 1)
        else:
            parts.append((value, 1))
    text = [
        value if count == 1 else f"_x{count}" if value == "_" else f"{value}x{count - 1}"
        for value, count in parts
    ]
    return " ".join(text)


def record(cluster: Cluster, image: str) -> None:
    """Start the workloads, in a namespace that `cluster.close` removes, and write the recording."""
    node = cluster.get("nodes")["items"][0]["metadata"]["name"]
    paths = {
        "kube-state-metrics": "/api/v1/namespaces/monitoring/services/kube-state-metrics:http/proxy/metrics",
        "cadvisor": f"/api/v1/nodes/{node}/proxy/metrics/cadvisor",
        "kubelet": f"/api/v1/nodes/{node}/proxy/metrics",
    }
    cluster.create_namespace(NAMESPACE)
    cluster.apply(*objects(NAMESPACE, image))
    moments, begun = [], time.monotonic()
    with ThreadPoolExecutor() as pool:
        for moment in range(MOMENTS):
            time.sleep(max(0.0, begun + (moment + 1) * EVERY - time.monotonic()))
            texts = pool.map(lambda path: cluster.kubectl("get", "--raw", path), paths.values())
            pages = pool.map(lambda pod: _page(cluster, pod), _addressed(cluster))
            moments.append({**dict(zip(paths, texts, strict=True)), "pods": "".join(pages)})
            if moment == AUTOSCALER_AT:
                cluster.apply(autoscaler(NAMESPACE))
    write(moments, observed(cluster, NAMESPACE))


def _addressed(cluster: Cluster) -> list[dict]:
    """The pods that have an address, which are Prometheus' targets."""
    pods = cluster.get("pods", namespace=NAMESPACE)["items"]
    return [pod for pod in pods if pod["status"].get("podIP")]


def _page(cluster: Cluster, pod: dict) -> str:
    """A pod's own counts with the labels of its target, and `up`."""
    name, app = pod["metadata"]["name"], pod["metadata"]["labels"]["app"]
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{name}:8000/proxy/metrics"
    try:
        text = cluster.kubectl("get", "--raw", path) + "up 1\n"
    except CommandError:
        text = "up 0\n"
    labels = f'namespace="{NAMESPACE}",job="{app}",pod="{name}",container="{app}"'
    return re.sub(r"^(\w+) ", rf"\1{{{labels}}} ", text, flags=re.MULTILINE)


def observed(cluster: Cluster, namespace: str) -> dict:
    """The restarts of each pod, by the API server, and the used share of the volumes' disk, by worker-0."""
    pods = cluster.get("pods", namespace=namespace)["items"]
    size = "import os; s = os.statvfs('/data'); print(1 - s.f_bavail / s.f_blocks)"
    return {
        "restarts": {
            pod["metadata"]["name"]: sum(
                c["restartCount"] for c in pod["status"].get("containerStatuses", [])
            )
            for pod in pods
        },
        "volume_used": float(cluster.python("worker-0", namespace, size)),
    }


if __name__ == "__main__":
    with contextlib.closing(Cluster()) as found:
        record(found, *(sys.argv[1:] or [default_name()]))

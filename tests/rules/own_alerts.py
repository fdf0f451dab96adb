"""Cases for the storage API's and the platform's own alerts: series, and the minutes in which one fires."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import yaml

PODS = 'namespace="observability", job="platform-storage-api"'
CLAIM = "platform-storage-api"
SHOP = 'namespace="shop", job="checkout"'
GIB = 2**30


@dataclass(frozen=True)
class Case:
    """Series with a sample every 30 seconds, in promtool's notation, and what an alert does with them."""

    alert: str
    about: str
    series: dict[str, str]
    fires: tuple[int, int] | None = None
    """The first minute in which the alert fires, and the first in which it no longer does; None: never."""
    minutes: int = 40
    """How long the case lasts; every minute is checked."""
    labels: dict[str, str] = field(default_factory=dict)
    """Labels of the alert that come from its expression; the others are those of the rule."""


def threads(pod: str, busy: str, queued: str, number: str = "8x80") -> dict[str, str]:
    """Gauges of one pod, by default with 8 threads."""
    return {
        f'http_server_threads{{{PODS}, pod="{pod}"}}': number,
        f'http_server_busy_threads{{{PODS}, pod="{pod}"}}': busy,
        f'http_server_queued_requests{{{PODS}, pod="{pod}"}}': queued,
    }


def requests(path: str, method: str, status: int, values: str, pod: str = "a") -> dict[str, str]:
    """A counter of responses."""
    labels = f'{PODS}, pod="{pod}", path="{path}", method="{method}", status="{status}"'
    return {f"http_request_count_total{{{labels}}}": values}


def operations(operation: str, outcome: str, values: str) -> dict[str, str]:
    """A counter of the store's operations."""
    return {
        f'storage_operations_total{{{PODS}, pod="a", operation="{operation}", outcome="{outcome}"}}': values
    }


def ready(ok: str, refused: str, pod: str = "a") -> dict[str, str]:
    """Counters of /readyz: a probe every 5 seconds is 6 per sample."""
    return requests("/readyz", "GET", 200, ok, pod=pod) | requests("/readyz", "GET", 503, refused, pod=pod)


def volume(available: str, node: str = "a") -> dict[str, str]:
    """The free bytes of the store's volume, as the kubelet of a node tells them."""
    labels = f'namespace="observability", persistentvolumeclaim="{CLAIM}", node="{node}"'
    return {f"kubelet_volume_stats_available_bytes{{{labels}}}": available}


def scrapes(seconds: str, up: str = "1x120", pod: str = "a") -> dict[str, str]:
    """How long the scrapes of a pod of the shop take, and if they succeed."""
    return {f'scrape_duration_seconds{{{SHOP}, pod="{pod}"}}': seconds, f'up{{{SHOP}, pod="{pod}"}}': up}


def samples(values: str, pod: str = "a", labels: str = SHOP) -> dict[str, str]:
    """How many samples each scrape of a pod gets."""
    return {f'scrape_samples_post_metric_relabeling{{{labels}, pod="{pod}"}}': values}


OBJECT = "/api/buckets/<id>"

saturated = partial(Case, "StorageApiSaturated")
SATURATED = [
    saturated(
        # The averages of 5 minutes pass 90 % of 8 threads at minute 14; 5 minutes later the alert fires.
        "fires while all threads are busy and requests wait",
        threads("a", "0x18 8x41 0x20", "0x18 4x41 0x20"),
        fires=(19, 31),
    ),
    saturated(
        # The average of the queue reaches 1 in the sample of minute 11:30.
        "waits for the queue's average of 5 minutes if all threads are busy already",
        threads("a", "8x80", "0x18 2x41 0x20"),
        fires=(17, 33),
    ),
    saturated("fires exactly at the thresholds", threads("a", "9x80", "1x80", number="10x80"), fires=(5, 41)),
    saturated(
        "is silent just below the threshold of busy threads", threads("a", "89x80", "4x80", number="100x80")
    ),
    saturated("is silent at rest", threads("a", "0x80", "0x80")),
    saturated("is silent while all threads are busy but no request waits", threads("a", "8x80", "0x80")),
    saturated("is silent on short queues", threads("a", "8x80", "0x9 9 0x9 9 0x60")),
    saturated("is silent at a queue just below the threshold", threads("a", "8x80", "0.99x80")),
    saturated(
        "is silent if a saturated pod is replaced within 5 minutes",
        threads("a", "8x8 stale", "4x8 stale", number="8x8 stale")
        | threads("b", "_x9 0x60", "_x9 0x60", number="_x9 8x60"),
    ),
]

not_ready = partial(Case, "StorageApiNotReady")
NOT_READY = [
    not_ready(
        "fires when no pod is ready any more",
        ready("0+6x20 120x20 120+6x40", "0x20 0+6x20 120x40") | requests("/metrics", "GET", 200, "0+3x80"),
        # The last 200 leaves the window of 5 minutes at minute 15; 2 minutes later the alert fires.
        fires=(17, 22),
    ),
    not_ready("fires as long as pods are probed", ready("0x80", "0x20 0+6x20 120x40"), fires=(13, 25)),
    not_ready(
        "is silent while the pod is ready, whatever other requests are answered",
        ready("0+6x80", "0x80") | requests(OBJECT, "GET", 503, "0+6x80"),
    ),
    not_ready("is silent on failing requests without probes", requests(OBJECT, "GET", 503, "0+6x80")),
    not_ready("is silent without probes", ready("0x80", "0x80")),
    not_ready(
        "is silent while one of two pods is ready", ready("0+6x80", "0x80") | ready("0x80", "0+6x80", pod="b")
    ),
    not_ready(
        "is silent in a rolling restart, in which a terminating pod answers 503",
        ready("0+6x20 _x60", "0x19 6 _x60") | ready("_x22 0+6x50", "_x22 0 2 2x50", pod="b"),
    ),
]

store_errors = partial(Case, "StorageApiStoreErrors")
STORE_ERRORS = [
    store_errors(
        "fires if a tenth of the operations fail",
        operations("get", "success", "0+45x80")
        | operations("put", "success", "0+45x80")
        | operations("get", "error", "0x20 0+5x30 150x40")
        | operations("put", "error", "0x20 0+5x30 150x40"),
        # More than 5 % of the last 5 minutes' operations from minute 13 on.
        fires=(18, 28),
    ),
    store_errors("is silent while all operations succeed", operations("put", "success", "0+90x80")),
    store_errors(
        "fires on three failures of a quiet service in each 5 minutes",
        operations("get", "error", "0+0.2x80")
        | operations("put", "error", "0+0.1x80")
        | operations("get", "success", "0+1x80"),
        fires=(10, 41),
    ),
    store_errors("is silent without operations", operations("put", "error", "0x80")),
    store_errors(
        "is silent at exactly the threshold",
        operations("get", "success", "0+95x80") | operations("get", "error", "0+5x80"),
    ),
    store_errors(
        "is silent on two failures of a quiet service in each 5 minutes",
        operations("get", "error", "0+0.2x80") | operations("get", "success", "0+1x80"),
    ),
    store_errors(
        "counts neither missing objects, nor unmet conditions, nor a full store",
        operations("get", "missing", "0+90x80")
        | operations("put", "refused", "0+90x80")
        | operations("put", "full", "0+90x80"),
    ),
    store_errors(
        "is silent on a restart, which resets the counters",
        operations("get", "success", "90000+90x20 0+90x60") | operations("get", "error", "9000x20 0x60"),
    ),
]

store_full = partial(Case, "StorageApiStoreFull")
STORE_FULL = [
    store_full(
        "fires while uploads are refused again and again",
        requests(OBJECT, "PUT", 507, "0x20 0+1x30 30x40"),
        # The first refusal is in the sample of minute 10:30, and the last in that of minute 25.
        fires=(16, 30),
    ),
    store_full(
        "is silent while uploads succeed",
        requests(OBJECT, "PUT", 507, "0x80") | requests(OBJECT, "PUT", 200, "0+60x80"),
    ),
    store_full("is silent on one upload too large for the volume", requests(OBJECT, "PUT", 507, "0x20 1x60")),
    store_full("is silent on a restart", requests(OBJECT, "PUT", 507, "9x20 0x60")),
]

disk_filling = partial(Case, "StorageApiDiskFilling")
DISK_FILLING = [
    disk_filling(
        # The loss lasts from minute 360 to 660. The trend of 6 hours foresees the end at minute 505.
        "fires while a volume of 10 GiB loses 1 GiB an hour",
        volume(f"{10 * GIB}x719 {10 * GIB}-{GIB // 120}x600 {5 * GIB}x480"),
        minutes=840,
        labels={"persistentvolumeclaim": CLAIM},
        fires=(535, 700),
    ),
    disk_filling(
        "fires before a volume of 10 GiB is full that loses 5 GiB an hour from minute 360 on",
        volume(f"{10 * GIB}x719 {10 * GIB}-{GIB // 24}x240 0x60"),
        minutes=480,
        labels={"persistentvolumeclaim": CLAIM},
        fires=(450, 481),
    ),
    disk_filling(
        "is silent if the volume lasts longer than a day", volume(f"{20 * GIB}-{GIB // 240}x960"), minutes=480
    ),
    disk_filling(
        "is silent on a bulk load of 20 minutes",
        volume(f"{10 * GIB}x720 {10 * GIB}-{GIB // 20}x40 {8 * GIB}x480"),
        minutes=600,
    ),
    disk_filling("is silent without metrics of the kubelet", {"up": "1x80"}),
    disk_filling(
        "is silent when the pod moves to another node",
        volume(f"{10 * GIB}x240 _x480", node="a") | volume(f"_x244 {10 * GIB}x480", node="b"),
        minutes=360,
    ),
]

objects_not_served = partial(Case, "StorageApiObjectsNotServed")
OBJECTS_NOT_SERVED = [
    objects_not_served(
        "fires on the second failed read within 15 minutes",
        # The outage at the beginning is forgotten, and other requests do not matter. The second failure is in
        # the sample of minute 20:30, and the first is in the window until minute 30.
        requests(OBJECT, "GET", 500, "0x30 1x90")
        | requests(OBJECT, "GET", 503, "0x40 1x80")
        | requests(OBJECT, "GET", 200, "0+60x90")
        | requests(OBJECT, "PUT", 200, "0+60x90")
        | requests(OBJECT, "PUT", 503, "0x6 3x90")
        | requests("/faults", "PUT", 503, "0+1x90"),
        fires=(22, 30),
        minutes=44,
    ),
    objects_not_served(
        "counts objects whose damage is found before the answer",
        requests(OBJECT, "GET", 503, "0x20 2x60"),
        fires=(12, 25),
    ),
    objects_not_served("is silent on a single failed read", requests(OBJECT, "GET", 500, "0x20 1x60")),
    objects_not_served("is silent on missing objects", requests(OBJECT, "GET", 404, "0+60x80")),
    objects_not_served(
        "leaves an outage of the whole service to other alerts",
        requests(OBJECT, "GET", 503, "0x20 0+60x60") | requests(OBJECT, "PUT", 503, "0x20 0+9x60"),
    ),
    objects_not_served(
        "leaves a short outage to other alerts until it is forgotten",
        requests(OBJECT, "GET", 503, "0x20 9x60") | requests(OBJECT, "DELETE", 503, "0x20 3x60"),
    ),
    objects_not_served("is silent if the listing fails", requests("/api/buckets", "GET", 503, "0+1x80")),
    objects_not_served("is silent on a restart", requests(OBJECT, "GET", 500, "9x20 0x60")),
]

scrape_slow = partial(Case, "TargetScrapeSlow")
SCRAPE_SLOW = [
    scrape_slow(
        "fires if the average of 10 minutes exceeds the threshold",
        scrapes("0.1x20 8x40 0.1x60") | scrapes("0.1x120", pod="b"),
        labels={"namespace": "shop", "job": "checkout"},
        fires=(25, 36),
        minutes=60,
    ),
    scrape_slow("leaves a target whose scrapes all fail to TargetDown", scrapes("10x80", up="0x80")),
    scrape_slow("is silent on a target that begins to fail", scrapes("0.1x20 10x60", "1x20 0x60")),
    scrape_slow(
        "fires for a target that answers every eighth minute only",
        scrapes("10x80", "1 " + "0x14 1 " * 5),
        labels={"namespace": "shop", "job": "checkout"},
        fires=(10, 41),
    ),
    scrape_slow("is silent at the threshold", scrapes("4x80", "1x80")),
    scrape_slow("is silent on a restart with a few slow scrapes", scrapes("0.1x20 10x5 0.1x60", "1x80")),
]

over_budget = partial(Case, "TargetSamplesOverBudget")
OVER_BUDGET = [
    over_budget(
        "fires if a target exposes more samples than its budget",
        samples("900x20 50001x40 900x40") | samples("900x100", pod="b"),
        labels={"namespace": "shop", "job": "checkout"},
        fires=(26, 31),
    ),
    over_budget("is silent at the budget", samples("50000x80")),
    over_budget(
        "counts each target by itself, also in a rolling update",
        samples("30000x80", pod="a") | samples("30000x80", pod="b") | samples("30000x80", pod="c"),
    ),
    over_budget(
        "is silent about jobs that grow with the cluster",
        samples("200000x80", labels='namespace="kube-system", job="apiserver"')
        | samples("200000x80", labels='namespace="kube-system", job="kubelet"'),
    ),
    over_budget(
        "excludes only the whole name of a job",
        samples("60000x80", labels='namespace="shop", job="kubelet-like"'),
        labels={"namespace": "shop", "job": "kubelet-like"},
        fires=(15, 41),
    ),
]

CASES = [
    *SATURATED, *NOT_READY, *STORE_ERRORS, *STORE_FULL, *DISK_FILLING, *OBJECTS_NOT_SERVED,
    *SCRAPE_SLOW, *OVER_BUDGET,
]  # fmt: skip

TEXTS = yaml.safe_load(Path(__file__).with_name("own_alert_texts.yaml").read_text())
"""Summary and description of each alert in the first minute of its first case."""


def neighbours(case: Case) -> dict[str, str]:
    """Series with which the alert fires, of another namespace and of another release in the namespace."""
    firing = next(other for other in CASES if other.alert == case.alert and other.fires)
    renamed = (("observability", "elsewhere"), ("platform-storage-api", "other-storage-api"))
    return {name.replace(*names): values for name, values in firing.series.items() for names in renamed}

"""A service that is not ours, watched by five lines of values; then Alertmanager and Prometheus are killed.

conftest.py runs this file last, because Prometheus then loses its samples unless it has a volume. The tests
build on each other and run in order. Windows and waiting times of the alerts pass 60 times faster than their
names say.
"""

import contextlib
import time
from collections.abc import Iterator

import pytest
import requests
import yaml

from lab.clients import Alertmanager, Prometheus
from lab.errors import LabError
from tests.support.cluster import shop
from tests.support.cluster.cluster import Cluster, Object, Release, is_ready, wait_for
from tests.support.cluster.monitoring import Monitoring, silence
from tests.support.dashboard.sources import PrometheusSource
from tests.support.dashboard.variables import TimeRange, resolve
from tests.support.documents import DOCUMENTS, data_panels

CONFIGURED_SECONDS = 220
FILLED_SECONDS = 60
SPEED = 60
FIVE_LINES = f"""
checkout:
  namespace: {shop.NAMESPACE}
  preset: flask-exporter
  scrape:
    port: http
"""
OURS = f'namespace="{shop.NAMESPACE}", slo_service="checkout"'
ALERT = "CheckoutAvailabilityBudgetBurn"
FIRE_SECONDS, DELIVER_SECONDS, RESOLVE_SECONDS = 45, 45, 120
"""Limits. The alert needs a few seconds of errors; Alertmanager waits 1 s (`fast`) or 30 s (`pager`); the
alert resolves after half a minute without errors, its window of 30m, and a quarter, keepFiringFor."""
RESENT_SECONDS = 120
"""Limit. Prometheus sends an alert again after 60 s (--rules.alert.resend-delay), at an evaluation."""
MAY_BE_EMPTY = {"What is wrong, or switched on, now?", "Which version since when?"}
"""Panels of the dashboard Service: nothing is wrong, and the example has no metric of its version."""
pytestmark = pytest.mark.timeout(CONFIGURED_SECONDS + 60)


@pytest.fixture(scope="module")
def began() -> float:
    """The time before anything of the service is created."""
    return time.monotonic()


@pytest.fixture(scope="module")
def release(began, cluster: Cluster, image: str, chart, monitoring: Monitoring) -> Iterator[Release]:
    """The chart without the storage API: only the service's monitoring and the routes of its alerts."""
    cluster.create_namespace(shop.NAMESPACE)
    cluster.apply(*shop.checkout(image), *shop.receiver(image))
    # The chart leaves waiting times to Alertmanager, whose default sends `resolved` only after five minutes.
    fast = {
        "receiver": "fast",
        "matchers": [{"name": "severity", "matchType": "=", "value": "critical"}],
        "groupBy": ["namespace", "slo_service"],
        "groupWait": "1s",
        "groupInterval": "2s",
        "continue": True,
    }
    values = {
        "global": {"monitoring": {"labels": monitoring.labels, "speed": SPEED}},
        "kube-prometheus-stack": {"enabled": False},
        "storage-api": {"enabled": False},
        "dashboards": {"enabled": False},
        "platformAlerts": {"enabled": False},
        "tests": {"image": image, "prometheusUrl": monitoring.prometheus_url},
        "alerting": {
            "enabled": monitoring.has_alertmanager,
            "receivers": {name: {"webhook": {"secret": name}} for name in ("fast", "pager")},
            "critical": "pager",
            "extraRoutes": [fast],
        },
        "slo": {
            "interval": "1s",
            "defaults": {"scrape": {"interval": "1s"}},
            "services": {"storage-api": None, **yaml.safe_load(FIVE_LINES)},
        },
    }
    release = Release(cluster, "shop", shop.NAMESPACE, chart, values=values)
    release.install()
    for kind in ("deployment/checkout", "pod/receiver"):
        condition = "Available" if kind.startswith("deployment") else "Ready"
        ready = [f"--for=condition={condition}", "--timeout=60s", f"--namespace={shop.NAMESPACE}"]
        cluster.kubectl("wait", kind, *ready, seconds=70)
    yield release
    cluster.delete_namespace(shop.NAMESPACE, wait=False)


@pytest.fixture(scope="module")
def orders(release: Release) -> Iterator[shop.Orders]:
    with (
        release.cluster.forward("checkout", shop.NAMESPACE, "http") as url,
        shop.Orders(url) as orders,
    ):
        yield orders


@pytest.fixture
def prometheus(release: Release, monitoring: Monitoring) -> Iterator[Prometheus]:
    with release.cluster.forward("prometheus-operated", monitoring.namespace, 9090) as url:
        yield Prometheus(url)


@pytest.fixture
def alertmanager(release: Release, monitoring: Monitoring, missing_part) -> Iterator[Alertmanager]:
    if not monitoring.has_alertmanager:
        missing_part(f"there is no Alertmanager in the namespace {monitoring.namespace}")
    with release.cluster.forward("alertmanager-operated", monitoring.namespace, 9093) as url:
        yield Alertmanager(url)


def checkout_up(prometheus: Prometheus) -> bool:
    return prometheus.value(f"service:targets:up{{{OURS}}}") == 1


def test_five_lines_of_values_are_enough():
    assert len(FIVE_LINES.split("\n")[1:-1]) == 5


def test_the_service_is_scraped_and_recorded(began: float, prometheus: Prometheus, orders: shop.Orders, fact):
    wait_for(lambda: checkout_up(prometheus), CONFIGURED_SECONDS, "the checkout's target is up and recorded")
    fact(f"second service: up {time.monotonic() - began:.1f} s after its pods and values were applied")
    recorded = (
        "service:requests:rate",
        "slo:requests:rate5m",
        "slo:objective:ratio",
        "service:route_requests:rate",
    )
    for record in recorded:
        wait_for(lambda name=record: prometheus.query(f"{name}{{{OURS}}} > 0"), 30, f"{record} has values")


def test_helm_test_needs_no_storage_api(release: Release):
    output = release.test()
    assert "Phase:          Succeeded" in output, output


def test_its_dashboard_offers_the_service_and_has_data(prometheus: Prometheus, orders: shop.Orders, fact):
    source = PrometheusSource(prometheus)
    chosen = {"namespace": [shop.NAMESPACE], "service": ["checkout"]}
    variables, _ = resolve(DOCUMENTS["service"], source, chosen)
    panels = {panel["title"]: panel["targets"] for panel in data_panels(DOCUMENTS["service"])}

    def empty() -> set[str]:
        end = float(prometheus.query("time()")[0]["value"][1])
        shown = TimeRange(end - 15, end, 1)
        return {
            title
            for title, targets in panels.items()
            if not any(source.query(target, variables, shown) for target in targets)
        }

    # The slow groups of rules are evaluated four times less often.
    with contextlib.suppress(AssertionError):
        wait_for(lambda: empty() <= MAY_BE_EMPTY, FILLED_SECONDS, "every panel has data")
    fact(f"second service: {len(panels) - len(empty())} of {len(panels)} panels of its dashboard have data")
    assert empty() <= MAY_BE_EMPTY


def test_an_alert_fires_is_delivered_and_resolves(
    prometheus: Prometheus, alertmanager: Alertmanager, orders: shop.Orders, cluster: Cluster, fact
):
    """`fast` receives the alert through a route of the values, `pager` by its severity."""

    def firing() -> bool:
        state = f'ALERTS{{alertname="{ALERT}", severity="critical", alertstate="firing", {OURS}}}'
        return bool(prometheus.query(state))

    def seen(receiver: str, status: str) -> bool:
        found = requests.get(f"{url}/notifications", timeout=10).json()
        wanted = {"receiver": receiver, "status": status}
        return any(
            wanted.items() <= one.items()
            and (one["labels"]["alertname"], one["labels"]["severity"]) == (ALERT, "critical")
            for one in found
        )

    with cluster.forward("receiver", shop.NAMESPACE, shop.RECEIVER_PORT) as url:
        assert not firing()
        began = time.monotonic()
        orders.set_faults(error_ratio=0.5)
        try:
            wait_for(firing, FIRE_SECONDS, f"{ALERT} fires")
            fired = time.monotonic() - began
            wait_for(lambda: seen("fast", "firing"), DELIVER_SECONDS, f"{ALERT} reaches the receiver fast")
            delivered = time.monotonic() - began
            wait_for(lambda: seen("pager", "firing"), DELIVER_SECONDS, f"{ALERT} reaches the receiver pager")
            paged = time.monotonic() - began
        finally:
            orders.set_faults()
        ended = time.monotonic()
        wait_for(lambda: seen("fast", "resolved"), RESOLVE_SECONDS, f"{ALERT} is resolved at the receiver")
        resolved = time.monotonic() - ended
        assert not firing()
    fact(
        f"alert, {SPEED} times faster: fired {fired:.1f} s after the first errors, delivered after "
        f"{delivered:.1f} s, by severity (Alertmanager's group_wait) after {paged:.1f} s; resolved "
        f"{resolved:.1f} s after the last error (orders: {dict(orders.answers)})"
    )


def kill(cluster: Cluster, monitoring: Monitoring, component: str) -> float:
    """Delete the only pod of `prometheus` or `alertmanager` without a grace period.

    Returns the seconds until its successor is ready.
    """
    selector = f"app.kubernetes.io/name={component}"

    def pods() -> list[Object]:
        return cluster.get("pods", namespace=monitoring.namespace, selector=selector)["items"]

    (pod,) = pods()
    began = time.monotonic()
    name = pod["metadata"]["name"]
    cluster.kubectl(
        "delete", "pod", name, f"--namespace={monitoring.namespace}", "--grace-period=0", "--force"
    )

    def replaced() -> bool:
        found = pods()
        return [p["metadata"]["uid"] != pod["metadata"]["uid"] and is_ready(p) for p in found] == [True]

    wait_for(replaced, 120, f"a new pod {name} is ready")
    return time.monotonic() - began


def test_killing_alertmanager_loses_silences_only_without_a_volume(
    cluster: Cluster, monitoring: Monitoring, alertmanager: Alertmanager, fact
):
    silence_id = silence(alertmanager, shop.NAMESPACE)
    durable = bool(monitoring.alertmanager()["spec"].get("storage"))
    began = time.monotonic()
    ready = kill(cluster, monitoring, "alertmanager")
    with cluster.forward("alertmanager-operated", monitoring.namespace, 9093) as url:
        new = Alertmanager(url)
        kept = any(one["id"] == silence_id for one in new.get("/api/v2/silences"))

        def informed() -> bool:
            return any(one["labels"]["alertname"] == "Watchdog" for one in new.alerts())

        wait_for(informed, RESENT_SECONDS, "Prometheus has sent the firing alerts again")
    informed_after = time.monotonic() - began
    fact(
        f"kill of Alertmanager ({'volume' if durable else 'no volume'}): ready {ready:.1f} s later, "
        f"knows the firing alerts after {informed_after:.1f} s, silences {'kept' if kept else 'lost'}"
    )
    # With a volume it may survive: Alertmanager writes it every 15 minutes, and when it is asked to stop.
    assert durable or not kept


def test_killing_prometheus_leaves_a_gap(
    cluster: Cluster, monitoring: Monitoring, prometheus: Prometheus, orders: shop.Orders, fact
):
    spec = cluster.get("prometheuses.monitoring.coreos.com", monitoring.name, monitoring.namespace)["spec"]
    last = float(
        prometheus.query(f'timestamp(up{{job="checkout", namespace="{shop.NAMESPACE}"}})')[0]["value"][1]
    )
    ready = kill(cluster, monitoring, "prometheus")
    with cluster.forward("prometheus-operated", monitoring.namespace, 9090) as url:
        new = Prometheus(url)

        def scraped() -> list[Object]:
            try:
                return new.query(f'up{{job="checkout", namespace="{shop.NAMESPACE}"}}[10m]')
            except LabError:
                return []

        wait_for(
            lambda: any(float(at) > last for s in scraped() for at, _ in s["values"]), 90, "it scrapes again"
        )
        times = sorted(float(at) for series in scraped() for at, _ in series["values"])
        wait_for(lambda: checkout_up(new), 60, "the recorded series exist again")
    gap = min(at for at in times if at > last) - last
    kept = times[0] <= last
    durable = bool(spec.get("storage"))
    fact(
        f"kill of Prometheus ({'volume' if durable else 'no volume'}): ready {ready:.1f} s later, no samples "
        f"for {gap:.1f} s, earlier samples {'kept' if kept else 'lost'}"
    )
    assert kept == durable
    assert gap < 90

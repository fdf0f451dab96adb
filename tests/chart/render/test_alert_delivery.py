"""A real Alertmanager with the routes and inhibition of the chart: what it silences, groups and delivers.

One server runs for all tests. It has no inhibition rules of its own, as in a cluster with somebody else's
operator. Each test fires alerts in namespaces of its own, with the labels of the rendered rules.
"""

import json
import subprocess
import threading
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
import yaml

from lab import toolchain
from lab.ports import Ports
from tests.support.chart.alerting import alerts, configuration
from tests.support.waiting import wait_until

pytestmark = pytest.mark.live

PATHS = {"pager": "/pager", "chat": "/chat", "deadman": "/deadman"}
SERVICE = {"preset": "otel-http", "alerts": {"trafficMissing": {"enabled": True}}}
VALUES = {
    "global": {"monitoring": {"runbookUrl": "https://runbooks.example"}},
    "kube-prometheus-stack": {"enabled": False},
    "slo": {"services": {name: {**SERVICE, "namespace": "shop"} for name in ("checkout", "orders")}},
    "alerting": {
        "enabled": True,
        "receivers": {
            "pager": {"webhook": {"secret": "pager"}},
            "chat": {"slack": {"secret": "chat"}},
            "deadman": {"webhook": {"secret": "deadman"}},
        },
        "critical": "pager",
        "warning": "chat",
        "heartbeat": "deadman",
    },
}
QUICK = {"group_wait": "1s", "group_interval": "1s", "repeat_interval": "1h"}
MAIN = {"route": {"receiver": "theirs", **QUICK}, "receivers": [{"name": "theirs"}]}


@pytest.fixture(scope="module")
def received():
    """URL of a server, and what was posted to it by path."""
    posted = defaultdict(list)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            posted[self.path].append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", posted
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def alertmanager(rendered, received, tmp_path_factory):
    """URL of the API of an Alertmanager that delivers to `received`."""
    folder = tmp_path_factory.mktemp("alertmanager")
    url, _ = received
    config = configuration(
        rendered(VALUES),
        main=MAIN,
        strategy="None",
        namespace="monitoring",
        secret=lambda name, _: url + PATHS[name],
    )
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
    address = Ports.free().address("alertmanager")
    options = ["--config.file=alertmanager.yml", "--storage.path=data", "--cluster.listen-address="]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            [toolchain.alertmanager(), *options, f"--web.listen-address={address}"],
            cwd=folder,
            stdout=log,
            stderr=log,
        ) as server,
    ):
        api = f"http://{address}/api/v2"
        try:
            wait_until(
                lambda: requests.get(f"{api}/status", timeout=5).ok,
                30,
                "it answers",
                despite=requests.ConnectionError,
            )
            yield api
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def rules(rendered):
    """Every alert of the two services and the storage API."""
    return alerts(rendered(VALUES))


def post(api, items, *, ends=None):
    """Send alerts as Prometheus does; `ends` is when they end."""
    ends = (ends or datetime.now(UTC) + timedelta(hours=1)).isoformat()
    body = [
        {"labels": each["labels"], "annotations": each.get("annotations", {}), "endsAt": ends}
        for each in items
    ]
    requests.post(f"{api}/alerts", json=body, timeout=5).raise_for_status()


def within(case, items):
    """The alerts in a namespace that only this case uses."""
    moved = []
    for each in items:
        namespace = f"{case}-{each['labels'].get('namespace', 'observability')}"
        moved.append({**each, "labels": {**each["labels"], "namespace": namespace}})
    return moved


def identity(labels):
    return frozenset(labels.items())


def silenced(api, items):
    """The labels of those alerts that others silence, once all of them have arrived."""

    def states():
        shown = requests.get(f"{api}/alerts", timeout=5).json()
        found = {identity(each["labels"]): each["status"]["inhibitedBy"] for each in shown}
        return [found[identity(each["labels"])] for each in items]

    inhibited = wait_until(states, 10, "the alerts have arrived", despite=KeyError)
    return [each["labels"] for each, by in zip(items, inhibited, strict=True) if by]


def named(items, *names, severity=None):
    return [
        each for each in items if each["alert"] in names and severity in (None, each["labels"]["severity"])
    ]


def test_a_critical_alert_silences_its_own_warning_and_no_other(alertmanager, rules):
    pairs = [
        rule for rule in rules if rule["labels"]["severity"] == "critical" and "BudgetBurn" in rule["alert"]
    ]
    assert len(pairs) == 6
    for number, rule in enumerate(pairs):
        warnings = [each for each in rules if each["labels"]["severity"] == "warning"]
        firing = within(f"own{number}", [rule, *warnings])
        post(alertmanager, firing)
        (own,) = [each for each in firing[1:] if each["alert"] == rule["alert"]]
        wait_until(
            lambda firing=firing: silenced(alertmanager, firing), 10, f"{rule['alert']} silences its warning"
        )
        assert silenced(alertmanager, firing) == [own["labels"]]


def test_a_warning_silences_nothing(alertmanager, rules):
    firing = within("alone", [rule for rule in rules if rule["labels"]["severity"] == "warning"])
    post(alertmanager, firing)
    assert silenced(alertmanager, firing) == []


def test_a_critical_alert_is_no_reason_in_another_namespace_service_or_chart(alertmanager, rules):
    (critical,) = named(rules, "CheckoutAvailabilityBudgetBurn", severity="critical")
    (warning,) = named(rules, "CheckoutAvailabilityBudgetBurn", severity="warning")
    other = {**warning, "labels": {**warning["labels"], "slo_service": "checkout-of-another-release"}}
    foreign = [
        {"alert": "Foreign", "labels": {"alertname": "Foreign", "namespace": "shop", "severity": severity}}
        for severity in ("critical", "warning")
    ]
    own, *rest = within("here", [warning, critical, other, *foreign])
    firing = [own, *rest, *within("there", [warning])]
    post(alertmanager, firing)
    wait_until(lambda: silenced(alertmanager, firing), 10, "the critical alert silences its own warning")
    assert silenced(alertmanager, firing) == [own["labels"]]


def test_a_service_that_is_down_silences_what_follows_from_it_but_no_budget(alertmanager, rules):
    (down,) = named(rules, "CheckoutDown")
    warnings = [rule for rule in rules if rule["labels"]["severity"] == "warning"]
    elsewhere = within("elsewhere", named(rules, "CheckoutMetricsMissing"))
    firing = [*within("down", [down, *warnings]), *elsewhere]
    post(alertmanager, firing)
    wait_until(lambda: silenced(alertmanager, firing), 10, "Down silences something")
    names = [labels["alertname"] for labels in silenced(alertmanager, firing)]
    assert sorted(names) == [
        "CheckoutAvailabilityIndicatorBroken",
        "CheckoutLatencyIndicatorBroken",
        "CheckoutMetricsMissing",
        "CheckoutTrafficMissing",
    ]


def test_an_outage_is_one_page_with_links_and_its_end_is_delivered(alertmanager, rules, received):
    _, posted = received
    outage = within(
        "outage",
        [
            *named(rules, "CheckoutDown"),
            *named(rules, "CheckoutAvailabilityBudgetBurn", "CheckoutLatencyBudgetBurn"),
            *named(rules, "CheckoutMetricsMissing"),
            *named(rules, "OrdersLatencyBudgetBurn", severity="warning"),
        ],
    )
    post(alertmanager, [{"labels": {"alertname": "Watchdog", "severity": "none"}}])
    post(alertmanager, outage)

    def pages(status):
        return [
            {alert["labels"]["alertname"]: alert for alert in page["alerts"]}
            for page in posted["/pager"]
            if page["status"] == status and page["groupLabels"].get("namespace") == "outage-shop"
        ]

    (page,) = wait_until(lambda: pages("firing"), 15, "the page")
    assert page.keys() == {"CheckoutDown", "CheckoutAvailabilityBudgetBurn", "CheckoutLatencyBudgetBurn"}
    assert page["CheckoutDown"]["annotations"]["runbook_url"] == "https://runbooks.example/target-down"

    def messages():
        found = [each["attachments"][0] for each in posted["/chat"]]
        return [each for each in found if "outage-shop" in each["title"]]

    (message,) = wait_until(messages, 15, "the message")
    assert message["title"] == "[FIRING] warning: outage-shop orders"
    assert "<https://runbooks.example/latency-budget-burn|Runbook>" in message["text"]
    assert (
        wait_until(lambda: posted["/deadman"], 15, "the heartbeat")[0]["groupLabels"]["alertname"]
        == "Watchdog"
    )

    post(alertmanager, outage, ends=datetime.now(UTC) - timedelta(seconds=1))
    (end,) = wait_until(lambda: pages("resolved"), 15, "the end of the page")
    assert end.keys() == page.keys()
    # What was silenced reached nobody, neither while it fired nor afterwards.
    assert [each["title"] for each in messages() if "checkout" in each["title"]] == []

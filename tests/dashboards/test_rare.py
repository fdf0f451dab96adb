"""What panels show of what neither the lab nor a recording has.

That is a monitoring in trouble, a fault shorter than a step, records less frequent than a step, pods that differ,
several ways to fail at once, and services with the same name or namespace.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.dashboard.picture import draw
from tests.support.dashboard.promtool import PromtoolSource
from tests.support.dashboard.variables import TimeRange
from tests.support.documents import DOCUMENTS, data_panels

VARIABLES = {"namespace": "shop", "service": "checkout", "pod": ".+", "job": ".+"}
SERVICE = 'namespace="shop", slo_service="checkout"'
Shown = dict[str, Any] | list[dict[str, Any]]
"""By line its values, or its text if it has only one; or a table's rows."""


@dataclass(frozen=True)
class Case:
    """Series in promtool's notation with a sample `every` seconds, and what panels show of them."""

    series: Mapping[str, str]
    every: int
    shown: TimeRange
    panels: Mapping[tuple[str, str], Shown]
    variables: Mapping[str, str] = field(default_factory=lambda: VARIABLES)

    def source(self) -> PromtoolSource:
        return PromtoolSource(
            [], self.series.items(), int(self.shown.end), every=f"{self.every}s", step="30s"
        )


def _each(name: str, values: Mapping[str, str]) -> dict[str, str]:
    """A series for each text of labels."""
    return {f"{name}{{{labels}}}": samples for labels, samples in values.items()}


_TARGETS = [
    'namespace="a", job="x", pod="p", instance="i"',
    'namespace="b", job="x", pod="p", instance="i"',
    'namespace="a", job="y", pod="p", instance="i"',
    'namespace="a", job="x", pod="q", instance="i"',
    'namespace="a", job="x", pod="p", instance="j"',
]
"""Targets of which each two differ in one label."""
TROUBLE = Case(
    _each("prometheus_rule_evaluation_failures_total", {
        'pod="0", rule_group="f;a"': "0+1x20", 'pod="0", rule_group="f;b"': "0+2x20",
    })
    | _each("prometheus_rule_group_iterations_missed_total", {
        'pod="0", rule_group="f;a"': "0+3x20", 'pod="1", rule_group="f;a"': "0+4x20",
    })
    | _each("prometheus_rule_group_last_evaluation_timestamp_seconds", {
        'rule_group="f;a"': "600x20", 'rule_group="f;b"': "900x20", 'rule_group="f;c"': "0x20",
    })
    | _each("prometheus_rule_group_interval_seconds", {
        'rule_group="f;a"': "60x20", 'rule_group="f;b"': "60x20", 'rule_group="f;c"': "60x20",
    })
    | _each("prometheus_notifications_dropped_total", {'pod="0"': "0+1x20", 'pod="1"': "0+3x20"})
    | _each("alertmanager_notifications_failed_total", {
        'pod="0", integration="email"': "0+1x20", 'pod="1", integration="email"': "0+2x20",
        'pod="1", integration="webhook"': "0x20",
    })
    | _each("alertmanager_notifications_total", {
        'pod="0", integration="email"': "0+2x20", 'pod="1", integration="email"': "0+4x20",
        'pod="1", integration="webhook"': "0x20",
    })
    | _each("prometheus_config_last_reload_successful", {'pod="0"': "1x20", 'pod="1"': "0x20"})
    | _each("alertmanager_config_last_reload_successful", {'pod="0"': "0x20", 'pod="1"': "1x20"})
    | _each("ALERTS", {
        'alertname="Watchdog", alertstate="pending"': "1x20", 'alertname="Other", alertstate="firing"': "1x20",
    })
    | _each("prometheus_notifications_alertmanagers_discovered", {'pod="0"': "3x20", 'pod="1"': "2x20"})
    | _each("prometheus_tsdb_head_series", {'pod="0"': "1000x20", 'pod="1"': "2000x20"})
    | _each("prometheus_tsdb_head_series_created_total", {'pod="0"': "0+60x20", 'pod="1"': "0+120x20"})
    | _each("prometheus_tsdb_storage_blocks_bytes", {'pod="0"': "100x20"})
    | _each("prometheus_tsdb_head_chunks_storage_size_bytes", {'pod="0"': "20x20"})
    | _each("prometheus_tsdb_wal_storage_size_bytes", {'pod="0"': "3x20"})
    | _each("prometheus_tsdb_retention_limit_bytes", {'pod="0"': "500x20", 'pod="1"': "900x20", 'pod="2"': "0x20"})
    | _each("platform:scrape_duration_budget:seconds", {'rule="a"': "5x20", 'rule="b"': "10x20"})
    | _each("up", {labels: f"{number % 2}x20" for number, labels in enumerate(_TARGETS)})
    | _each("platform:scrape_samples_budget:ratio", {t: f"0.{n + 1}x20" for n, t in enumerate(_TARGETS)})
    | _each("scrape_samples_post_metric_relabeling", {t: f"{n + 10}x20" for n, t in enumerate(_TARGETS)})
    | _each("scrape_duration_seconds", {t: f"{n + 1}x20" for n, t in enumerate(_TARGETS)}),
    60,
    TimeRange(1200 - 60, 1200, 60),
    {
        ("platform", "Rules overdue"): {"overdue": "540 s"},
        ("platform", "Rules failed or missed"): {"failed or missed": "150 short"},
        ("platform", "Notifications lost"): {"Prometheus": "60 short", "Alertmanager": "45 short"},
        ("platform", "Configuration"): {"Prometheus": "rejected", "Alertmanager": "rejected"},
        ("platform", "Heartbeat"): {"Watchdog": "no Watchdog", "Alertmanagers": "2 short"},
        ("platform", "Which target is down, slow or large?"): [{"Job": "x", "Scrape": "down", "Of its budget": "0.5 percentunit", "Samples": "14 short", "Time": "5 s", "Pod": "p", "Instance": "j", "Namespace": "a"}, {"Job": "y", "Scrape": "down", "Of its budget": "0.3 percentunit", "Samples": "12 short", "Time": "3 s", "Pod": "p", "Instance": "i", "Namespace": "a"}, {"Job": "x", "Scrape": "down", "Of its budget": "0.1 percentunit", "Samples": "10 short", "Time": "1 s", "Pod": "p", "Instance": "i", "Namespace": "a"}, {"Job": "x", "Scrape": "up", "Of its budget": "0.4 percentunit", "Samples": "13 short", "Time": "4 s", "Pod": "q", "Instance": "i", "Namespace": "a"}, {"Job": "x", "Scrape": "up", "Of its budget": "0.2 percentunit", "Samples": "11 short", "Time": "2 s", "Pod": "p", "Instance": "i", "Namespace": "b"}],
        ("platform", "How long do scrapes take?"): {"x": "5 5 s", "y": "3 3 s", "too slow": "10 10 s"},
        ("platform", "How many series are in memory?"): {"0": "1000 1000 short", "1": "2000 2000 short", "new, 0": "1 1 cps", "new, 1": "2 2 cps"},
        ("platform", "How many notifications were sent?"): {"email": "90 90 short", "email failed": "45 45 short"},
        ("platform", "How much disk do samples take?"): {"0": "123 123 bytes", "limit": "900 900 bytes"},
        ("platform", "Which jobs cost most series?"): {"x": "48 short", "y": "12 short"},
    },
)  # fmt: skip
SHORT_FAULT = Case(
    {
        f"service:state{{{SERVICE}}}": "0x6 5 0x5",
        f'service:fault:active{{{SERVICE}, fault="latency"}}': "0x6 1 0x5",
        f'service:pod:ready{{{SERVICE}, pod="a"}}': "1x6 0 1x5",
        f'slo:bad_requests_per_requests:ratio_rate5m{{{SERVICE}, slo_indicator="availability"}}': "0x6 0.5 0x5",
        f'slo:objective:ratio{{{SERVICE}, slo_indicator="availability"}}': "0.99x12",
    },
    30,
    TimeRange(120, 360, 120),
    {
        ("services", "When did each service stop being healthy?"): {"shop / checkout": "0 5 0 short"},
        ("storage-api", "Which faults are switched on?"): {"latency": "0 1 0 short"},
        ("workload", "Which pods were ready?"): {"a": "1 0 1 short"},
        ("service", "What share fails or is too slow?"): {
            "availability": "0 0.5 0 percentunit",
            "availability allowed": "0.01 0.01 0.01 percentunit",
        },
    },
)
"""A fault of one sample at 210 s, between two points of the graphs."""
SPARSE = Case(
    {name: samples.replace("0x6 ", "0 0 ").replace("1x6 ", "1 1 ").replace(" 0x5", "").replace(" 1x5", "")
     for name, samples in SHORT_FAULT.series.items()},
    120,
    TimeRange(240, 330, 30),
    {
        ("services", "When did each service stop being healthy?"): {"shop / checkout": "5 5 5 5 short"},
        ("storage-api", "Which faults are switched on?"): {"latency": "1 1 1 1 short"},
        ("workload", "Which pods were ready?"): {"a": "0 0 0 0 short"},
        ("service", "What share fails or is too slow?"): {"availability": "0.5 0.5 0.5 0.5 percentunit", "availability allowed": "0.01 0.01 0.01 0.01 percentunit"},
    },
)  # fmt: skip
"""Points four times as often as samples."""
PODS = Case(
    {
        f"service:replicas:ready{{{SERVICE}}}": "2x12",
        f"service:replicas:desired{{{SERVICE}}}": "3x12",
        f"service:hpa:current{{{SERVICE}}}": "4x12",
        f"service:hpa:desired{{{SERVICE}}}": "5x12",
        f"service:hpa:max{{{SERVICE}}}": "6x12",
        **{
            f'{name}{{{SERVICE}, pod="{pod}"}}': samples
            for name, both in {
                "service:pod_restarts:total": ("0+1x12", "0+2x12"),
                "service:pod_cpu:cores": ("0.1x12", "0.2x12"),
                "service:pod_cpu_limit:cores": ("1x12", "2x12"),
                "service:pod_memory:bytes": ("100x12", "200x12"),
                "service:pod_memory_limit:bytes": ("1000x12", "2000x12"),
                "service:pod_network_receive:bytes_rate": ("10x12", "20x12"),
                "service:pod_network_transmit:bytes_rate": ("1x12", "2x12"),
                "service:pod:ready": ("1x12", "0x12"),
            }.items()
            for pod, samples in zip("ab", both, strict=True)
        },
        **{
            f'service:pod_problem:info{{{SERVICE}, pod="b", container="{name}", reason="Error"}}': "1x12"
            for name in ("first", "second")
        },
    },
    300,
    TimeRange(3300, 3600, 300),
    {
        ("workload", "Ready"): {"replicas": "2 of 3"},
        ("workload", "Restarts in the last hour"): {"restarts": "36 short"},
        ("workload", "Autoscaler"): {"replicas": "4 of 6"},
        ("workload", "Why is a pod not running?"): [
            {
                "Pod": "b",
                "Ready": "not ready",
                "Reason": "Error",
                "Container": "first",
                "Restarts": "24 short",
            },
            {
                "Pod": "b",
                "Ready": "not ready",
                "Reason": "Error",
                "Container": "second",
                "Restarts": "24 short",
            },
            {"Pod": "a", "Ready": "ready", "Restarts": "12 short"},
        ],
        ("workload", "How much CPU is used?"): {
            "a": "0.1 0.1 short",
            "b": "0.2 0.2 short",
            "limit": "1 1 short",
        },
        ("workload", "How much memory is used?"): {
            "a": "100 100 bytes",
            "b": "200 200 bytes",
            "limit": "1000 1000 bytes",
        },
        ("workload", "How many replicas are wanted, and ready?"): {
            "ready": "2 2 short",
            "wanted": "3 3 short",
            "wanted by the autoscaler": "5 5 short",
            "maximum": "6 6 short",
        },
        ("workload", "How much goes over the network?"): {"receive": "30 30 Bps", "transmit": "3 3 Bps"},
    },
)
FAILURES = Case(
    {
        f"{name}{{{SERVICE}{labels}, {result}}}": samples
        for name, labels in {
            "service:requests:rate": "",
            "service:route_requests:rate": ', route="/a", method="GET"',
            "service:pod_requests:rate": ', pod="a"',
        }.items()
        for result, samples in {
            'code="200", outcome="good"': "0.5x4", 'code="500", outcome="bad"': "0.2x4",
            'code="503", outcome="bad"': "0.3x4",
        }.items()
    }
    | {
        f'service:route_requests:rate{{{SERVICE}, route="/b", method="GET", outcome="good"}}': "2x4",
        f"service:targets:up{{{SERVICE}}}": "1x4",
        f'ALERTS{{{SERVICE}, alertname="Noted", severity="info", alertstate="firing"}}': "1x4",
        f'ALERTS_FOR_STATE{{{SERVICE}, alertname="Noted", severity="info"}}': "60x4",
        f'storage:operations:rate{{{SERVICE}, operation="read", outcome="error"}}': "0.1x4",
        f'storage:operations:rate{{{SERVICE}, operation="read", outcome="full"}}': "0.2x4",
        f'storage:operations:rate{{{SERVICE}, operation="read", outcome="ok"}}': "0.5x4",
    },
    60,
    TimeRange(120, 180, 60),
    {
        ("service", "What is wrong, or switched on, now?"): [],
        ("service", "Failing"): {"failing": "0.5 percentunit"},
        ("service", "Which pod?"): [{"Pod": "a", "Failing": "0.5 percentunit", "Requests": "1 reqps"}],
        ("service", "Which route?"): [{"Route": "/a", "Method": "GET", "Failing": "0.5 percentunit", "Requests": "1 reqps"}, {"Route": "/b", "Method": "GET", "Failing": "0 percentunit", "Requests": "2 reqps"}],
        ("storage-api", "Failing"): {"failing": "0.5 percentunit"},
        ("storage-api", "Which route fails?"): {"GET /a": "0.5 0.5 percentunit", "GET /b": "0 0 percentunit"},
        ("storage-api", "How do operations of the store end?"): {"error read": "0.1 0.1 ops", "full read": "0.2 0.2 ops", "ok read": "0.5 0.5 ops"},
        ("storage-api", "What share does the store fail?"): {"read": "0.375 0.375 percentunit"},
    },
)  # fmt: skip
"""Two statuses and two outcomes of the store are failures; a route has never failed."""
NEVER_FAILED = Case(
    {
        f'service:requests:rate{{{SERVICE}, code="200", outcome="good"}}': "2x4",
        f"service:targets:up{{{SERVICE}}}": "1x4",
    },
    60,
    TimeRange(120, 180, 60),
    dict.fromkeys([("service", "Failing"), ("storage-api", "Failing")], {"failing": "0 percentunit"}),
)
"""There is no series of failures."""
_SERVICES = {
    'namespace="a", slo_service="x"': 2,
    'namespace="a", slo_service="y"': 3,
    'namespace="b", slo_service="x"': 4,
}
_BURNS = ('slo_indicator="availability"', 'slo_indicator="latency"')
NAMES = Case(
    _each("service:state", {one: f"{state}x4" for one, state in list(_SERVICES.items())[:2]})
    | _each("service:targets:up", {one: f"{n}x4" for n, one in enumerate(_SERVICES)})
    | _each("service:targets:expected", {one: f"{n + 5}x4" for n, one in enumerate(_SERVICES)})
    | _each("service:latency_seconds:quantile", {f'{one}, quantile="0.99"': f"{n}x4" for one, n in _SERVICES.items()})
    | _each("service:requests:rate", {
        f'{one}, code="{code}", outcome="{outcome}"': f"{n}x4"
        for one, n in _SERVICES.items() for code, outcome in (("200", "good"), ("500", "bad"), ("503", "bad"))
    })
    | _each("slo_info", {f"{one}, {burn}": "1x4" for one in _SERVICES for burn in _BURNS})
    | _each("slo:objective:ratio", {f"{one}, {burn}": "0.9x4" for one in _SERVICES for burn in _BURNS})
    | _each("slo:error_budget_remaining:ratio", {
        f"{one}, {burn}": f"0.{n}{m}x4" for one, n in _SERVICES.items() for m, burn in enumerate(_BURNS)
    })
    | {
        f"slo:bad_requests_per_requests:ratio_rate{window}{{{one}, {burn}}}": f"0.{n}{m}x4"
        for window in ("5m", "1h") for one, n in _SERVICES.items() for m, burn in enumerate(_BURNS)
    }
    | {
        f'{name}{{alertname="{alert}", severity="{severity}", {one}{state}}}': samples
        for name, state, samples in (("ALERTS", ', alertstate="firing"', "1x4"), ("ALERTS_FOR_STATE", "", "60x4"))
        for one, alert, severity in (
            ('namespace="a", slo_service="x"', "Burn", "critical"), ('namespace="a", slo_service="x"', "Burn", "warning"),
            ('namespace="b", slo_service="x"', "Burn", "critical"), ('namespace="a", slo_service="y"', "Info", "info"),
            ('namespace="a", slo_service=""', "Other", "warning"),
        )
    },
    60,
    TimeRange(120, 180, 60),
    {
        ("services", "Which service needs me?"): [{"Service": "x", "State": "no data", "Failing": "0.666667 percentunit", "p99": "4 s", "Up": "2 of 7", "Requests": "12 reqps", "Burn now": "4.1 suffix:x", "Budget left": "0.4 percentunit", "Alerts": "1 short", "Namespace": "b"}, {"Service": "y", "State": "ticket", "Failing": "0.666667 percentunit", "p99": "3 s", "Up": "1 of 6", "Requests": "9 reqps", "Burn now": "3.1 suffix:x", "Budget left": "0.3 percentunit", "Alerts": "0 short", "Namespace": "a"}, {"Service": "x", "State": "degraded", "Failing": "0.666667 percentunit", "p99": "2 s", "Up": "0 of 5", "Requests": "6 reqps", "Budget left": "0.2 percentunit", "Alerts": "2 short", "Namespace": "a"}],
        ("services", "What is pending or firing?"): [{"Alert": "Burn", "State": "firing", "Age": "120 s", "Severity": "critical", "Service": "x", "Namespace": "a"}, {"Alert": "Burn", "State": "firing", "Age": "120 s", "Severity": "warning", "Service": "x", "Namespace": "a"}, {"Alert": "Burn", "State": "firing", "Age": "120 s", "Severity": "critical", "Service": "x", "Namespace": "b"}, {"Alert": "Other", "State": "firing", "Age": "120 s", "Severity": "warning", "Namespace": "a"}],
        ("services", "Who burns budget fastest?"): {"a / x": "2.1 2.1 suffix:x", "a / y": "3.1 3.1 suffix:x", "b / x": "4.1 4.1 suffix:x"},
        ("services", "How much budget is left?"): {"a / x": "0.2 0.2 percentunit", "a / y": "0.3 0.3 percentunit", "b / x": "0.4 0.4 percentunit"},
    },
    {"namespace": ".+"},
)  # fmt: skip
"""Two services in a namespace, two of one name; nothing is known of the state of the last, and its target is up."""
STATES = Case(
    {
        f'service:state{{namespace="a", slo_service="{n}"}}': f"{state}x4"
        for n, state in enumerate((0, 1, 1, 2, 2, 3, 3, 3, 4, 5))
    },
    60,
    TimeRange(120, 180, 60),
    {
        ("services", "How many services are in which state?"): {
            "down or paging": "2 short",
            "ticket or degraded": "5 short",
            "no traffic": "2 short",
            "healthy": "1 short",
        },
    },
    {"namespace": ".+"},
)
CASES = {
    "trouble": TROUBLE,
    "short fault": SHORT_FAULT,
    "sparse": SPARSE,
    "pods": PODS,
    "failures": FAILURES,
    "never failed": NEVER_FAILED,
    "names": NAMES,
    "states": STATES,
}


def shown(panel: Mapping[str, Any], case: Case, source: PromtoolSource) -> Shown:
    """What a panel shows: values rounded to six digits, each with its unit if it has one, or texts."""
    picture = draw(panel, source, case.variables, case.shown)
    if picture.rows is not None:
        return [
            {title: said(cell) for title, cell in row.items() if cell.value is not None}
            for row in picture.rows
        ]
    return {name: said(line) for name, line in picture.lines}


def said(cell: Any) -> Any:
    if cell.text is not None and len(cell.points) < 2:
        return cell.text
    values = [value for _, value in cell.points] if len(cell.points) > 1 else [cell.value]
    words = [f"{value:.6g}" if isinstance(value, float) else str(value) for value in values]
    return " ".join([*words, cell.unit] if isinstance(values[0], float) and cell.unit else words)


PANELS = {
    f"{name}: {panel}": (case, dashboard, panel)
    for name, case in CASES.items()
    for dashboard, panel in case.panels
}


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_shows_the_case(name):
    case, dashboard, title = PANELS[name]
    panel = next(panel for panel in data_panels(DOCUMENTS[dashboard]) if panel["title"] == title)
    source = case.source()
    assert source.settle(lambda: shown(panel, case, source)) == case.panels[dashboard, title]

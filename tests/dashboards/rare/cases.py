"""Cases that neither the lab nor a recording has, each as the series that panels read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.dashboard.picture import draw
from tests.support.dashboard.promtool import PromtoolSource
from tests.support.dashboard.shown import Shown as Cell
from tests.support.dashboard.variables import TimeRange

SERVICE = 'namespace="shop", slo_service="checkout"'
ONE_SERVICE = {"namespace": "shop", "service": "checkout", "pod": ".+", "job": ".+"}
EXPECTED: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(
    Path(__file__).with_name("expected.yaml").read_text(encoding="utf-8")
)
"""What each panel shows: by case, dashboard and title."""
Shown = dict[str, str] | list[dict[str, str]]
Series = Mapping[str, str]
"""In promtool's notation: a series, and its samples."""


@dataclass(frozen=True)
class Case:
    """Series with a sample `every` seconds, and what a reader chose."""

    series: Series
    every: int
    shown: TimeRange
    variables: Mapping[str, str] = field(default_factory=lambda: ONE_SERVICE)

    def source(self) -> PromtoolSource:
        """Answers the panels' queries."""
        return PromtoolSource(
            [], self.series.items(), int(self.shown.end), every=f"{self.every}s", step="30s"
        )

    def look(self, panel: Mapping[str, Any], source: PromtoolSource) -> Shown:
        """A panel's lines by name, or the rows of a table: values with their unit, or a text."""
        picture = draw(panel, source, self.variables, self.shown)
        if picture.rows is not None:
            return [
                {title: _said(cell) for title, cell in row.items() if cell.value is not None}
                for row in picture.rows
            ]
        return {name: _said(line) for name, line in picture.lines}


def _said(cell: Cell) -> str:
    values = [value for _, value in cell.points] if len(cell.points) > 1 else [cell.value]
    if cell.text is not None and len(values) == 1:
        return cell.text
    words = [f"{value:.6g}" if isinstance(value, float) else str(value) for value in values]
    return " ".join([*words, cell.unit] if isinstance(values[0], float) and cell.unit else words)


def _each(name: str, values: Mapping[str, str]) -> Series:
    """A series for each text of labels."""
    return {f"{name}{{{labels}}}": samples for labels, samples in values.items()}


# --- two servers of Prometheus and Alertmanager in trouble ----------------------------------------------

_GROUPS = [f'rule_group="file;{name}"' for name in "abc"]
_SAME_NAME = [_GROUPS[0], 'rule_group="other file;a"']
_BOTH = ['pod="0"', 'pod="1"']
_TARGETS = [
    'namespace="a", job="x", pod="p", instance="i"',
    'namespace="b", job="x", pod="p", instance="i"',
    'namespace="a", job="y", pod="p", instance="i"',
    'namespace="a", job="x", pod="q", instance="i"',
    'namespace="a", job="x", pod="p", instance="j"',
]
"""The first differs from each other one in one label."""


def _on(names: list[str], name: str, *samples: str) -> Series:
    """The same metric with different samples for different labels."""
    return _each(name, {labels: f"{each}x20" for labels, each in zip(names, samples, strict=True)})


_EMAIL = [f'{pod}, integration="email"' for pod in _BOTH]
_FAILING = [f"{_BOTH[0]}, {group}" for group in _GROUPS[:2]]
_MISSING = [f"{pod}, {_GROUPS[0]}" for pod in _BOTH]
TROUBLE = Case(
    {
        **_on(_FAILING, "prometheus_rule_evaluation_failures_total", "0+1", "0+2"),
        **_on(_MISSING, "prometheus_rule_group_iterations_missed_total", "0+3", "0+4"),
        # The last group has never run.
        **_on(_GROUPS, "prometheus_rule_group_last_evaluation_timestamp_seconds", "600", "900", "0"),
        **_on(_GROUPS, "prometheus_rule_group_interval_seconds", "60", "60", "60"),
        **_on(_SAME_NAME, "prometheus_rule_group_last_duration_seconds", "3", "6"),
        **_on(_SAME_NAME[1:], "prometheus_rule_group_interval_seconds", "60"),
        **_on(_BOTH, "prometheus_notifications_dropped_total", "0+1", "0+3"),
        **_on(_EMAIL, "alertmanager_notifications_failed_total", "0+1", "0+2"),
        **_on(_EMAIL, "alertmanager_notifications_total", "0+2", "0+4"),
        **_on(_BOTH, "prometheus_config_last_reload_successful", "1", "0"),
        **_on(_BOTH, "alertmanager_config_last_reload_successful", "0", "1"),
        'ALERTS{alertname="Watchdog", alertstate="pending"}': "1x20",
        'ALERTS{alertname="Other", alertstate="firing"}': "1x20",
        **_on(_BOTH, "prometheus_notifications_alertmanagers_discovered", "3", "2"),
        **_on(_BOTH, "prometheus_tsdb_head_series", "1000", "2000"),
        **_on(_BOTH, "prometheus_tsdb_head_series_created_total", "0+60", "0+120"),
        **_on(_BOTH[:1], "prometheus_tsdb_storage_blocks_bytes", "100"),
        **_on(_BOTH[:1], "prometheus_tsdb_head_chunks_storage_size_bytes", "20"),
        **_on(_BOTH[:1], "prometheus_tsdb_wal_storage_size_bytes", "3"),
        **_on(_BOTH, "prometheus_tsdb_retention_limit_bytes", "500", "900"),
        **_on(_GROUPS[:2], "platform:scrape_duration_budget:seconds", "5", "10"),
        **_on(_TARGETS, "up", "0", "1", "0", "1", "0"),
        **_on(_TARGETS, "platform:scrape_samples_budget:ratio", "0.1", "0.2", "0.3", "0.4", "0.5"),
        **_on(_TARGETS, "scrape_samples_post_metric_relabeling", "10", "11", "12", "13", "14"),
        **_on(_TARGETS, "scrape_duration_seconds", "1", "2", "3", "4", "5"),
    },
    60,
    TimeRange(1140, 1200, 60),
)

# --- steps of graphs that are longer or shorter than the interval of samples ----------------------------


def _fault(before: str, after: str) -> Series:
    """A fault of one sample: the numbers of samples before and after it."""
    return {
        f"service:state{{{SERVICE}}}": f"0x{before} 5 0x{after}",
        f'service:fault:active{{{SERVICE}, fault="latency"}}': f"0x{before} 1 0x{after}",
        f'service:pod:ready{{{SERVICE}, pod="a"}}': f"1x{before} 0 1x{after}",
        f'slo:bad_requests_per_requests:ratio_rate5m{{{SERVICE}, slo_indicator="availability"}}': (
            f"0x{before} 0.5 0x{after}"
        ),
        f'slo:objective:ratio{{{SERVICE}, slo_indicator="availability"}}': "0.99x12",
    }


SHORT_FAULT = Case(_fault("6", "5"), 30, TimeRange(120, 360, 120))
"""At 210 s, between two points of the graph."""
SPARSE = Case(_fault("1", "5"), 120, TimeRange(240, 330, 30))
"""At 240 s, with a sample for each four points of the graph."""

# --- pods that differ, and several ways to fail ---------------------------------------------------------

_OF_PODS = {
    "service:pod_restarts:total": ("0+1x12", "0+2x12"),
    "service:pod_cpu:cores": ("0.1x12", "0.2x12"),
    "service:pod_cpu_limit:cores": ("1x12", "2x12"),
    "service:pod_memory:bytes": ("100x12", "200x12"),
    "service:pod_memory_limit:bytes": ("1000x12", "2000x12"),
    "service:pod_network_receive:bytes_rate": ("10x12", "20x12"),
    "service:pod_network_transmit:bytes_rate": ("1x12", "2x12"),
    "service:pod:ready": ("1x12", "0x12"),
}
_PROBLEM = f'service:pod_problem:info{{{SERVICE}, pod="b", reason="Error", container='
PODS = Case(
    {
        f"service:replicas:ready{{{SERVICE}}}": "2x12",
        f"service:replicas:desired{{{SERVICE}}}": "3x12",
        f"service:hpa:current{{{SERVICE}}}": "4x12",
        f"service:hpa:desired{{{SERVICE}}}": "5x12",
        f"service:hpa:max{{{SERVICE}}}": "6x12",
        **{
            f'{name}{{{SERVICE}, pod="{pod}"}}': samples
            for name, both in _OF_PODS.items()
            for pod, samples in zip("ab", both, strict=True)
        },
        **{f'{_PROBLEM}"{container}"}}': "1x12" for container in ("first", "second")},
    },
    300,
    TimeRange(3300, 3600, 300),
)

_ANSWERS = {
    'code="200", outcome="good"': "0.5x4",
    'code="500", outcome="bad"': "0.2x4",
    'code="503", outcome="bad"': "0.3x4",
}
_REQUESTS = {
    "service:requests:rate": "",
    "service:route_requests:rate": ', route="/a", method="GET"',
    "service:pod_requests:rate": ', pod="a"',
}
FAILURES = Case(
    {
        **{
            f"{name}{{{SERVICE}{labels}, {answer}}}": samples
            for name, labels in _REQUESTS.items()
            for answer, samples in _ANSWERS.items()
        },
        f'service:route_requests:rate{{{SERVICE}, route="/b", method="GET", outcome="good"}}': "2x4",
        **_each(
            "service:route_latency_seconds:quantile",
            {
                f'{SERVICE}, route="{route}", method="GET", quantile="0.99"': p99
                for route, p99 in (("/a", "0.1x4"), ("/b", "0.2x4"))
            },
        ),
        f"service:targets:up{{{SERVICE}}}": "1x4",
        f'ALERTS{{{SERVICE}, alertname="Noted", severity="info", alertstate="firing"}}': "1x4",
        f'ALERTS_FOR_STATE{{{SERVICE}, alertname="Noted", severity="info"}}': "60x4",
        f'storage:operations:rate{{{SERVICE}, operation="read", outcome="error"}}': "0.1x4",
        f'storage:operations:rate{{{SERVICE}, operation="read", outcome="full"}}': "0.2x4",
        f'storage:operations:rate{{{SERVICE}, operation="read", outcome="ok"}}': "0.5x4",
    },
    60,
    TimeRange(120, 180, 60),
)
"""Two statuses and two outcomes of the store are failures; one route has never failed."""
NEVER_FAILED = Case(
    {
        f'service:requests:rate{{{SERVICE}, code="200", outcome="good"}}': "2x4",
        f"service:targets:up{{{SERVICE}}}": "1x4",
    },
    60,
    TimeRange(120, 180, 60),
)
"""There is no series of failures."""

# --- several services -----------------------------------------------------------------------------------

_X, _Y, _OTHER_X = (
    f'namespace="{namespace}", slo_service="{name}"' for namespace, name in ("ax", "ay", "bx")
)
_SERVICES = {_X: 2, _Y: 3, _OTHER_X: 4}
_INDICATORS = {'slo_indicator="availability"': 0, 'slo_indicator="latency"': 1}
_RATIOS = {f"{one}, {own}": f"0.{n}{m}x4" for one, n in _SERVICES.items() for own, m in _INDICATORS.items()}
_ALERTS = [
    f'alertname="Burn", severity="critical", {_X}',
    f'alertname="Burn", severity="warning", {_X}',
    f'alertname="Burn", severity="critical", {_OTHER_X}',
    f'alertname="Noted", severity="info", {_Y}',
    'alertname="Other", severity="warning", namespace="a"',
]
NAMES = Case(
    {
        **_each("service:state", {_X: "2x4", _Y: "3x4"}),
        **_each("service:targets:up", {_X: "0x4", _Y: "1x4", _OTHER_X: "2x4"}),
        **_each("service:targets:expected", {_X: "5x4", _Y: "6x4", _OTHER_X: "7x4"}),
        **_each(
            "service:latency_seconds:quantile",
            {f'{one}, quantile="0.99"': f"{n}x4" for one, n in _SERVICES.items()},
        ),
        **_each(
            "service:requests:rate",
            {f"{one}, {answer}": f"{n}x4" for one, n in _SERVICES.items() for answer in _ANSWERS},
        ),
        **_each("slo_info", dict.fromkeys(_RATIOS, "1x4")),
        **_each("slo:objective:ratio", dict.fromkeys(_RATIOS, "0.9x4")),
        **_each("slo:error_budget_remaining:ratio", _RATIOS),
        **_each("slo:bad_requests_per_requests:ratio_rate5m", _RATIOS),
        **_each("slo:bad_requests_per_requests:ratio_rate1h", _RATIOS),
        **_each("ALERTS", {f'{alert}, alertstate="firing"': "1x4" for alert in _ALERTS}),
        **_each("ALERTS_FOR_STATE", dict.fromkeys(_ALERTS, "60x4")),
    },
    60,
    TimeRange(120, 180, 60),
    {"namespace": ".+"},
)
"""Two services in a namespace, and two of one name. One has no state; of the first no target is up."""
STATES = Case(
    {
        f'service:state{{namespace="a", slo_service="{number}"}}': f"{state}x4"
        for number, state in enumerate((0, 1, 1, 2, 2, 3, 3, 3, 4, 5))
    },
    60,
    TimeRange(120, 180, 60),
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

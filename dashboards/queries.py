"""Queries of panels, and expressions that more than one dashboard needs."""

from typing import Literal

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.config import DATASOURCE

SOURCE = DataSourceRef(type_val="prometheus", uid=DATASOURCE)

EACH = "by (namespace, slo_service) "
"""Groups by service: a name may exist in several namespaces."""


def over_time(expr: str, legend: str) -> prometheus.Dataquery:
    """A range query; `legend` is a Grafana template such as `{{method}} {{route}}`."""
    return prometheus.Dataquery().expr(expr).legend_format(legend).range()


def now(expr: str, legend: str = "__auto") -> prometheus.Dataquery:
    """An instant query. Without a present value it returns nothing; a range query would return old values."""
    return prometheus.Dataquery().expr(expr).legend_format(legend).instant()


def rows(expr: str) -> prometheus.Dataquery:
    """An instant query in table format: a row per series, a column per label."""
    return now(expr).format(PromQueryFormat.TABLE)


def within_step(worst: Literal["max", "min"], series: str) -> str:
    """PromQL for the largest or smallest value within each step of a graph, so that a long range skips none.

    Where a step is shorter than the interval of the rule that records the series, its present value counts.
    """
    return f"{worst}_over_time({series}[$__interval]) or {series}"


def bad_rate(selector: str, by: str = "", metric: str = "service:requests:rate") -> str:
    """PromQL for the bad requests per second; 0 if there are requests but none is bad."""
    total = f"sum {by}" if by else "sum"
    return f'{total}({metric}{{{selector}, outcome="bad"}} or 0 * {metric}{{{selector}}})'


def failing(selector: str, by: str = "", metric: str = "service:requests:rate") -> str:
    """PromQL for the share of requests that are bad, 0 to 1; nothing without requests."""
    total = f"sum {by}" if by else "sum"
    return f"{bad_rate(selector, by, metric)}\n/ ({total}({metric}{{{selector}}}) > 0)"


def or_why_not(figure: str, selector: str) -> str:
    """PromQL for a figure; without one, -1 if a target is up (no traffic), and -2 if none is."""
    return f"{figure}\nor on () (service:targets:up{{{selector}}} > bool 0) - 2"


def n_of_m(n: str, m: str, label: str) -> str:
    """PromQL for series with a label such as `1 of 3`, from two series with the same labels of a service."""
    return (
        f'label_join(\n  count_values {EACH}("n", {n})\n'
        f'  * on (namespace, slo_service) group_left (m) count_values {EACH}("m", {m}),\n'
        f'  "{label}", " of ", "n", "m"\n)'
    )

"""Panel builders and selectors of the dashboard "Storage API"."""

from grafana_foundation_sdk.builders import common, dashboard, heatmap, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    DataSourceRef,
    GraphThresholdsStyleMode,
    HeatmapCellLayout,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    VariableOption,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.config import DATASOURCE, TAG, uid

WINDOW = "$__rate_interval"
"""Range of every rate: at least four scrape intervals at any zoom level."""

SERVICE = 'namespace="$namespace", job=~"$job"'
"""Selects every series of the service."""

USERS = f'{SERVICE}, path!~"/healthz|/readyz|/metrics|/api/metrics|/openapi.json|/faults"'
"""Selects users' requests: all but the kubelet's probes, Prometheus' scrapes and the control of drills."""

SERVER_ERROR = 'status=~"5.."'
"""Selects responses that count as errors of the service."""


STATUS_COLORS = {"2..": "green", "3..": "blue", "4..": "orange", "5..": "red"}
"""Colour of each HTTP status class, the same on every dashboard."""

_SOURCE = DataSourceRef(type_val="prometheus", uid=DATASOURCE)


def page(name: str, title: str, description: str) -> dashboard.Dashboard:
    """An empty dashboard: last hour, refreshed every 30 s, with a variable for the data source."""
    return (
        dashboard.Dashboard(title)
        .uid(uid(name))
        .description(description)
        .tags([TAG])
        .time("now-1h", "now")
        .refresh("30s")
        .timezone("browser")
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )


def variable(name: str, series: str, *, every: bool = False) -> dashboard.QueryVariable:
    """A variable whose options are the values of the label `name` in `series`.

    With `every` the reader may select several, and the dashboard opens with all of them.
    """
    query = f"label_values({series}, {name})"
    built = (
        dashboard.QueryVariable(name)
        .label(name.capitalize())
        .datasource(_SOURCE)
        .query({"query": query, "refId": f"variable-{name}"})
        .definition(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )
    if every:
        built = built.multi(True).include_all(True).current(VariableOption(text=["All"], value=["$__all"]))
    return built


def alert_marks(expr: str) -> dashboard.AnnotationQuery:
    """An annotation that marks every graph while a matching alert exists.

    `expr` is a selector such as `ALERTS{alertstate="firing"}`.
    """
    return (
        dashboard.AnnotationQuery()
        .name("Alerts")
        .datasource(_SOURCE)
        .enable(True)
        .icon_color("red")
        .expr(expr)
        .title_format("{{alertname}}")
        .text_format("{{severity}}")
        .step("30s")
    )


def query(expr: str, legend: str) -> prometheus.Dataquery:
    """A range query; `legend` is a Grafana template such as `{{method}} {{path}}`."""
    return prometheus.Dataquery().expr(expr).legend_format(legend).range()


def steps(good: str = "green", **above: float) -> dashboard.ThresholdsConfig:
    """Absolute thresholds: `good` as the base colour, then each colour from its value upwards.

    For example, steps(orange=0.01, red=0.05) is green below 0.01, then orange, and red from 0.05 on.
    """
    built = [Threshold(color=good), *(Threshold(color=color, value=value) for color, value in above.items())]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(built)


def color(name: str) -> list[DynamicConfigValue]:
    """Override properties that draw a series in one fixed colour."""
    return [DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": name})]


def number(title: str, description: str, unit: str) -> stat.Panel:
    """A stat panel: the last value, with a sparkline behind it."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .graph_mode(BigValueGraphMode.AREA)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(steps("text"))
        .height(5)
    )


def graph(title: str, description: str, unit: str) -> timeseries.Panel:
    """A time series panel: y axis from zero; mean, maximum and last value in the legend."""
    legend = (
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.TABLE)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(["mean", "max", "lastNotNull"])
    )
    tooltip = common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
    return (
        timeseries.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .min(0)
        .legend(legend)
        .tooltip(tooltip)
        .fill_opacity(10)
        .line_width(1)
        .height(9)
        .span(12)
    )


def stacked(panel: timeseries.Panel) -> timeseries.Panel:
    """The panel with its series stacked, for parts of a whole such as requests by status."""
    return panel.fill_opacity(40).stacking(common.StackingConfig().mode(StackingMode.NORMAL))


def by_status(panel: timeseries.Panel) -> timeseries.Panel:
    """The panel with each series coloured by status class; the series must be named by HTTP status."""
    for pattern, name in STATUS_COLORS.items():
        panel = panel.override_by_regexp(f"/^{pattern}$/", color(name))
    return panel


def limits(panel: timeseries.Panel, **above: float) -> timeseries.Panel:
    """The panel with thresholds drawn as dashed lines, given as for `steps`."""
    line = common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
    return panel.thresholds(steps(**above)).thresholds_style(line)


def buckets(title: str, description: str, unit: str, expr: str) -> heatmap.Panel:
    """A heatmap of a classic histogram; `expr` is the rate of its buckets by `le`, in requests per second."""
    palette = heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").steps(64)
    return (
        heatmap.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .calculate(False)
        .color(palette)
        .y_axis(heatmap.YAxisConfig().unit(unit))
        .rows_frame(heatmap.RowsHeatmapOptions().layout(HeatmapCellLayout.AUTO))
        .cell_values(heatmap.CellValues().unit("reqps"))
        .cell_gap(1)
        .show_legend()
        .with_target(query(expr, "{{le}}").format(PromQueryFormat.HEATMAP))
        .height(9)
        .span(12)
    )


def instant_table(title: str, description: str) -> table.Panel:
    """A table of current values; build its queries with `instant`."""
    return table.Panel().title(title).description(description).height(7).span(24)


def instant(expr: str) -> prometheus.Dataquery:
    """An instant query in table format: a row per series, a column per label."""
    return prometheus.Dataquery().expr(expr).legend_format("__auto").instant().format(PromQueryFormat.TABLE)


def rate(metric: str, selector: str) -> str:
    """PromQL for the per-second rate of a counter over WINDOW."""
    return f"rate({metric}{{{selector}}}[{WINDOW}])"

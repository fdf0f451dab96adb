"""Panel builders with our defaults set, so that a dashboard's module contains only its own content."""

from collections.abc import Mapping
from typing import Literal

from grafana_foundation_sdk.builders import bargauge, common, heatmap, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BarGaugeNamePlacement,
    BigValueColorMode,
    BigValueGraphMode,
    GraphThresholdsStyleMode,
    HeatmapCellLayout,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, FieldColorModeId, ValueMapping
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.colors import CRITICAL, NEUTRAL, WARNING, fixed, missing, steps
from dashboards.queries import over_time

DASHED = DynamicConfigValue(id_val="custom.lineStyle", value={"fill": "dash", "dash": [8, 8]})
"""Override property for lines that are limits, not measurements."""


def figure(title: str, description: str, unit: str, mappings: list[ValueMapping]) -> stat.Panel:
    """A stat: figures of this moment, to be queried with `queries.now`.

    There is no sparkline: it would need a range query, whose last value may be old.
    """
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .color_mode(BigValueColorMode.BACKGROUND_SOLID)
        .thresholds(steps(NEUTRAL))
        .mappings(mappings)
        .height(3)
        .span(4)
    )


def n_of_m_figure(title: str, description: str, mappings: list[ValueMapping], label: str) -> stat.Panel:
    """A stat that shows a label such as "1 of 3", to be queried with `queries.rows`."""
    shown = common.ReduceDataOptions().calcs(["lastNotNull"]).fields(f"/^{label}$/")
    return figure(title, description, "short", mappings).reduce_options(shown)


def graph(title: str, description: str, unit: str, worst: Literal["max", "min"] = "max") -> timeseries.Panel:
    """A time series panel; the legend has each series' last and worst value, and the worst last one on top.

    `last` and not `lastNotNull`: a series that has ended has no last value.
    """
    legend = (
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.TABLE)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(["last", worst])
        .sort_by("Last")
        .sort_desc(worst == "max")
    )
    tooltip = common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
    return (
        timeseries.Panel()
        .title(title)
        .description(description)
        .no_value("no data")
        .unit(unit)
        .axis_soft_min(0)
        .legend(legend)
        .tooltip(tooltip)
        .fill_opacity(0)
        .line_width(2)
        .height(9)
        .span(12)
    )


def sorted_by_name(panel: timeseries.Panel, *, descending: bool) -> timeseries.Panel:
    """The panel with its legend sorted by name, such as status codes with 5xx first."""
    panel.build().options.legend.sort_by = "Name"
    panel.build().options.legend.sort_desc = descending
    return panel


def stacked(panel: timeseries.Panel) -> timeseries.Panel:
    """The panel with its series stacked, for parts of a whole such as requests by status.

    No lines: the line of a series that is zero would run along the edge of the one below it.
    """
    return panel.fill_opacity(70).line_width(0).stacking(common.StackingConfig().mode(StackingMode.NORMAL))


def colored(panel: timeseries.Panel, colors: Mapping[str, str], after: str = "") -> timeseries.Panel:
    """The panel with a fixed colour for each series whose name begins with a key of `colors` and `after`."""
    for name, color in colors.items():
        panel = panel.override_by_regexp(f"/^{name}{after}/", [fixed(color)])
    return panel


def limits(panel: timeseries.Panel, above: dict[float, str]) -> timeseries.Panel:
    """The panel with fixed thresholds as dashed lines, for normalised figures such as burn rates."""
    line = common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
    return panel.thresholds(steps("transparent", above)).thresholds_style(line)


def timeline(title: str, description: str, mappings: list[ValueMapping]) -> statetimeline.Panel:
    """A state timeline: a lane per series, coloured and named by its mapped values."""
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    return (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .no_value("no data")
        .unit("short")
        .mappings(mappings)
        .thresholds(steps(NEUTRAL))
        .legend(legend.show_legend(True))
        .show_value(VisibilityMode.AUTO)
        .merge_values(True)
        .row_height(0.8)
        .fill_opacity(80)
        .line_width(0)
        .height(9)
        .span(12)
    )


def bars(title: str, description: str, warn: float = 0.5, bad: float = 1) -> bargauge.Panel:
    """Bars for shares of a limit, 0 to 1, by `queries.now`: orange from `warn` on, red from `bad` on."""
    return (
        bargauge.Panel()
        .title(title)
        .description(description)
        .no_value("no data")
        .mappings([missing(None)])
        .unit("percentunit")
        .decimals(0)
        .min(0)
        .max(1)
        .thresholds(steps("blue", {warn: WARNING, bad: CRITICAL}))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .display_mode(BarGaugeDisplayMode.BASIC)
        .orientation(VizOrientation.HORIZONTAL)
        .name_placement(BarGaugeNamePlacement.TOP)
        .text(common.VizTextDisplayOptions().title_size(12).value_size(12))
        .height(9)
        .span(12)
    )


def buckets(title: str, description: str, unit: str, expr: str) -> heatmap.Panel:
    """A heatmap of a classic histogram; `expr` is the rate of its buckets by `le`, in requests per second."""
    palette = heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Blues").steps(64)
    return (
        heatmap.Panel()
        .title(title)
        .description(description)
        .no_value("no data")
        .unit(unit)
        .calculate(False)
        .color(palette)
        .y_axis(heatmap.YAxisConfig().unit(unit))
        .rows_frame(heatmap.RowsHeatmapOptions().layout(HeatmapCellLayout.AUTO))
        .cell_values(heatmap.CellValues().unit("reqps"))
        .cell_gap(1)
        .show_legend()
        .with_target(over_time(expr, "{{le}}").format(PromQueryFormat.HEATMAP))
        .height(9)
        .span(12)
    )


def shades(panel: timeseries.Panel, color: str = "blue") -> timeseries.Panel:
    """The panel with its series in shades of one colour, for series that only differ."""
    return panel.color_scheme(FieldColor().mode(FieldColorModeId.SHADES).fixed_color(color))

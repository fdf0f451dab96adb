"""A dashboard's frame: its header, its variables and its annotations."""

from collections.abc import Iterable

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    Panel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from dashboards.colors import CRITICAL, DRILL, IDLE, WARNING
from dashboards.config import TAG, uid
from dashboards.queries import SOURCE


def page(name: str, title: str, description: str) -> dashboard.Dashboard:
    """An empty dashboard: last hour, refreshed every 30 s, with a menu of the other dashboards."""
    menu = (
        dashboard.DashboardLink("Dashboards")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(True)
        .keep_time(True)
        .include_vars(True)
    )
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
        .link(menu)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )


def variable(name: str, series: str, label: str = "", *, several: bool = False) -> dashboard.QueryVariable:
    """A variable whose options are the values of a label (by default called like the variable) in `series`.

    With `several` the reader may pick several, and the dashboard opens with all of them.
    """
    query = f"label_values({series}, {label or name})"
    built = (
        dashboard.QueryVariable(name)
        .label(name.capitalize())
        .datasource(SOURCE)
        .query({"query": query, "refId": f"variable-{name}"})
        .definition(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )
    if several:
        built = built.multi(True).include_all(True).current(VariableOption(text=["All"], value=["$__all"]))
    return built


def service_variables(page: dashboard.Dashboard) -> dashboard.Dashboard:
    """The page with the variables `namespace` and `service`, for one service that has objectives."""
    return page.with_variable(variable("namespace", "slo_info")).with_variable(
        variable("service", 'slo_info{namespace="$namespace"}', "slo_service")
    )


def filled(
    page: dashboard.Dashboard,
    panels: Iterable[Builder[Panel]],
    annotations: Iterable[dashboard.AnnotationQuery],
) -> dashboard.Dashboard:
    """The page with these panels, in reading order, and annotations."""
    for panel in panels:
        page = page.with_panel(panel)
    for annotation in annotations:
        page = page.annotation(annotation)
    return page


def mark(name: str, expr: str, color: str, title: str, text: str) -> dashboard.AnnotationQuery:
    """An annotation that marks every graph while `expr` has a series; title and text are templates."""
    return (
        dashboard.AnnotationQuery()
        .name(name)
        .datasource(SOURCE)
        .enable(True)
        .icon_color(color)
        .expr(expr)
        .title_format(title)
        .text_format(text)
        .step("30s")
    )


def marks(selector: str) -> list[dashboard.AnnotationQuery]:
    """Annotations for the services that `selector` selects: alerts, drills and deploys."""
    alerts = f'severity=~"critical|warning", {selector}'
    version = f"count by (namespace, slo_service, version) (service:pod_version:info{{{selector}}}"
    return [
        mark(
            "Firing alerts",
            f'ALERTS{{alertstate="firing", {alerts}}}',
            CRITICAL,
            "{{alertname}} fires",
            "{{severity}}",
        ),
        mark(
            "Pending alerts",
            f'ALERTS{{alertstate="pending", {alerts}}}',
            WARNING,
            "{{alertname}} is pending",
            "{{severity}}",
        ),
        mark(
            "Drills", f"service:fault:active{{{selector}}} > 0", DRILL, "Drill: {{fault}}", "{{slo_service}}"
        ),
        # A version is new while there was no pod with it five minutes ago.
        mark(
            "Deploys",
            f"{version})\nunless {version} offset 5m)",
            IDLE,
            "New version {{version}}",
            "{{slo_service}}",
        ),
    ]

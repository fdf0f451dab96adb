"""The dashboard "Storage API": traffic, errors, latency, saturation and contents of the storage API."""

from grafana_foundation_sdk.builders import common
from grafana_foundation_sdk.builders.table import Panel as TablePanel
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, DynamicConfigValue

from dashboards.storage_api_style import (
    SERVER_ERROR,
    SERVICE,
    USERS,
    alert_marks,
    buckets,
    by_status,
    color,
    dashboard,
    graph,
    instant,
    instant_table,
    limits,
    number,
    page,
    query,
    rate,
    stacked,
    steps,
    variable,
)

REQUESTS = "http_request_count_total"
DURATION = "http_request_duration_seconds"
ALERTS = 'ALERTS{alertname=~"StorageApi.*", alertstate="firing", namespace="$namespace"}'

# Error ratios (0 to 1) from which a panel turns orange, and red.
ERRORS_WARN, ERRORS_BAD = 0.01, 0.05
# Latencies in seconds from which a panel turns orange, and red.
SLOW, TOO_SLOW = 0.5, 1


def requests(*by: str, selector: str = USERS) -> str:
    """PromQL for users' requests per second, summed by these labels."""
    grouping = f" by ({', '.join(by)})" if by else ""
    return f"sum{grouping} ({rate(REQUESTS, selector)})"


def nonzero(expr: str) -> str:
    """PromQL for only the series above zero.

    The service exposes every status and route from the start, and most of them stay at 0: without this they
    would fill the legend.
    """
    return f"{expr} > 0"


def error_ratio(*by: str) -> str:
    """PromQL for the share of users' requests that end in a 5xx, from 0 to 1; no value without traffic."""
    errors, everything = requests(*by, selector=f"{USERS}, {SERVER_ERROR}"), requests(*by)
    # A route that cannot answer 5xx has no such series: its error ratio is 0, not missing.
    return f"({errors} or {everything} * 0) / ({everything} > 0)"


def quantile(q: float, *by: str) -> str:
    """PromQL for the latency in seconds at quantile `q` (0 to 1) of users' requests."""
    counted = f"sum by ({', '.join(('le', *by))}) ({rate(f'{DURATION}_bucket', USERS)})"
    # The quantile of no requests is NaN; the comparison drops it.
    return f"histogram_quantile({q}, {counted}) >= 0"


def mean_duration(*by: str) -> str:
    """PromQL for the mean duration of users' requests in seconds."""
    grouping = f"by ({', '.join(by)})"
    total, count = rate(f"{DURATION}_sum", USERS), rate(f"{DURATION}_count", USERS)
    return f"sum {grouping} ({total}) / (sum {grouping} ({count}) > 0)"


def busy_threads() -> str:
    """PromQL for the share of each instance's threads that are busy, from 0 to 1."""
    return f"http_server_busy_threads{{{SERVICE}}} / http_server_threads{{{SERVICE}}}"


def routes() -> TablePanel:
    """A table with a row for each route and method."""
    columns = {
        "Value #A": ("Requests", "reqps"),
        "Value #B": ("Errors", "percentunit"),
        "Value #C": ("Mean duration", "s"),
        "Value #D": ("99 % within", "s"),
    }
    by = ("path", "method")
    panel = instant_table("Routes", "Traffic, errors and latency of each route, over the last rate window.")
    # Busiest routes first: most routes are idle most of the time.
    panel = panel.sort_by([common.TableSortByFieldState().display_name("Requests").desc(True)])
    for expr in (requests(*by), error_ratio(*by), mean_duration(*by), quantile(0.99, *by)):
        panel = panel.with_target(instant(expr))
    names = {"path": "Route", "method": "Method", **{key: name for key, (name, _) in columns.items()}}
    organize = {"excludeByName": {"Time": True}, "renameByName": names}
    panel = panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
    panel = panel.with_transformation(DataTransformerConfig(id_val="organize", options=organize))
    for name, unit in columns.values():
        panel = panel.override_by_name(name, [DynamicConfigValue(id_val="unit", value=unit)])
    return panel.unit("short")


def storage_api() -> dashboard.Dashboard:
    """Return the dashboard's builder."""
    return (
        page("storage-api", "Storage API", "Traffic, errors, latency and contents of the storage API.")
        .with_variable(variable("namespace", "storage_build_info"))
        .with_variable(variable("job", 'storage_build_info{namespace="$namespace"}', every=True))
        .annotation(alert_marks(ALERTS))
        .with_row(dashboard.Row("At a glance"))
        .with_panel(
            number("Request Rate", "Users' requests per second, without probes and scrapes.", "reqps")
            .with_target(query(requests(), "requests"))
            .span(4)
        )
        .with_panel(
            number("Error Ratio", "Share of users' requests answered with a 5xx status.", "percentunit")
            .with_target(query(error_ratio(), "errors"))
            .thresholds(steps(orange=ERRORS_WARN, red=ERRORS_BAD))
            .no_value("no traffic")
            .span(4)
        )
        .with_panel(
            number("p99 Latency", "99 % of users' requests are answered within this time.", "s")
            .with_target(query(quantile(0.99), "p99"))
            .thresholds(steps(orange=SLOW, red=TOO_SLOW))
            .no_value("no traffic")
            .span(4)
        )
        .with_panel(
            number("Targets Up", "Instances of the service that Prometheus can scrape.", "short")
            .with_target(query(f"sum(up{{{SERVICE}}})", "up"))
            .thresholds(steps("red", green=1))
            .span(4)
        )
        .with_panel(
            number("Alerts Firing", "Alerts of the service that are firing now.", "short")
            .with_target(query(f"count({ALERTS}) or vector(0)", "firing"))
            .thresholds(steps(red=1))
            .span(4)
        )
        .with_panel(
            number("Uptime", "Time since the most recent start of an instance.", "s")
            .with_target(query(f"time() - max(process_start_time_seconds{{{SERVICE}}})", "uptime"))
            .span(4)
        )
        .with_row(dashboard.Row("Traffic"))
        .with_panel(
            by_status(
                stacked(graph("HTTP Status Codes", "Users' requests per second by HTTP status.", "reqps"))
            ).with_target(query(nonzero(requests("status")), "{{status}}"))
        )
        .with_panel(
            stacked(
                graph("Request Rate by Method", "Users' requests per second by HTTP method.", "reqps")
            ).with_target(query(nonzero(requests("method")), "{{method}}"))
        )
        .with_panel(
            limits(
                graph(
                    "Error Ratio by Route",
                    "Share of each route's requests answered with a 5xx.",
                    "percentunit",
                ),
                orange=ERRORS_WARN,
                red=ERRORS_BAD,
            )
            .with_target(query(error_ratio("path", "method"), "{{method}} {{path}}"))
            .axis_soft_max(2 * ERRORS_BAD)
            .span(24)
        )
        .with_row(dashboard.Row("Latency"))
        .with_panel(
            graph(
                "Average HTTP Request Duration", "Mean response time by route and method.", "s"
            ).with_target(query(mean_duration("path", "method"), "{{method}} {{path}}"))
        )
        .with_panel(
            graph(
                "Latency Quantiles",
                "Times within which 50, 90 and 99 % of users' requests are answered.",
                "s",
            )
            .with_target(query(quantile(0.5), "p50"))
            .with_target(query(quantile(0.9), "p90"))
            .with_target(query(quantile(0.99), "p99"))
        )
        .with_panel(
            buckets(
                "Latency Heatmap",
                "Users' requests per second by duration.",
                "s",
                f"sum by (le) ({rate(f'{DURATION}_bucket', USERS)})",
            ).span(24)
        )
        .with_panel(routes())
        .with_row(dashboard.Row("Saturation"))
        .with_panel(
            graph(
                "Threads Busy",
                "Share of each instance's threads busy with requests; probes and scrapes have their own.",
                "percentunit",
            )
            .with_target(query(busy_threads(), "{{pod}}"))
            .max(1)
        )
        .with_panel(
            graph(
                "Requests Waiting", "Requests queued for a free thread, per instance.", "short"
            ).with_target(query(f"http_server_queued_requests{{{SERVICE}}}", "{{pod}}"))
        )
        .with_row(dashboard.Row("Storage"))
        .with_panel(
            stacked(
                graph(
                    "Store Operations",
                    "Store operations per second by outcome; red: the store is full or unavailable.",
                    "ops",
                )
            )
            .override_by_regexp("/ (error|full)$/", color("red"))
            .with_target(
                query(
                    nonzero(f"sum by (operation, outcome) ({rate('storage_operations_total', SERVICE)})"),
                    "{{operation}} {{outcome}}",
                )
            )
            .span(24)
        )
        .with_panel(
            graph("Objects Stored", "Number of stored objects; unknown with an object store.", "short")
            # max, not sum: during a rollout two replicas report the same store.
            .with_target(query(f"max by (job) (storage_objects{{{SERVICE}}})", "{{job}}"))
            .no_value("unknown with an object store")
        )
        .with_panel(
            graph("Bytes Stored", "Total size of all stored objects; unknown with an object store.", "bytes")
            .with_target(query(f"max by (job) (storage_stored_bytes{{{SERVICE}}})", "{{job}}"))
            .no_value("unknown with an object store")
        )
    )

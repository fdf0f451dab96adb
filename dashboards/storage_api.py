"""The dashboard "Storage API": what only this service measures, in addition to the dashboard "Service"."""

from grafana_foundation_sdk.builders import dashboard, stat, timeseries
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from dashboards.colors import CRITICAL, DRILL, GOOD, IDLE, REDIRECT, WARNING, fixed, missing, values
from dashboards.config import SERVICE, link
from dashboards.page import filled, marks, page, variable
from dashboards.queries import failing, now, over_time, within_step
from dashboards.service import working
from dashboards.style import bars, buckets, colored, graph, limits, shades, sorted_by_name, stacked, timeline

TARGETS = 'namespace="$namespace", job="$service"'
"""Selects the series that the pods expose."""

STATUS_CLASSES = {"2": GOOD, "3": REDIRECT, "4": WARNING, "5": CRITICAL}
OUTCOMES = {"error": CRITICAL, "full": CRITICAL, "refused": WARNING, "missing": IDLE, "success": "blue"}
"""Colour of each outcome of a store's operation; operations with the same outcome get shades of it."""
OPERATIONS = {"get": "blue", "put": "purple", "delete": "dark-blue", "list": "light-purple", "head": IDLE}
"""Colour of each operation of the store, and of the HTTP method that leads to it."""


def glance() -> list[stat.Panel]:
    """The figures that say whether the API works.

    They are on "Service" too, where they lead: alerts link to this dashboard, and whoever opens it on a phone
    must see first whether users suffer.
    """
    there = dashboard.DashboardLink("Open the service").url(
        link("service", namespace="$namespace", service="$service")
    )
    return [panel.data_links([there]).span(8) for panel in working()]


def statuses() -> dashboard.Panel:
    """Requests by status code, 5xx first."""
    panel = stacked(
        graph(
            "HTTP Status Codes",
            "Users' requests per second by HTTP status; probes and scrapes are left out.",
            "reqps",
        )
    ).no_value("no requests recorded")
    return sorted_by_name(colored(panel, STATUS_CLASSES), descending=True).with_target(
        over_time(f"sum by (code) (service:requests:rate{{{SERVICE}}}) > 0", "{{code}}")
    )


def by_operation(panel: timeseries.Panel) -> timeseries.Panel:
    """The panel with a colour for each operation or method, with which its series' names begin."""
    panel = shades(panel)
    for operation, color in OPERATIONS.items():
        panel = panel.override_by_regexp(f"/^{operation}\\b/i", [fixed(color)])
    return panel.override_by_regexp("/^GET .*buckets$/", [fixed(OPERATIONS["list"])])


def route_graph(title: str, description: str, unit: str, expr: str) -> timeseries.Panel:
    """A graph with a line per route and method."""
    return by_operation(graph(title, description, unit)).with_target(over_time(expr, "{{method}} {{route}}"))


def durations() -> dashboard.Panel:
    """Durations as a heatmap, with requests whose traces exist."""
    # Recorded series have no exemplars. Grafana asks for those of this selector, which itself finds nothing.
    exemplars = f"http_request_duration_seconds_bucket{{{TARGETS}}} offset 10y"
    return (
        buckets(
            "How long did requests take?",
            "Users' requests per second by duration. A mark is a request whose trace was kept.",
            "s",
            f"sum by (le) (service:latency_seconds_bucket:rate{{{SERVICE}}})",
        )
        .no_value("no requests recorded")
        .with_target(over_time(exemplars, "").exemplar(True))
    )


def faults() -> dashboard.Panel:
    """Faults that somebody has switched on to see what happens."""
    return (
        timeline(
            "Which faults are switched on?",
            "Faults set at /faults, for a drill. While one is on, failures may be intended.",
            [values({1: ("on", DRILL), 0: ("off", IDLE)}), missing()],
        )
        .no_value("no faults recorded: storage-api.faults.enabled is false, or no target is up")
        .with_target(
            over_time(
                f"max by (fault) ({within_step('max', f'service:fault:active{{{SERVICE}}}')})", "{{fault}}"
            )
        )
        .height(6)
        .span(24)
    )


def pod_graph(title: str, description: str, unit: str, expr: str) -> dashboard.Panel:
    """A graph with a line per pod."""
    return (
        shades(graph(title, description, unit))
        .no_value("unknown: no target is up")
        .with_target(over_time(f"max by (pod) ({expr})", "{{pod}}"))
        .span(8)
    )


def saturation() -> list[dashboard.Panel]:
    """The load of each pod: busy threads, waiting requests, open file descriptors."""
    threads = f"http_server_busy_threads{{{TARGETS}}} / http_server_threads{{{TARGETS}}}"
    files = f"process_open_fds{{{TARGETS}}} / process_max_fds{{{TARGETS}}}"
    return [
        # The alert StorageApiSaturated counts pods from this share on.
        limits(
            pod_graph(
                "Are threads free?",
                "Share of each pod's threads that are busy with requests. Probes and scrapes have their own.",
                "percentunit",
                threads,
            ),
            {0.9: WARNING},
        ).axis_soft_max(1),
        pod_graph(
            "Do requests wait?",
            "Requests of each pod that wait for a free thread.",
            "short",
            f"http_server_queued_requests{{{TARGETS}}}",
        ),
        limits(
            pod_graph(
                "Are file descriptors left?",
                "Used share of the files and connections that each process may have open.",
                "percentunit",
                files,
            ),
            {0.9: WARNING},
        ).axis_soft_max(1),
    ]


def store() -> list[dashboard.Panel]:
    """The operations of the store, with their outcomes and durations."""
    operations = f"storage:operations:rate{{{SERVICE}}}"
    failed = f'storage:operations:rate{{{SERVICE}, outcome=~"error|full"}}'
    asked = stacked(
        graph(
            "How do operations of the store end?",
            "Per second. error: the store failed; full: it had no room; refused: a condition of the client "
            "was not met; missing: there was no such object.",
            "ops",
        )
    )
    for outcome, color in OUTCOMES.items():
        shade = DynamicConfigValue(id_val="color", value={"mode": "shades", "fixedColor": color})
        asked = asked.override_by_regexp(f"/^{outcome} /", [shade])
    return [
        sorted_by_name(asked, descending=False)
        .no_value("no operations recorded")
        .with_target(
            over_time(f"sum by (operation, outcome) ({operations}) > 0", "{{outcome}} {{operation}}")
        )
        .span(8),
        by_operation(
            graph(
                "What share does the store fail?",
                "Share of each kind of operation that ends with error or full.",
                "percentunit",
            )
        )
        .no_value("no operations recorded")
        .axis_soft_max(0.05)
        .with_target(
            over_time(
                f"sum by (operation) ({failed})\n/ (sum by (operation) ({operations}) > 0)", "{{operation}}"
            )
        )
        .span(8),
        by_operation(
            graph(
                "How long does the store take?",
                "99 % of operations ended within this time, whatever their outcome.",
                "s",
            )
        )
        .no_value("no operations recorded")
        .with_target(
            over_time(
                f"max by (backend, operation) (storage:operation_seconds:quantile{{{SERVICE}}})",
                "{{operation}} {{backend}}",
            )
        )
        .span(8),
    ]


def contents() -> list[dashboard.Panel]:
    """Objects and bytes in the store. `max`, not `sum`: during a rollout, two pods report the same store."""
    return [
        *(
            shades(graph(title, description, unit))
            .no_value("unknown with an object store, or if no target is up")
            .with_target(over_time(f"max({metric}{{{TARGETS}}})", legend))
            .span(8)
            for title, description, unit, metric, legend in (
                ("How many objects?", "Objects in the store.", "short", "storage_objects", "objects"),
                ("How many bytes?", "Total size of all objects.", "bytes", "storage_stored_bytes", "bytes"),
            )
        ),
        bars("How full is the disk?", "Used share of the store's volume, now.", warn=0.8, bad=0.95)
        .no_value("not measured: the kubelet tells nothing about the volume")
        .with_target(
            now(
                f"max by (persistentvolumeclaim) (service:volume_used:ratio{{{SERVICE}}})",
                "{{persistentvolumeclaim}}",
            )
        )
        .span(8),
    ]


def storage_api() -> dashboard.Dashboard:
    """Return the dashboard's builder."""
    built = (
        page("storage-api", "Storage API", "The storage API: its requests, threads, store and drills.")
        .with_variable(variable("namespace", "storage_build_info"))
        .with_variable(variable("service", 'storage_build_info{namespace="$namespace"}', "job"))
    )
    panels = (
        *glance(),
        statuses(),
        route_graph(
            "Average HTTP Request Duration",
            "Mean duration by route and method of requests that were not answered with a 5xx.",
            "s",
            f"max by (route, method) (service:route_latency_seconds:mean{{{SERVICE}}})",
        ).no_value("no successful requests recorded"),
        route_graph(
            "Which route fails?",
            "Share of each route's requests that are answered with a 5xx.",
            "percentunit",
            failing(SERVICE, "by (route, method) ", "service:route_requests:rate"),
        )
        .axis_soft_max(0.05)
        .no_value("no requests recorded"),
        durations(),
        faults(),
        *saturation(),
        *store(),
        *contents(),
    )
    return filled(built, panels, marks(SERVICE))

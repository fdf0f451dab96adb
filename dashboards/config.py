"""Names that all dashboards share: uids, the selector of a service, and the addresses of links."""

TAG = "observability-platform"
"""Tag of every dashboard, and prefix of its uid."""

DATASOURCE = "${datasource}"
"""uid of the data source: the dashboard variable in which the reader picks one."""

RUNBOOKS = "https://runbooks.invalid"
"""Base URL of the runbooks, which the chart replaces by `global.monitoring.runbookUrl`."""

SERVICE = 'namespace="$namespace", slo_service="$service"'
"""Selects the recorded series of the service that the reader picked."""

NAMESPACES = 'namespace=~"$namespace"'
"""Selects the series of the namespaces that the reader picked: one, several or all."""


def uid(name: str) -> str:
    """Stable uid of a dashboard, such as `observability-platform-service` for `service`."""
    return f"{TAG}-{name}"


def link(name: str, **variables: str) -> str:
    """Address of another dashboard that keeps the time range and the data source.

    `variables` are the other dashboard's variables, such as namespace="$namespace".
    """
    given = {"datasource": DATASOURCE, **variables}
    pairs = "".join(f"var-{variable}={value}&" for variable, value in given.items())
    return f"/d/{uid(name)}?{pairs}${{__url_time_range}}"

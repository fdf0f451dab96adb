"""Names, selectors and windows shared by all dashboards, so that every panel counts the same requests."""

TAG = "observability-platform"
"""Tag of every dashboard, and prefix of its uid."""

DATASOURCE = "${datasource}"
"""uid of the data source: the dashboard variable in which the reader picks one."""

RUNBOOKS = "https://runbooks.invalid"
"""Base URL of the runbooks, which the chart replaces by `global.monitoring.runbookUrl`."""

WINDOW = "$__rate_interval"
"""Range of every rate: at least four scrape intervals at any zoom level."""

SERVICE = 'namespace="$namespace", job=~"$job"'
"""Selects every series of the service."""

USERS = f'{SERVICE}, path!~"/healthz|/readyz|/metrics|/api/metrics|/openapi.json|/faults"'
"""Selects users' requests: all but the kubelet's probes, Prometheus' scrapes and the control of drills."""

SERVER_ERROR = 'status=~"5.."'
"""Selects responses that count as errors of the service."""


def uid(name: str) -> str:
    """Stable uid of a dashboard, such as `observability-platform-storage-api` for `storage-api`."""
    return f"{TAG}-{name}"


def rate(metric: str, selector: str) -> str:
    """PromQL for the per-second rate of a counter over WINDOW."""
    return f"rate({metric}{{{selector}}}[{WINDOW}])"

"""What every dashboard shares: names, selectors and windows, in one place so that they cannot drift apart."""

TAG = "observability-platform"
"""Marks our dashboards, and is the prefix of their uids."""

DATASOURCE = "${datasource}"
"""uid of the data source, chosen by the dashboard's own variable."""

WINDOW = "$__rate_interval"
"""Range of every rate: at least four scrapes, whatever the zoom."""

SERVICE = 'namespace="$namespace", job=~"$job"'
"""Every series of the service."""

USERS = f'{SERVICE}, path!~"/healthz|/readyz|/metrics|/api/metrics|/openapi.json|/faults"'
"""Requests that users make: without the kubelet's probes, Prometheus' scrapes and the control of drills."""

SERVER_ERROR = 'status=~"5.."'
"""Answers that count as the service's own fault."""


def uid(name: str) -> str:
    """The stable uid of the dashboard with this file stem."""
    return f"{TAG}-{name}"


def rate(metric: str, selector: str) -> str:
    """Per-second rate of a counter over the window."""
    return f"rate({metric}{{{selector}}}[{WINDOW}])"

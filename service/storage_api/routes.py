"""The table of routes: the methods and statuses of each path, and how its requests are treated.

Handlers, authorization, threads, metrics and spans all read this table. It is plain data and imports no other
module of the service, so that every module may use it. To add a route, add a row here and a handler in
api/handlers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

UNMATCHED = "unmatched"
"""Route label of a request that matches no route."""
OTHER_METHOD = "_OTHER"
"""Method label of a request whose method the route does not serve; the name is OpenTelemetry's."""

Statuses = Mapping[str, tuple[int, ...]]
"""{method: the statuses that it may be answered with}"""


class Route(NamedTuple):
    """A row of the table.

    path: the template, in Flask's syntax
    statuses: {method: statuses}; each pair has its own time series from the start
    timed: users wait for it, so its requests are timed as well as counted
    open: needs no token
    starts_traces: a request without a `traceparent` starts a trace
    thread: name of the thread that answers it, so that it answers while the API or another such thread is
        saturated; None: the threads of the API
    """

    path: str
    statuses: Statuses
    timed: bool = False
    open: bool = True
    starts_traces: bool = False
    thread: str | None = None


_READ: Statuses = {"GET": (200, 400), "HEAD": (200, 400), "OPTIONS": (200,), OTHER_METHOD: (405,)}

OBJECT = Route(
    "/api/buckets/<id>",
    {
        "GET": (200, 206, 304, 400, 404, 412, 416, 499, 500, 503),
        "HEAD": (200, 304, 400, 404, 412, 500, 503),
        "PUT": (200, 400, 412, 413, 500, 503, 507),
        "DELETE": (200, 400, 412, 500, 503),
        "OPTIONS": (200,),
        OTHER_METHOD: (405,),
    },
    timed=True,
    open=False,
    starts_traces=True,
)
LISTING = Route(
    "/api/buckets",
    {
        "GET": (200, 400, 500, 503),
        "HEAD": (200, 400, 500, 503),
        "OPTIONS": (200,),
        OTHER_METHOD: (405,),
    },
    timed=True,
    open=False,
    starts_traces=True,
)
HEALTHZ = Route("/healthz", _READ, thread="liveness")
READYZ = Route("/readyz", {**_READ, "GET": (200, 400, 503), "HEAD": (200, 400, 503)}, thread="readiness")
METRICS = Route("/metrics", _READ, thread="scrapes")
API_METRICS = Route("/api/metrics", _READ, thread="scrapes")
OPENAPI = Route("/openapi.json", _READ, starts_traces=True)
FAULTS = Route(
    "/faults",
    {**_READ, "PUT": (200, 400, 503), "DELETE": (200, 400)},
    open=False,
    starts_traces=True,
    thread="scrapes",
)

ROUTES = (OBJECT, LISTING, HEALTHZ, READYZ, METRICS, API_METRICS, OPENAPI, FAULTS)

METHODS = frozenset(method for route in ROUTES for method in route.statuses) - {OTHER_METHOD}
"""The methods that at least one route serves."""


def paths(**properties: bool) -> frozenset[str]:
    """The paths of the routes with these properties, such as `paths(timed=False)`."""
    return frozenset(
        route.path
        for route in ROUTES
        if all(getattr(route, name) is value for name, value in properties.items())
    )

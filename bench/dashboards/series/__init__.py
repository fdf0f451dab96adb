"""The series of the cluster, as Prometheus has scraped them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bench.dashboards.count import Labels
from bench.dashboards.series import monitoring, services, workloads


def all_series(groups: Iterable[dict[str, Any]]) -> list[Labels]:
    """All series, without those that rules record."""
    return [*services.series(), *workloads.series(), *monitoring.series(len(list(groups)))]


def of_one_route(series: Iterable[Labels]) -> list[Labels]:
    """The series without all but one route of each service."""
    kept = {"http_route": next(iter(services.ROUTES)), "path": "/api/buckets/{id}"}
    return [one for one in series if all(one.get(name, route) == route for name, route in kept.items())]

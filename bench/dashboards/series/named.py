"""Series by their names, and the series that each target has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

from bench.dashboards.count import Labels


def named(names: str, labels: Labels, **values: Iterable[str]) -> Iterator[Labels]:
    """Series of each of the names, with each combination of the values of further labels."""
    for name in names.split():
        for chosen in product(*values.values()):
            yield {"__name__": name, **labels, **dict(zip(values, chosen, strict=True))}


def target_labels(namespace: str, job: str, pod: str, number: int = 1) -> Labels:
    """The labels of a target that Prometheus found by a ServiceMonitor."""
    return {
        "namespace": namespace,
        "job": job,
        "instance": f"10.0.{len(job)}.{number}:8080",
        "pod": pod,
        "container": job,
        "service": job,
        "endpoint": "http",
    }


def up(target: Labels) -> Iterator[Labels]:
    """What Prometheus records about each scrape of a target."""
    yield from named(
        "up scrape_duration_seconds scrape_samples_scraped scrape_samples_post_metric_relabeling "
        "scrape_series_added scrape_sample_limit",
        target,
    )

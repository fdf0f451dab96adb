"""Values with short intervals between scrapes, so that tests do not wait for data."""

from typing import Any


def every(seconds: int) -> dict[str, Any]:
    """Values with which Prometheus scrapes and evaluates every `seconds`."""
    interval = f"{seconds}s"
    return {
        "kube-prometheus-stack": {
            "prometheus": {"prometheusSpec": {"scrapeInterval": interval, "evaluationInterval": interval}},
            "grafana": {"sidecar": {"datasources": {"defaultDatasourceScrapeInterval": interval}}},
        },
        "slo": {"interval": interval, "defaults": {"scrape": {"interval": interval}}},
        "storage-api": {"serviceMonitor": {"interval": interval, "scrapeTimeout": interval}},
    }

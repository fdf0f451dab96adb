"""Series of other namespaces, jobs and services beside those of the service."""

from collections.abc import Iterator

from tests.support.slo.case import Case
from tests.support.slo.series import TARGET, counter, gauge, latencies, requests, selector
from tests.support.slo.vocabulary import ALERTS, AVAILABILITY, LATENCY, SERVICE_LABELS


def neighbours(until: str) -> dict[str, str]:
    """Series that belong to others: the same job in another namespace, another job, and their recorded
    series."""
    found: dict[str, str] = {}
    for target in ({"namespace": "test"}, {"job": "payment"}):
        labels = {**TARGET, **target}
        found |= {
            selector("up", **labels): gauge([(until, 1)]),
            selector("http_requests_total", **labels, code="200"): counter([(until, 50)]),
            selector("http_requests_total", **labels, code="500"): counter([(until, 50)]),
        }
        for name in ("count", "bucket"):
            le = {"le": "0.5"} if name == "bucket" else {}
            metric = f"http_request_duration_seconds_{name}"
            found[selector(metric, **labels, code="200", **le)] = counter([(until, 50 if le else 100)])
    names = ["slo:requests:rate", "slo:bad_requests:rate", "slo:bad_requests_per_requests:ratio_rate"]
    windows = ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d")
    series = [(f"{name}{window}", True) for name in names for window in windows]
    series += [("slo:alert_progress:ratio", True), ("slo:error_budget_remaining:ratio", True)]
    series += [("slo:requests:avg5m_rate5m", True), ("slo:bad_requests:avg5m_rate5m", True)]
    series += [
        ("service:targets:up", False),
        ("service:targets:expected", False),
        ("service:requests:rate", False),
        ("service:replicas:desired", False),
    ]
    for name, is_indicator in series:
        for namespace, service in (("test", "checkout"), ("shop", "payment")):
            for indicator in ("availability", "latency") if is_indicator else (None,):
                more = {"slo": f"{service}-{indicator}", "slo_indicator": indicator} if indicator else {}
                if name == "slo:alert_progress:ratio":
                    more["severity"] = "critical"
                labels = {"namespace": namespace, "slo_service": service, **more}
                down = name == "service:targets:up" and service == "payment"
                found[selector(name, **labels)] = gauge([(until, 0 if down else 3)])
    for namespace, service in (("test", "checkout"), ("shop", "payment")):
        for state, severity in (("firing", "critical"), ("firing", "warning"), ("pending", "info")):
            labels = {
                "namespace": namespace,
                "slo_service": service,
                "alertstate": state,
                "severity": severity,
            }
            found[selector("ALERTS", **labels, alertname="Other")] = gauge([(until, 1)])
    return found


def cases() -> Iterator[Case]:
    """Each rule of a service reads only its own series: those of others change nothing."""
    own, every = f"{{{SERVICE_LABELS}}}", []
    for indicator, labels in (("availability", AVAILABILITY), ("latency", LATENCY)):
        bad = 0.1 if indicator == "availability" else 0.2
        good = 1 if indicator == "availability" else 0.9
        for window, covered in (("5m", 1), ("30m", 20 / 30), ("1h", 20 / 60)):
            every += [
                (f"slo:requests:rate{window}", labels, 10 * good * covered),
                (f"slo:bad_requests:rate{window}", labels, 10 * good * bad * covered),
            ]
        every += [
            (f"slo:bad_requests_per_requests:ratio_rate{window}", labels, bad)
            for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d")
        ]
        budget = 0.001 if indicator == "availability" else 0.01
        every += [
            ("slo:error_budget_remaining:ratio", labels, 1 - bad / budget),
            ("slo:objective:ratio", labels, 1 - budget),
            ("slo:period_covered:ratio", labels, 40 / 86400),
            ("slo_info", f'{labels}, objective="{100 - 100 * budget:g}", period="30d"', 1),
        ]
    queries = [
        ("20m", f"{name}{{{labels}}}", {f"{name}{{{labels}}}": value}) for name, labels, value in every
    ]
    progress = {
        f'{{slo="checkout-{name}", long="{long}"}}': bad / (factor * budget)
        for name, bad, budget in (("availability", 0.1, 0.001), ("latency", 0.2, 0.01))
        for long, factor in (("1h", 14.4), ("6h", 6), ("1d", 3), ("3d", 1))
    }
    queries += [
        ("20m", f"sum by (slo, long) (slo:alert_progress:ratio{own})", progress),
        ("20m", f"service:targets:up{own}", {f"service:targets:up{own}": 1}),
        ("20m", f"service:targets:expected{own}", {f"service:targets:expected{own}": 1}),
        ("20m", f"sum by (code) (service:requests:rate{own})", {'{code="200"}': 9, '{code="500"}': 1}),
        ("20m", f"service:latency_seconds:quantile{{{SERVICE_LABELS}, quantile=\"0.5\"}} < bool 1", {
            f'{{{SERVICE_LABELS}, of="good", quantile="0.5"}}': 1}),
        ("20m", f"sum by (outcome) (service:pod_requests:rate{own})", {
            '{outcome="good"}': 9, '{outcome="bad"}': 1}),
        ("20m", f"sum by (outcome) (service:route_requests:rate{own})", {'{outcome="good"}': 9}),
        ("20m", f"sum by (pod) (service:pod_latency_seconds:quantile{own})", {'{pod="a"}': 0.5}),
        ("20m", f"sum(service:route_latency_seconds:quantile{own})", {"{}": 0.5}),
        ("20m", f"service:state{own}", {f"service:state{own}": 4}),
        ("0s", f"service:state{own}", {f"service:state{own}": 1}),
    ]  # fmt: skip
    whole = latencies([("20m", 9, 0.2)])
    series = {
        **requests([("20m", 10, 0.1)]),
        **{name: text for name, text in whole.items() if "duration" in name},
    }
    fire = {
        (f"Checkout{indicator}BudgetBurn", severity): [("30s", "20m")]
        for indicator in ("Availability", "Latency")
        for severity in ("critical", "warning")
    }
    yield Case(
        name="series of other namespaces, jobs and services change nothing",
        series={**neighbours("20m"), **series},
        until="20m",
        alerts=ALERTS,
        firing=fire,
        queries=queries,
    )
    quiet = {**neighbours("30m"), selector("up", **TARGET): gauge([("30m", 0)])}
    yield Case(
        name="a service that is down is down, though its neighbours are not",
        series=quiet,
        until="30m",
        alerts=ALERTS,
        firing={("CheckoutDown", "critical"): [("5m", "30m")]},
        queries=[("30m", f"service:state{own}", {f"service:state{own}": 5})],
    )

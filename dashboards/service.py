"""The dashboard "Service": what is wrong with one service, since when, and in which part of it."""

from grafana_foundation_sdk.builders import common, dashboard, stat
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from dashboards.alerts import alert_table
from dashboards.colors import (
    CRITICAL,
    DOWN,
    GOOD,
    IDLE,
    NEUTRAL,
    REDIRECT,
    WARNING,
    absences,
    counted,
    fixed,
    missing,
    states,
    steps,
    values,
)
from dashboards.config import SERVICE, link
from dashboards.page import filled, marks, page, service_variables
from dashboards.queries import failing, n_of_m, now, or_why_not, over_time, rows, within_step
from dashboards.style import (
    DASHED,
    bars,
    colored,
    figure,
    graph,
    n_of_m_figure,
    sorted_by_name,
    stacked,
    timeline,
)
from dashboards.tables import Column, table_of

P99 = f'service:latency_seconds:quantile{{{SERVICE}, quantile="0.99"}}'
POD_LINK = link("workload", namespace="$namespace", service="$service", pod='${__data.fields["Pod"]}')
VERSIONS = f"max by (pod, version) (service:pod_version:info{{{SERVICE}}})"
BUDGET = f"slo:error_budget_remaining:ratio{{{SERVICE}}}"
INDICATORS = {"availability": "dark-blue", "latency": "light-blue"}
QUANTILES = {"0.5": "light-blue", "0.9": "blue", "0.99": "dark-blue"}
OUTCOMES = {"good": GOOD, "good 3": REDIRECT, "good 4": WARNING, "bad": CRITICAL}


def working() -> list[stat.Panel]:
    """Figures that tell if the service works now; each says why if there is no figure."""
    return [
        figure(
            "State",
            "The worst that is known: down, an alert, degraded, no traffic, or healthy.",
            "short",
            states(),
        ).with_target(now(f"max(service:state{{{SERVICE}}})", "state")),
        figure(
            "Failing", "Share of requests that failed in the last 5 minutes.", "percentunit", absences()
        ).with_target(now(or_why_not(failing(SERVICE), SERVICE), "failing")),
        figure(
            "p99 latency",
            "99 % of requests were answered within this time in the last 5 minutes. Failed requests are left "
            "out if the service's histogram can tell them apart.",
            "s",
            absences("not measured"),
        ).with_target(now(or_why_not(f"max({P99})", SERVICE), "p99")),
    ]


def glance() -> list[stat.Panel]:
    """The figures of this moment; each says why if there is no figure."""
    return [
        *working(),
        figure("Requests", "Requests per second, over the last 5 minutes.", "reqps", absences()).with_target(
            now(or_why_not(f"sum(service:requests:rate{{{SERVICE}}}) > 0", SERVICE), "requests")
        ),
        figure(
            "Budget left",
            "Share of the period's error budget, of the objective that has least left. Below zero the "
            "objective is missed.",
            "percentunit",
            [missing()],
        )
        .thresholds(steps(CRITICAL, {0: WARNING, 0.25: NEUTRAL}))
        .with_target(now(f"min({BUDGET})", "budget left")),
        n_of_m_figure(
            "Targets",
            "Targets that Prometheus can scrape, of those that should exist.",
            counted(),
            "targets",
        ).with_target(
            rows(
                n_of_m(
                    f"service:targets:up{{{SERVICE}}}", f"service:targets:expected{{{SERVICE}}}", "targets"
                )
            )
        ),
    ]


def answers() -> dashboard.Panel:
    """Requests by status code, bad ones first."""
    panel = stacked(
        graph(
            "What is answered?",
            "Requests per second by status code. Bad ones count against the objective and come first.",
            "reqps",
        )
    ).no_value("no requests recorded")
    return sorted_by_name(colored(panel, OUTCOMES), descending=False).with_target(
        over_time(f"sum by (code, outcome) (service:requests:rate{{{SERVICE}}}) > 0", "{{outcome}} {{code}}")
    )


def share() -> dashboard.Panel:
    """The share of bad requests of each objective, and what it allows."""
    panel = graph(
        "What share fails or is too slow?",
        "Share of requests that count against each objective, over 5 minutes. Dashed: what the objective "
        "allows in the long run.",
        "percentunit",
    ).no_value("no requests recorded")
    for name, color in INDICATORS.items():
        panel = panel.override_by_name(name, [fixed(color)])
        panel = panel.override_by_name(f"{name} allowed", [fixed(color), DASHED])
    worst = within_step("max", f"slo:bad_requests_per_requests:ratio_rate5m{{{SERVICE}}}")
    return panel.with_target(over_time(f"max by (slo_indicator) ({worst})", "{{slo_indicator}}")).with_target(
        over_time(
            f"1 - max by (slo_indicator) (slo:objective:ratio{{{SERVICE}}})", "{{slo_indicator}} allowed"
        )
    )


def latency() -> dashboard.Panel:
    """Quantiles of durations, and the threshold of the objective."""
    panel = graph(
        "How long do answers take?",
        "Times within which half, 90 % and 99 % of requests were answered. Dashed: a slower request counts "
        "as too slow.",
        "s",
    )
    return (
        colored(panel, QUANTILES, after=" ")
        .no_value("no answers recorded")
        .override_by_name("too slow", [fixed(IDLE), DASHED])
        .with_target(
            over_time(
                f"max by (quantile, of) (service:latency_seconds:quantile{{{SERVICE}}})",
                "{{quantile}} of {{of}} answers",
            )
        )
        .with_target(over_time(f"max(slo:latency_threshold:seconds{{{SERVICE}}})", "too slow"))
    )


def budget() -> dashboard.Panel:
    """The error budget of each objective over time."""
    panel = graph(
        "How fast does the budget burn?",
        "Share of the period's error budget that is left, for each objective.",
        "percentunit",
        worst="min",
    ).axis_soft_max(1)
    for name, color in INDICATORS.items():
        panel = panel.override_by_name(name, [fixed(color)])
    return panel.with_target(over_time(f"min by (slo_indicator) ({BUDGET})", "{{slo_indicator}}"))


def alerts_near() -> dashboard.Panel:
    """How far each burn rate alert is from firing."""
    progress = f"max by (slo_indicator, severity, long) (slo:alert_progress:ratio{{{SERVICE}}})"
    return bars(
        "How near is each alert?",
        "Burn rate of each alert's windows, as a share of the one at which it fires.",
    ).with_target(now(f"sort_desc({progress})", "{{slo_indicator}}, {{severity}}, {{long}}"))


def pods() -> dashboard.Panel:
    """A row per pod."""
    metric = "service:pod_requests:rate"
    return table_of(
        "Which pod?",
        "Every pod of the service, those that fail most first.",
        [
            Column("Pod", label="pod", width=150, wide=True, link=("Open the workload", POD_LINK)),
            Column("Failing", failing(SERVICE, "by (pod) ", metric), unit="percentunit"),
            Column("Requests", f"sum by (pod) ({metric}{{{SERVICE}}}) > 0", unit="reqps", width=105),
            Column(
                "p99",
                f'max by (pod) (service:pod_latency_seconds:quantile{{{SERVICE}, quantile="0.99"}})',
                unit="s",
            ),
            Column(
                "Scrape",
                f"min by (pod) (service:pod:up{{{SERVICE}}})",
                mappings=[values({0: ("down", DOWN), 1: ("up", GOOD)})],
                background={},
            ),
            Column("Age", f"time() - max by (pod) (service:pod_start_time:seconds{{{SERVICE}}})", unit="s"),
            Column("Version", VERSIONS, label="version", width=100, wide=True),
            Column(
                "CPU",
                f"max by (pod) (service:pod_cpu:cores{{{SERVICE}}})",
                unit="short",
                properties=[DynamicConfigValue(id_val="decimals", value=2)],
            ),
            Column("Memory", f"max by (pod) (service:pod_memory:bytes{{{SERVICE}}})", unit="bytes"),
        ],
        sort=["Failing", "Requests"],
        empty="no pods are known",
    )


def routes() -> dashboard.Panel:
    """A row per route and method with requests."""
    metric, by = "service:route_requests:rate", "by (route, method) "
    return table_of(
        "Which route?",
        "Routes with requests in the last 5 minutes, those that fail most first.",
        [
            Column("Route", label="route", width=150, wide=True),
            Column("Method", label="method"),
            Column("Failing", failing(SERVICE, by, metric), unit="percentunit"),
            Column("Requests", f"sum {by}({metric}{{{SERVICE}}}) > 0", unit="reqps", width=105),
            Column(
                "p99",
                f'max {by}(service:route_latency_seconds:quantile{{{SERVICE}, quantile="0.99"}})',
                unit="s",
            ),
        ],
        sort=["Failing", "Requests"],
        empty="no requests recorded, or no routes in the service's metrics",
    )


def service() -> dashboard.Dashboard:
    """Return the dashboard's builder."""
    built = service_variables(
        page("service", "Service", "One service: what is wrong with it, since when, and in which part of it.")
    )
    panels = (
        *glance(),
        alert_table(
            "What is wrong, or switched on, now?",
            "Alerts of the service that are pending or firing, and faults that a drill has switched on.",
            SERVICE,
            of_one_service=True,
        ),
        answers(),
        share(),
        latency(),
        alerts_near(),
        pods(),
        routes(),
        timeline("Which version since when?", "Pods by version.", [])
        .color_scheme(dashboard.FieldColor().mode("fixed").fixed_color("blue"))
        .legend(common.VizLegendOptions().show_legend(False))
        .no_value("no version is known")
        .with_target(over_time(f"count by (version) (service:pod_version:info{{{SERVICE}}})", "{{version}}")),
        budget(),
    )
    return filled(built, panels, marks(SERVICE))

"""The dashboard "Services", Grafana's home: which service needs somebody, and how urgently."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from dashboards.alerts import alert_table
from dashboards.colors import (
    CRITICAL,
    DOWN,
    GOOD,
    IDLE,
    NEUTRAL,
    UNKNOWN,
    WARNING,
    counted,
    missing,
    states,
    steps,
    values,
)
from dashboards.config import NAMESPACES, link
from dashboards.page import marks, page, variable
from dashboards.queries import EACH, failing, n_of_m, now, over_time, within_step
from dashboards.style import figure, graph, limits, shades, timeline
from dashboards.tables import Column, leads_to, table_of

STATE = f"service:state{{{NAMESPACES}}}"
BUDGET = f"min {EACH}(slo:error_budget_remaining:ratio{{{NAMESPACES}}})"
SERVICE_LINK = link(
    "service", namespace='${__data.fields["Namespace"]}', service='${__data.fields["Service"]}'
)
SERIES_LINK = link(
    "service", namespace="${__field.labels.namespace}", service="${__field.labels.slo_service}"
)
# Burn rates: 1 uses up the budget exactly at the end of the period; by default, 14.4 wakes somebody up.
BURNS = {1: WARNING, 14.4: CRITICAL}


def burn(window: str) -> str:
    """PromQL for how many times faster than allowed each service's budget burned in this window."""
    bad = f"slo:bad_requests_per_requests:ratio_rate{window}{{{NAMESPACES}}}"
    allowed = f"(1 - slo:objective:ratio{{{NAMESPACES}}})"
    return f"max {EACH}({bad} / {allowed})"


def counts() -> dashboard.Panel:
    """How many services are in which state."""
    panel = figure(
        "How many services are in which state?",
        "Services with an objective, by their state now. The table below names them.",
        "short",
        [missing()],
    ).span(24)
    for name, expr, color in (
        ("down or paging", f"sum({STATE} >= bool 4)", DOWN),
        ("ticket or degraded", f"sum({STATE} == bool 3) + sum({STATE} == bool 2)", WARNING),
        ("no traffic", f"sum({STATE} == bool 1)", IDLE),
        ("healthy", f"sum({STATE} == bool 0)", GOOD),
    ):
        colors = DynamicConfigValue(id_val="thresholds", value=steps(NEUTRAL, {1: color}).build())
        panel = panel.with_target(now(expr, name)).override_by_name(name, [colors])
    return panel


def services_table() -> dashboard.Panel:
    """A row for each service, worst first."""
    up, expected = f"service:targets:up{{{NAMESPACES}}}", f"service:targets:expected{{{NAMESPACES}}}"
    requests = f"sum {EACH}(service:requests:rate{{{NAMESPACES}}}) > 0"
    return table_of(
        "Which service needs me?",
        "Every service with an objective, worst first; a click on its name opens it. A dash means that there "
        "is nothing to measure, such as no requests. Failing and p99 are of the last 5 minutes.",
        [
            Column(
                "Service", label="slo_service", width=96, wide=True, link=("Open the service", SERVICE_LINK)
            ),
            Column(
                "State",
                # A service whose state is not recorded is not healthy either.
                f"max {EACH}({STATE}) or 6 * group {EACH}(slo_info{{{NAMESPACES}}})",
                mappings=[values({6: ("no data", UNKNOWN)}), *states()],
                background={},
                width=76,
            ),
            Column("Failing", failing(NAMESPACES, EACH), unit="percentunit", width=60),
            Column(
                "p99",
                f'max {EACH}(service:latency_seconds:quantile{{{NAMESPACES}, quantile="0.99"}})',
                unit="s",
                width=66,
            ),
            Column(
                "Up",
                n_of_m(up, expected, "targets"),
                label="targets",
                width=56,
                mappings=counted(),
                background={},
            ),
            Column("Requests", requests, unit="reqps", width=95),
            Column(
                "Burn now",
                f"{burn('5m')}\nand on (namespace, slo_service) ({up} > 0)",
                unit="suffix:x",
                width=95,
                background=BURNS,
            ),
            Column("Budget left", BUDGET, unit="percentunit", width=100),
            Column(
                "Alerts",
                f'count {EACH}(ALERTS{{{NAMESPACES}, slo_service!="", severity=~"critical|warning"}})\n'
                f"or 0 * max {EACH}({STATE})",
            ),
            Column("Namespace", label="namespace", width=110, wide=True),
        ],
        sort=["State", "Burn now"],
    )


def services() -> dashboard.Dashboard:
    """Return the dashboard's builder."""
    built = (
        page(
            "services",
            "Services",
            "Every service with an objective: which one needs somebody, and how urgently.",
        )
        .with_variable(variable("namespace", "slo_info", several=True))
        .with_panel(counts())
        .with_panel(services_table())
        .with_panel(
            alert_table(
                "What is pending or firing?",
                "Alerts of these namespaces, oldest first, with the page that says what to do.",
                NAMESPACES,
            )
        )
        .with_panel(
            timeline(
                "When did each service stop being healthy?",
                "The worst state within each step of the graph.",
                states(),
            )
            .with_target(
                over_time(f"max {EACH}({within_step('max', STATE)})", "{{namespace}} / {{slo_service}}")
            )
            .override_by_regexp("/.*/", [leads_to("Open the service", SERIES_LINK)])
            .height(6)
            .span(24)
        )
        .with_panel(
            limits(
                shades(
                    graph(
                        "Who burns budget fastest?",
                        "How many times faster than allowed the error budget burned in the last hour. At 1 "
                        "it is used up exactly at the end of the period.",
                        "suffix:x",
                    )
                ),
                BURNS,
            )
            .axis_soft_max(2)
            .with_target(over_time(burn("1h"), "{{namespace}} / {{slo_service}}"))
        )
        .with_panel(
            shades(
                graph(
                    "How much budget is left?",
                    "Share of the period's error budget, of the objective that has least left. Below zero "
                    "the objective is missed.",
                    "percentunit",
                    worst="min",
                )
            )
            .axis_soft_max(1)
            .with_target(over_time(BUDGET, "{{namespace}} / {{slo_service}}"))
        )
    )
    for annotation in marks(NAMESPACES):
        built = built.annotation(annotation)
    return built

"""The dashboard "Workload": the pods of a service, as Kubernetes sees them."""

from grafana_foundation_sdk.builders import dashboard, stat
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from dashboards.colors import (
    CRITICAL,
    GOOD,
    IDLE,
    NEUTRAL,
    WARNING,
    counted,
    fixed,
    missing,
    pattern,
    steps,
    values,
)
from dashboards.config import SERVICE
from dashboards.page import filled, marks, page, service_variables, variable
from dashboards.queries import n_of_m, now, over_time, rows, within_step
from dashboards.style import DASHED, figure, graph, limits, n_of_m_figure, shades, timeline
from dashboards.tables import Column, table_of

PODS = f'{SERVICE}, pod=~"$pod"'
"""Selects the recorded series of the pods that the reader picked."""

RESTARTS = f"increase(service:pod_restarts:total{{{PODS}}}[1h])"
NO_STATE_METRICS = "unknown without kube-state-metrics"
NO_CADVISOR = "unknown without the kubelet's cAdvisor"


def glance() -> list[stat.Panel]:
    """Figures that tell if enough pods run now."""
    at_most = [
        pattern(r"/^(\d+) of \1$/", WARNING),
        pattern("/ of /", NEUTRAL),
        missing("no autoscaler", IDLE),
    ]
    return [
        n_of_m_figure(
            "Ready", "Replicas that are ready, of those that the workload wants.", counted(), "replicas"
        )
        .with_target(
            rows(
                n_of_m(
                    f"service:replicas:ready{{{SERVICE}}}",
                    f"service:replicas:desired{{{SERVICE}}}",
                    "replicas",
                )
            )
        )
        .span(8),
        figure(
            "Restarts in the last hour",
            "Containers of these pods that were started again.",
            "short",
            [missing()],
        )
        .decimals(0)
        .thresholds(steps(NEUTRAL, {0.5: WARNING}))
        .with_target(now(f"sum({RESTARTS})", "restarts"))
        .span(8),
        n_of_m_figure(
            "Autoscaler",
            "Replicas, of the most that the autoscaler may ask for. Orange: it cannot add any more.",
            at_most,
            "replicas",
        )
        .with_target(
            rows(n_of_m(f"service:hpa:current{{{SERVICE}}}", f"service:hpa:max{{{SERVICE}}}", "replicas"))
        )
        .span(8),
    ]


def pods() -> dashboard.Panel:
    """A row per pod and problem, pods that are not ready first."""

    unready, problem = f"(1 - service:pod:ready{{{PODS}}})", f"service:pod_problem:info{{{PODS}}}"
    # A row for each problem of a pod, or one for a pod without any.
    rows = f"{unready} * on (pod) group_right () {problem}\n  or on (pod) {unready}"
    return table_of(
        "Why is a pod not running?",
        "Every pod, those that are not ready first. The reason is what a container waits for, or why it "
        "ended before a restart in the last hour.",
        [
            Column("Pod", label="pod", width=150, wide=True),
            Column(
                "Ready",
                f"max by (pod, container, reason) (\n  {rows}\n)",
                mappings=[values({1: ("not ready", CRITICAL), 0: ("ready", GOOD)})],
                background={},
            ),
            Column("Reason", label="reason", width=150, wide=True),
            Column("Container", label="container", width=120),
            Column(
                "Restarts",
                # The table merges them into each row of the pod. Not those of pods that are gone, which
                # `increase` remembers for an hour.
                f"max by (pod) ({RESTARTS} and service:pod:ready{{{PODS}}})",
                properties=[DynamicConfigValue(id_val="decimals", value=0)],
            ),
        ],
        sort=["Ready", "Restarts"],
        empty=NO_STATE_METRICS,
    )


def readiness() -> dashboard.Panel:
    """When each pod was ready."""
    return (
        timeline(
            "Which pods were ready?",
            "Pods without a colour did not exist.",
            [values({1: ("ready", GOOD), 0: ("not ready", CRITICAL)}), missing()],
        )
        .no_value(NO_STATE_METRICS)
        .with_target(
            over_time(f"min by (pod) ({within_step('min', f'service:pod:ready{{{PODS}}}')})", "{{pod}}")
        )
        .height(6)
        .span(24)
    )


def pod_graph(
    title: str, description: str, unit: str, metric: str, empty: str = NO_CADVISOR
) -> dashboard.Panel:
    """A graph with a line per pod."""
    return (
        shades(graph(title, description, unit))
        .no_value(empty)
        .with_target(over_time(f"max by (pod) ({metric}{{{PODS}}})", "{{pod}}"))
    )


def limited(panel: dashboard.Panel, metric: str) -> dashboard.Panel:
    """The panel with the lowest limit of these pods; limits differ only during a rollout."""
    return panel.override_by_name("limit", [fixed(CRITICAL), DASHED]).with_target(
        over_time(f"min({metric}{{{PODS}}})", "limit")
    )


def replicas() -> dashboard.Panel:
    """How many replicas there were, and how many were wanted."""
    panel = graph(
        "How many replicas are wanted, and ready?",
        "Replicas of the workload; the autoscaler wants more under load, up to its maximum.",
        "short",
        worst="min",
    ).no_value(NO_STATE_METRICS)
    for name, color, record in (
        ("ready", "blue", "service:replicas:ready"),
        ("wanted", "purple", "service:replicas:desired"),
        ("wanted by the autoscaler", "light-purple", "service:hpa:desired"),
    ):
        panel = panel.override_by_name(name, [fixed(color)]).with_target(
            over_time(f"max({record}{{{SERVICE}}})", name)
        )
    return panel.override_by_name("maximum", [fixed(IDLE), DASHED]).with_target(
        over_time(f"max(service:hpa:max{{{SERVICE}}})", "maximum")
    )


def volumes() -> dashboard.Panel:
    """How full each volume was."""
    volumes = f"max by (persistentvolumeclaim) (service:volume_used:ratio{{{SERVICE}}})"
    return (
        limits(
            shades(
                graph(
                    "How full are the volumes?",
                    "Used share of each volume that the pods mount.",
                    "percentunit",
                )
            ),
            {0.8: WARNING, 0.95: CRITICAL},
        )
        .axis_soft_max(1)
        .no_value("no volume, or none that the kubelet measures")
        .with_target(over_time(volumes, "{{persistentvolumeclaim}}"))
    )


def network() -> dashboard.Panel:
    """Traffic of the pods, in both directions."""
    panel = graph(
        "How much goes over the network?", "Bytes per second that these pods receive and send.", "Bps"
    ).no_value(NO_CADVISOR)
    for name, color in (("receive", "blue"), ("transmit", "purple")):
        panel = panel.override_by_name(name, [fixed(color)]).with_target(
            over_time(f"sum(service:pod_network_{name}:bytes_rate{{{PODS}}})", name)
        )
    return panel


def workload() -> dashboard.Dashboard:
    """Return the dashboard's builder."""
    built = service_variables(
        page("workload", "Workload", "The pods of a service: do they run, and do they have what they need?")
    ).with_variable(variable("pod", f"service:pod:info{{{SERVICE}}}", several=True))
    panels = (
        *glance(),
        pods(),
        readiness(),
        limited(
            pod_graph(
                "How much CPU is used?",
                "Cores that each pod uses. Dashed: its limit, if it has one.",
                "short",
                "service:pod_cpu:cores",
            ),
            "service:pod_cpu_limit:cores",
        ),
        limited(
            pod_graph(
                "How much memory is used?",
                "Working set of each pod: what cannot be reclaimed. Dashed: its limit, at which a container "
                "is killed.",
                "bytes",
                "service:pod_memory:bytes",
            ),
            "service:pod_memory_limit:bytes",
        ),
        pod_graph(
            "Is CPU withheld?",
            "Share of periods of 0.1 s in which a container had used up its CPU limit and had to wait.",
            "percentunit",
            "service:pod_cpu_throttled:ratio",
            "no CPU limit, or unknown without the kubelet's cAdvisor",
        ),
        replicas(),
        volumes(),
        network(),
    )
    return filled(built, panels, marks(SERVICE))

"""The dashboard "Platform": is the monitoring itself healthy, and what does it cost?"""

from grafana_foundation_sdk.builders import common, dashboard, stat
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from dashboards.colors import (
    CRITICAL,
    DOWN,
    GOOD,
    IDLE,
    WARNING,
    fixed,
    missing,
    steps,
    values,
)
from dashboards.page import filled, marks, page, variable
from dashboards.queries import now, over_time
from dashboards.style import DASHED, bars, figure, graph, shades
from dashboards.tables import Column, table_of

JOBS = 'job=~"$job"'
"""Selects the targets of the jobs that the reader picked."""

TARGET = "by (namespace, job, pod, instance) "
SMALL = common.VizTextDisplayOptions().title_size(11).value_size(14)
"""Letters for two values side by side, whose names would else be too small to read."""
NOT_SCRAPED = "unknown: Prometheus does not scrape itself"
NO_NOTIFICATIONS = "no notifications, or no Alertmanager is scraped"


def recently(counter: str) -> str:
    """PromQL for how much a counter of all its targets grew in the last 15 minutes."""
    return f"sum(increase({counter}[15m]))"


def glance() -> list[stat.Panel]:
    """Figures that tell if targets, rules and alerts can be relied on now."""
    wrong = steps(GOOD, {0.01: CRITICAL})
    none = values({0: ("none", GOOD)})
    rules_due = (
        "time() - (prometheus_rule_group_last_evaluation_timestamp_seconds > 0)"
        " - prometheus_rule_group_interval_seconds"
    )
    return [
        figure("Targets down", "Targets whose last scrape failed.", "short", [none, missing()])
        .thresholds(wrong)
        .with_target(now(f"sum(up{{{JOBS}}} == bool 0)", "down")),
        figure(
            "Rules overdue",
            "How long ago the most overdue group of rules should have run again. Results older than 5 "
            "minutes are gone.",
            "s",
            [missing()],
        )
        .thresholds(steps(GOOD, {120: WARNING, 300: CRITICAL}))
        .with_target(now(f"max(clamp_min({rules_due}, 0))", "overdue")),
        figure(
            "Rules failed or missed",
            "Rules that failed and runs of groups that were left out, in the last 15 minutes.",
            "short",
            [none, missing()],
        )
        .decimals(0)
        .thresholds(wrong)
        .with_target(
            now(
                f"{recently('prometheus_rule_evaluation_failures_total')}\n"
                f"+ {recently('prometheus_rule_group_iterations_missed_total')}",
                "failed or missed",
            )
        ),
        figure(
            "Notifications lost",
            "In the last 15 minutes: alerts that Prometheus could not hand to an Alertmanager, and messages "
            "that Alertmanager could not deliver.",
            "short",
            [none, missing()],
        )
        .decimals(0)
        .thresholds(wrong)
        .text(SMALL)
        .with_target(now(recently("prometheus_notifications_dropped_total"), "Prometheus"))
        .with_target(now(recently("alertmanager_notifications_failed_total"), "Alertmanager")),
        figure(
            "Configuration",
            "Whether the last change of the configuration was loaded.",
            "short",
            [values({1: ("loaded", GOOD), 0: ("rejected", CRITICAL)}), missing()],
        )
        .text(SMALL)
        .with_target(now("min(prometheus_config_last_reload_successful)", "Prometheus"))
        .with_target(now("min(alertmanager_config_last_reload_successful)", "Alertmanager")),
        figure(
            "Heartbeat",
            "Whether the alert Watchdog fires, as it always should, and how many Alertmanagers Prometheus "
            "sends alerts to.",
            "short",
            [missing()],
        )
        .text(SMALL)
        .with_target(
            now('max(ALERTS{alertname="Watchdog", alertstate="firing"}) or 0 * count(up)', "Watchdog")
        )
        .with_target(now("min(prometheus_notifications_alertmanagers_discovered)", "Alertmanagers"))
        .override_by_name("Watchdog", mapped({1: ("firing", GOOD), 0: ("no Watchdog", WARNING)}))
        .override_by_name("Alertmanagers", mapped({0: ("none", CRITICAL)})),
    ]


def mapped(shown: dict) -> list[DynamicConfigValue]:
    """Override properties that give values of one series a text and a colour."""
    return [DynamicConfigValue(id_val="mappings", value=[values(shown), missing()])]


def targets() -> dashboard.Panel:
    """A row per target."""
    return table_of(
        "Which target is down, slow or large?",
        "Every target of these jobs, those that are down first, then by their share of the budget of samples "
        "(platformAlerts.samplesOverBudget).",
        [
            Column("Job", label="job", width=200, wide=True),
            Column(
                "Scrape",
                f"max {TARGET}(1 - up{{{JOBS}}})",
                mappings=[values({1: ("down", DOWN), 0: ("up", GOOD)})],
                background={},
                width=70,
            ),
            Column(
                "Of its budget",
                f"max {TARGET}(platform:scrape_samples_budget:ratio{{{JOBS}}})",
                unit="percentunit",
                background={0.8: WARNING, 1: CRITICAL},
                width=130,
            ),
            Column("Samples", f"max {TARGET}(scrape_samples_post_metric_relabeling{{{JOBS}}})"),
            Column("Time", f"max {TARGET}(scrape_duration_seconds{{{JOBS}}})", unit="s"),
            Column("Pod", label="pod", width=200, wide=True),
            Column("Instance", label="instance", width=150),
            Column("Namespace", label="namespace", width=130),
        ],
        sort=["Scrape", "Of its budget"],
        empty="no targets",
    ).height(8)


def scrape_time() -> dashboard.Panel:
    """How long scrapes took."""
    return (
        shades(
            graph(
                "How long do scrapes take?",
                "Time of each job's slowest scrape. Dashed: above it, TargetScrapeSlow fires.",
                "s",
            )
        )
        .no_value("no targets")
        .with_target(over_time(f"max by (job) (scrape_duration_seconds{{{JOBS}}})", "{{job}}"))
        .override_by_name("too slow", [fixed(WARNING), DASHED])
        .with_target(over_time("max(platform:scrape_duration_budget:seconds)", "too slow"))
    )


def series() -> dashboard.Panel:
    """How many series Prometheus holds, and how fast they are replaced."""
    return (
        shades(
            graph(
                "How many series are in memory?",
                "Series that each Prometheus holds, and new ones per second on the right, where a label with "
                "unbounded values shows first.",
                "short",
            )
        )
        .no_value(NOT_SCRAPED)
        .with_target(over_time("max by (pod) (prometheus_tsdb_head_series)", "{{pod}}"))
        .with_target(
            over_time("max by (pod) (rate(prometheus_tsdb_head_series_created_total[5m]))", "new, {{pod}}")
        )
        .override_by_regexp(
            "/^new, /",
            [
                fixed("purple"),
                DynamicConfigValue(id_val="unit", value="cps"),
                DynamicConfigValue(id_val="custom.axisPlacement", value="right"),
            ],
        )
    )


def notifications() -> dashboard.Panel:
    """Messages that Alertmanager sent."""
    sent = "sum by (integration) (increase(alertmanager_notifications_total[15m]))"
    failed = "sum by (integration) (increase(alertmanager_notifications_failed_total[15m]))"
    return (
        shades(graph("How many notifications were sent?", "In 15 minutes, by the type of receiver.", "short"))
        .decimals(0)
        .no_value(NO_NOTIFICATIONS)
        .with_target(over_time(f"{sent} > 0", "{{integration}}"))
        .with_target(over_time(f"{failed} > 0", "{{integration}} failed"))
        .override_by_regexp("/ failed$/", [fixed(CRITICAL)])
    )


def disk() -> dashboard.Panel:
    """Space that the samples take."""
    blocks, head = "prometheus_tsdb_storage_blocks_bytes", "prometheus_tsdb_head_chunks_storage_size_bytes"
    return (
        shades(
            graph(
                "How much disk do samples take?",
                "Blocks, the head's chunks and the write-ahead log. Dashed: the size above which "
                "Prometheus drops the oldest samples (retentionSize), if it is set.",
                "bytes",
            )
        )
        .no_value(NOT_SCRAPED)
        .with_target(
            over_time(f"max by (pod) ({blocks} + {head} + prometheus_tsdb_wal_storage_size_bytes)", "{{pod}}")
        )
        .override_by_name("limit", [fixed(IDLE), DASHED])
        .with_target(over_time("max(prometheus_tsdb_retention_limit_bytes) > 0", "limit"))
    )


def costs() -> list[dashboard.Panel]:
    """The jobs with most series, and the rules that take most time."""
    busy = "prometheus_rule_group_last_duration_seconds / prometheus_rule_group_interval_seconds"
    named = f'label_replace({busy}, "group", "$1", "rule_group", ".+;(.+)")'
    return [
        bars(
            "Which jobs cost most series?",
            "Samples of one scrape of all the job's targets, the five largest.",
        )
        .unit("short")
        .thresholds(steps("blue"))
        .decimals(None)
        .max(None)
        .no_value("no targets")
        .with_target(
            now(f"topk(5, sum by (job) (scrape_samples_post_metric_relabeling{{{JOBS}}}))", "{{job}}")
        ),
        bars(
            "Which rules cost most time?",
            "Share of its interval that a group's last run took, the five largest. At 100 % runs are missed.",
        )
        .decimals(1)
        .no_value(NOT_SCRAPED)
        .with_target(now(f"topk(5, max by (group) ({named}))", "{{group}}")),
    ]


def platform() -> dashboard.Dashboard:
    """Return the dashboard's builder."""
    built = page(
        "platform", "Platform", "Is the monitoring itself healthy, and what does it cost?"
    ).with_variable(variable("job", "up", several=True))
    panels = (*glance(), targets(), scrape_time(), series(), notifications(), disk(), *costs())
    # Alerts on the platform are those without a service; it has no drills and no deploys.
    return filled(built, panels, marks('slo_service=""')[:2])

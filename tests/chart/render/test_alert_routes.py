"""Each alert reaches the receiver of its severity, in the bundled Alertmanager and in somebody else's."""

import json
import re
import subprocess

import pytest
import yaml

from lab import ROOT, toolchain
from lab.render.chart import RenderError, load_yaml, render_chart
from tests.support.chart.alerting import ALERTING, alerts, configuration, routed
from tests.support.chart.notes import notes

HOOK = {"webhook": {"secret": "hook"}}
ROLES = {"critical": "pager", "warning": "chat", "info": "log", "heartbeat": "deadman"}
ROUTING = {"enabled": True, "receivers": dict.fromkeys(ROLES.values(), HOOK), **ROLES}
SERVICES = {
    "checkout": {"namespace": "shop", "preset": "otel-http", "alerts": {"trafficMissing": {"enabled": True}}},
    "orders": {"namespace": "shop", "preset": "spring", "alerts": {"down": {"severity": "info"}}},
    "search": {"namespace": "find", "preset": "grpc", "slis": {"latency": {"enabled": False}}},
}
VALUES = {"alerting": ROUTING, "slo": {"services": SERVICES}}
# Alerts of kube-prometheus-stack, for renders without its package.
OF_STACK = [
    {"alertname": "Watchdog", "severity": "none"},
    {"alertname": "InfoInhibitor", "severity": "none", "namespace": "shop"},
    {"alertname": "TargetDown", "severity": "warning", "namespace": "shop", "job": "checkout"},
    {"alertname": "ForOtherRules", "severity": "none"},
    {"alertname": "CPUThrottlingHigh", "severity": "info", "namespace": "shop"},
]
# Alertmanager's configuration in a cluster with an operator of its own.
OTHER = {"route": {"receiver": "theirs"}, "receivers": [{"name": "theirs"}]}


def expected(labels):
    """The receivers by the meaning of the labels; an alert without a known severity must not be lost."""
    if labels["alertname"] in ("Watchdog", "InfoInhibitor"):
        return ["deadman"] if labels["alertname"] == "Watchdog" else []
    if labels.get("severity") == "none":
        return []
    return [ROLES.get(labels.get("severity"), ROLES["warning"])]


def all_labels(render):
    """The labels of each alert; those that only the series have are an example."""
    found = [{"namespace": "shop", **alert["labels"]} for alert in alerts(render)]
    return [*found, *OF_STACK, *({"alertname": "Mine", "severity": each} for each in ("high", "page"))]


def test_every_alert_reaches_the_receiver_of_its_severity(rendered, tmp_path):
    render = rendered(VALUES)
    config = configuration(render)
    every = all_labels(render)
    assert {labels.get("slo_service") for labels in every} >= {*SERVICES, "platform-storage-api"}
    assert {labels.get("severity") for labels in every} >= {"critical", "warning", "info", "none"}
    for labels in every:
        assert routed(config, tmp_path, labels) == expected(labels), labels
    assert routed(config, tmp_path, {"alertname": "NoSeverity"}) == ["chat"]


def test_somebody_elses_alertmanager_delivers_everything_without_a_matcher_strategy(rendered, tmp_path):
    values = {**VALUES, "kube-prometheus-stack": {"enabled": False}}
    render = rendered(values)
    config = configuration(render, main=OTHER, strategy="None", namespace="monitoring")
    for labels in all_labels(render):
        assert routed(config, tmp_path, labels) == expected(labels), labels


def test_somebody_elses_default_strategy_delivers_only_our_namespace_and_the_notes_say_so(rendered, tmp_path):
    values = {**VALUES, "kube-prometheus-stack": {"enabled": False}}
    config = configuration(rendered(values), main=OTHER, strategy="OnNamespace", namespace="monitoring")
    ours, shop = (
        {"alertname": "A", "severity": "critical", "namespace": n} for n in ("observability", "shop")
    )
    assert routed(config, tmp_path, ours) == ["pager"]
    assert routed(config, tmp_path, shop) == []
    assert routed(config, tmp_path, {"alertname": "Watchdog"}) == []
    text = notes(values)
    assert "alertmanagerConfigMatcherStrategy.type: None" in text
    assert "it does not deliver Watchdog and the alerts of find, shop." in text
    assert "matcherStrategy" not in notes({"alerting": ALERTING, "kube-prometheus-stack": {"enabled": False}})


def test_the_notes_name_receivers_and_secrets():
    text = notes(
        {
            "alerting": {
                **ALERTING,
                "receivers": {
                    **ALERTING["receivers"],
                    "chat": {"slack": {"secret": "slack"}},
                    "mail": {
                        "email": {"to": "a@b.example", "from": "c@b.example", "smarthost": "m.example:25"}
                    },
                },
                "warning": "chat",
            }
        }
    )
    assert "critical to default, warning to chat, info to nobody, Watchdog to nobody." in text
    assert "or the operator ignores all of it: alert-receiver (url), slack (url)." in text


def test_the_heartbeat_is_repeated_every_minute(rendered):
    (route,) = [
        route
        for route in configuration(rendered(VALUES))["route"]["routes"][0]["routes"]
        if route["receiver"].endswith("/deadman")
    ]
    assert (route["group_interval"], route["repeat_interval"]) == ("1m", "1m")


MUTED = {
    "nights": {"timeIntervals": [{"times": [{"startTime": "20:00", "endTime": "24:00"}]}]},
    "weekends": {"severities": ["info"], "timeIntervals": [{"weekdays": ["saturday", "sunday"]}]},
}


@pytest.mark.parametrize(
    ("extra", "critical"),
    [({}, []), ({"all": {**MUTED["nights"], "severities": ["critical", "warning"]}}, ["all"])],
)
def test_mute_times_spare_critical_alerts_unless_they_are_named(rendered, extra, critical, tmp_path):
    render = rendered({"alerting": {**ROUTING, "muteTimes": {**MUTED, **extra}}})
    config = configuration(render)
    file = tmp_path / "alertmanager.yml"
    file.write_text(yaml.safe_dump(config))
    subprocess.run([toolchain.amtool(), "check-config", file], check=True, capture_output=True)
    muted = {}
    for route in config["route"]["routes"][0]["routes"]:
        names = [name.rpartition("/")[2] for name in route.get("mute_time_intervals", ())]
        muted.setdefault(route["receiver"].rpartition("/")[2], []).append(names)
    assert muted["deadman"] == [[]]
    # Once for the alerts of services, once for all others.
    assert muted["pager"] == [critical] * 2
    assert muted["log"] == [["nights", "weekends"]] * 2
    assert muted["chat"] == [[*critical, "nights"]] * 2


def test_extra_routes_come_before_the_severities_but_never_get_watchdog(rendered, tmp_path):
    team = {"receiver": "team", "matchers": [{"name": "namespace", "matchType": "=", "value": "shop"}]}
    values = {**ROUTING, "receivers": {**ROUTING["receivers"], "team": HOOK}}
    shop = {"alertname": "A", "severity": "critical", "namespace": "shop"}
    for route, reached in ((team, ["team"]), ({**team, "continue": True}, ["team", "pager"])):
        config = configuration(rendered({"alerting": {**values, "extraRoutes": [route]}}))
        assert routed(config, tmp_path, shop) == reached
        assert routed(config, tmp_path, {**shop, "namespace": "other"}) == ["pager"]
    everything = configuration(rendered({"alerting": {**values, "extraRoutes": [{"receiver": "team"}]}}))
    assert routed(everything, tmp_path, shop) == ["team"]
    assert routed(everything, tmp_path, {"alertname": "Watchdog"}) == ["deadman"]
    assert routed(everything, tmp_path, {"alertname": "InfoInhibitor"}) == []


# --- receivers --------------------------------------------------------------------------------------


def documented():
    """The examples in docs/alerting.md."""
    blocks = re.findall(r"```yaml\n(alerting:.*?)```", (ROOT / "docs/alerting.md").read_text(), re.DOTALL)
    return [load_yaml(block)["alerting"] for block in blocks]


@pytest.mark.parametrize("number", range(len(documented())))
def test_every_documented_example_is_a_configuration_that_alertmanager_accepts(rendered, number, tmp_path):
    values = documented()[number]
    if "critical" not in values:
        values = {**values, "critical": next(iter(values["receivers"]))}
    config = configuration(rendered({"alerting": {**values, "enabled": True}}))
    file = tmp_path / "alertmanager.yml"
    file.write_text(yaml.safe_dump(config))
    done = subprocess.run(
        [toolchain.amtool(), "check-config", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_documentation_has_an_example_and_a_secret_for_each_kind_of_receiver():
    given = [receiver for values in documented() for receiver in values.get("receivers", {}).values()]
    text = (ROOT / "docs/alerting.md").read_text()
    for kind in ("webhook", "slack", "pagerduty", "email", "opsgenie", "config"):
        assert any(kind in receiver for receiver in given), kind
    for receiver in given:
        for kind, settings in receiver.items():
            if kind != "config" and "secret" in settings:
                created = f"create secret generic {settings['secret']} --from-literal={settings['key']}="
                assert created in text, created


FIRING = {
    "alertname": "CheckoutAvailabilityBudgetBurn",
    "namespace": "shop",
    "slo_service": "checkout",
    "severity": "critical",
}
ANNOTATIONS = {
    "summary": "shop/checkout: 5% of requests fail.",
    "description": "Measured over 1h.",
    "runbook_url": "https://runbooks.example/availability-budget-burn",
    "dashboard_url": "https://grafana.example/d/x",
}


def shown(template, alerts_shown, folder):
    """A text of a notification about alerts, given as pairs of labels and annotations."""
    labels = [dict(labels) for labels, _ in alerts_shown]
    common = {k: v for k, v in labels[0].items() if all(each.get(k) == v for each in labels)}
    annotations = [each for _, each in alerts_shown]
    data = {
        "receiver": "default",
        "status": "firing",
        "alerts": [
            {"status": "firing", "labels": each, "annotations": notes_}
            for each, notes_ in zip(labels, annotations, strict=True)
        ],
        "groupLabels": {k: v for k, v in common.items() if k in ("namespace", "slo_service")},
        "commonLabels": common,
        "commonAnnotations": annotations[0] if len(alerts_shown) == 1 else {},
        "externalURL": "http://alertmanager.example",
    }
    (folder / "data.json").write_text(json.dumps(data))
    (folder / "empty.tmpl").write_text("")
    command = [toolchain.amtool(), "template", "render", f"--template.glob={folder}/empty.tmpl"]
    command += [f"--template.data={folder}/data.json", f"--template.text={template}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_notifications_say_what_is_wrong_and_link_to_the_runbook(rendered, tmp_path):
    receivers = {"chat": {"slack": {"secret": "s"}}, "pager": {"pagerduty": {"secret": "p"}}}
    receivers["genie"] = {"opsgenie": {"secret": "o"}}
    render = rendered({"alerting": {"enabled": True, "receivers": receivers, "critical": "pager"}})
    made = {each["name"].rpartition("/")[2]: each for each in configuration(render)["receivers"]}
    slack = made["chat"]["slack_configs"][0]
    pagerduty = made["pager"]["pagerduty_configs"][0]
    opsgenie = made["genie"]["opsgenie_configs"][0]

    one = [(FIRING, ANNOTATIONS)]
    down = {**FIRING, "alertname": "CheckoutDown"}
    two = [*one, (down, {**ANNOTATIONS, "summary": "shop/checkout: no target."})]
    assert shown(slack["title"], one, tmp_path) == "[FIRING] critical: shop checkout"
    text = shown(slack["text"], two, tmp_path)
    assert "*CheckoutDown* shop/checkout: no target." in text
    assert "<https://runbooks.example/availability-budget-burn|Runbook>" in text
    assert "<https://grafana.example/d/x|Dashboard>" in text
    assert "no value" not in shown(slack["text"], [({"alertname": "A"}, {})], tmp_path)
    for summary in (pagerduty["description"], opsgenie["message"]):
        assert shown(summary, one, tmp_path) == ANNOTATIONS["summary"]
        both = shown(summary, two, tmp_path)
        assert both == "2 alerts: CheckoutAvailabilityBudgetBurn CheckoutDown shop checkout"
    assert ANNOTATIONS["runbook_url"] in shown(pagerduty["details"]["runbook"], one, tmp_path)
    assert ANNOTATIONS["runbook_url"] in shown(opsgenie["description"], one, tmp_path)
    assert shown(pagerduty["severity"], one, tmp_path) == "critical"
    assert shown(pagerduty["severity"], [({"alertname": "A"}, {})], tmp_path) == "error"
    assert shown(opsgenie["priority"], one, tmp_path) == "P1"


def test_the_upgrade_of_old_values_is_refused_before_and_complete_after(rendered, tmp_path):
    text = (ROOT / "docs/upgrade.md").read_text()
    (block,) = re.findall(r"```yaml\n(# before\nalerting:.*?)```", text, re.DOTALL)
    before, after = map(load_yaml, block.split("---\n"))
    with pytest.raises(RenderError) as refused:
        render_chart(before)
    assert re.findall(r"alerting\.\w+(?=: )", str(refused.value)) == ["alerting.receivers", "alerting.route"]
    config = configuration(rendered(after), secret=lambda *_: "http://127.0.0.1:9/")
    shop = {"alertname": "A", "severity": "critical", "namespace": "shop"}
    assert routed(config, tmp_path, shop) == ["team"]
    for severity in ("critical", "warning", "info", "mine"):
        assert routed(config, tmp_path, {**shop, "severity": severity, "namespace": "b"}) == ["default"]
    for name in ("Watchdog", "InfoInhibitor"):
        assert routed(config, tmp_path, {"alertname": name, "namespace": "shop", "severity": "none"}) == []


# --- refused values -----------------------------------------------------------------------------------


def mute(**interval):
    return {"muteTimes": {"a": {"timeIntervals": [interval]}}}


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (
            {"critical": ""},
            "alerting.critical: empty, so nobody would be notified of critical alerts; "
            "set it to a name in alerting.receivers (default)",
        ),
        (
            {"warning": "chatt"},
            'alerting.warning: "chatt" is not in alerting.receivers; use one of its names (default)',
        ),
        (
            {"receivers": {}, "critical": "default"},
            'alerting.critical: "default" is not in alerting.receivers; use one of its names (none yet)',
        ),
        (
            {"receivers": {"default": {}}},
            "alerting.receivers.default: empty; "
            "set one or more of webhook, slack, pagerduty, email, opsgenie and config",
        ),
        (
            {"receivers": {"default": HOOK, "null": HOOK}},
            "alerting.receivers.null: this name is reserved for alerts that notify nobody; "
            "choose another name",
        ),
        (
            {
                "receivers": {
                    "default": {
                        "email": {
                            "to": "a@b.c",
                            "from": "a@b.c",
                            "smarthost": "m.example:25",
                            "username": "a",
                        }
                    }
                }
            },
            "alerting.receivers.default.email.secret: empty, but key or username is set; set it to the "
            "Secret with the password, or remove both for a server without login",
        ),
        (
            {"extraRoutes": [{"receiver": "default"}, {"routes": [{"receiver": "team"}]}]},
            'alerting.extraRoutes: "team" in receiver is not in alerting.receivers; '
            "use one of its names (default)",
        ),
        (
            {"extraRoutes": [{"receiver": "default", "muteTimeIntervals": ["nights"]}]},
            'alerting.extraRoutes: "nights" in muteTimeIntervals is not in alerting.muteTimes; '
            "use one of its names (none yet)",
        ),
        (
            {"receivers": [{"name": "default"}]},
            "alerting.receivers: a list, the format of older versions; write a map by name, such as "
            "{default: {config: {webhookConfigs: [...]}}} (see docs/upgrade.md)",
        ),
        (
            {"route": {"receiver": "default"}},
            "alerting.route: replaced; name the receivers in alerting.critical and alerting.warning, and "
            "move other routes to alerting.extraRoutes (see docs/upgrade.md)",
        ),
        ({"receivers": {"default": {"slack": {}}}}, "missing property 'secret'"),
        ({"receivers": {"default": {"slak": {"secret": "a"}}}}, "'slak' not allowed"),
        ({"receivers": {"default": {"config": {"name": "x"}}}}, "'name' does not match pattern"),
        (
            mute(times=[{"startTime": "20:00", "endTime": "08:00"}]),
            "alerting.muteTimes.a.timeIntervals: 20:00 is not before 08:00; write a night as two times, "
            '{startTime: "20:00", endTime: "24:00"} and {startTime: "00:00", endTime: "08:00"}',
        ),
        (
            mute(weekdays=["friday:monday"]),
            "alerting.muteTimes.a.timeIntervals: the weekdays friday:monday end before they begin; "
            "write two spans",
        ),
        (mute(years=[]), "an empty interval would mute alerts at all times"),
        (mute(months=["december:2"]), "the months december:2 end before they begin"),
        (mute(years=["2030:2029"]), "the years 2030:2029 end before they begin"),
        (mute(daysOfMonth=[{"start": 0, "end": 3}]), "the daysOfMonth 0 to 3 are not allowed"),
        (mute(weekdays=["Montag"]), "'Montag' does not match pattern"),
        ({"muteTimes": {"a": {"severities": ["page"], "timeIntervals": [{"years": []}]}}}, "severities/0"),
    ],
)
def test_wrong_values_are_refused_in_one_line(changed, line):
    with pytest.raises(RenderError) as refused:
        render_chart({"alerting": {**ALERTING, **changed}})
    told = str(refused.value)
    assert told == line if line.startswith("alerting") else line in told

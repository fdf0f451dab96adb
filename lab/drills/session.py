"""Measures one drill after the other in a running lab."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lab.drills.drill import Drill
from lab.drills.result import Result, Span
from lab.drills.theory import burn
from lab.errors import LabError
from lab.figures import read_services
from lab.notifications import Notification
from lab.platform import Platform
from lab.progress import say
from lab.render.chart import Render
from lab.render.duration import seconds

TRAFFIC_MINUTES = 30
START_SECONDS = 60
SETTLE_SECONDS = 90
# Pause between two looks at Prometheus' alerts and at what the receiver has got.
POLL_SECONDS = 0.2
PROBE_SECONDS = 0.5
# A fault is scraped, recorded, evaluated by the alert's group, grouped by Alertmanager and delivered, each of
# which waits up to a second; waiting times (`for`) end with an evaluation, another second.
PIPELINE_SECONDS = 5.0
# Rules for windows longer than 6h are evaluated every four seconds.
SLOW_SECONDS = 4.0
# The length of a fault as the rules see it, which rates over a few samples blur, differs by so much.
SEEN_SECONDS = 1.5


class Cancelled(Exception):
    """The run was interrupted while this drill ran."""


class Cancel(threading.Event):
    def sleep(self, duration: float) -> None:
        """Waits; raises Cancelled once the event is set."""
        if self.wait(duration):
            raise Cancelled


class Session:
    """A running lab with traffic, as the drills see it."""

    def __init__(self, platform: Platform, cancel: Cancel) -> None:
        self.platform = platform
        self.cancel = cancel
        self.render = platform.render()
        platform.send_sample_traffic(TRAFFIC_MINUTES)
        self.since = time.time()
        threading.Thread(target=self._probe, daemon=True).start()
        self._until(self._has_traffic, START_SECONDS, "every service has traffic")

    def _probe(self) -> None:
        """Asks the storage API whether it is ready, as the kubelet does in a cluster, until the run ends."""
        while not self.cancel.wait(PROBE_SECONDS):
            self.platform.ready("storage-api")

    def run_group(self, drills: Iterable[Drill], done: Callable[[Result], None]) -> list[Result]:
        results = []
        for drill in drills:
            result = Result(drill)
            try:
                self._run(drill, result)
            except LabError as error:
                result.failures.append(str(error))
            done(result)
            results.append(result)
        return results

    def _run(self, drill: Drill, result: Result) -> None:
        rule = alert_rule(self.render, drill)
        self._until(lambda: not self._states(drill), SETTLE_SECONDS, f"{drill.alert} is inactive")
        say(f"drill {drill.name}: {drill.about}")
        began = time.time()
        history = began - self.since
        with drill.fault.active(self.platform):
            if drill.fault.environment:  # the fault shows only after the restart
                began = time.time()
            begins, ends = self._theory(drill, history)
            result.theory = _span(drill, begins + seconds(rule.get("for", "")))
            while result.delivered is None:
                if time.time() - began > result.theory.limit:
                    result.failures.append(f"not delivered within {result.theory.limit:.1f} s")
                    return
                self.cancel.sleep(POLL_SECONDS)
                self._observe(drill, result, began)
            lifted = time.time()
        off = time.time()  # after a restart, if that ends the fault
        blur = SEEN_SECONDS + _slow(drill) / 2
        seen = [end for error in (-blur, blur) for end in ends(max(0.0, off - began + error))]
        kept = seconds(rule.get("keep_firing_for", ""))
        result.resolved_theory = Span(min(seen) + kept, _span(drill, max(seen) + kept).latest)
        while (found := self._first_notification(drill, "resolved", lifted)) is None:
            if time.time() - off > result.resolved_theory.limit:
                result.failures.append(f"not resolved within {result.resolved_theory.limit:.1f} s")
                return
            self.cancel.sleep(POLL_SECONDS)
        result.resolved = max(0.0, found.at - off)
        if result.resolved_theory.too_soon(result.resolved):
            result.failures.append(f"resolved after {result.resolved:.1f} s, not {result.resolved_theory} s")

    def _observe(self, drill: Drill, result: Result, began: float) -> None:
        """Notes the time of each state that has been reached by now."""
        now, states = time.time() - began, self._states(drill)
        if "pending" in states and result.pending is None:
            result.pending = now
        if "firing" in states and result.firing is None:
            result.firing = now
        if found := self._first_notification(drill, "firing", began):
            result.delivered = found.at - began
            result.firing = min(result.delivered, result.firing or result.delivered)
            result.failures += wrong(drill, found, self.render.values)
            if result.theory and result.theory.too_soon(result.delivered):
                result.failures.append(f"delivered after {result.delivered:.1f} s, not {result.theory} s")

    def _theory(self, drill: Drill, history: float) -> tuple[float, Callable[[float], list[float]]]:
        """Seconds until the expression holds; and, given the fault's length, until it may hold no longer."""
        expected = drill.expected
        if expected.bad_ratio is None:
            return expected.begins or 0.0, lambda _: [expected.ends or 0.0]
        found = burn(
            self.render.values,
            drill.labels,
            drill.fault.part,
            bad_ratio=expected.bad_ratio,
            requests_per_second=expected.requests_per_second,
            history=history,
        )
        return found.begins(), found.possible_ends

    def _states(self, drill: Drill) -> set[str]:
        """The states, `pending` and `firing`, in which alerts with the drill's labels are now."""
        labels = {"alertname": drill.alert, **drill.labels}
        matchers = ", ".join(f'{name}="{value}"' for name, value in labels.items())
        found = self.platform.prometheus.query(f"ALERTS{{{matchers}}}")
        return {each["metric"]["alertstate"] for each in found}

    def _first_notification(self, drill: Drill, status: str, since: float) -> Notification | None:
        """The earliest notification about the drill's alert with this status, from `since` on."""
        labels = {"alertname": drill.alert, "severity": drill.labels["severity"]}
        found = (
            each
            for each in self.platform.notifications()
            if each.at >= since and each.status == status and labels.items() <= each.labels.items()
        )
        return min(found, key=lambda each: each.at, default=None)

    def _has_traffic(self) -> bool:
        services = read_services(self.platform.prometheus)
        return bool(services) and not any(each.idle() for each in services)

    def _until(self, look: Callable[[], bool], limit: float, awaited: str) -> None:
        deadline = time.monotonic() + limit
        while not look():
            if time.monotonic() > deadline:
                raise LabError(f"not within {limit:.0f} s: {awaited}")
            self.cancel.sleep(POLL_SECONDS)


def _span(drill: Drill, earliest: float) -> Span:
    return Span(earliest, earliest + PIPELINE_SECONDS + _slow(drill))


def _slow(drill: Drill) -> float:
    """For how long the alert's rules may wait for their next evaluation, beyond a second."""
    slow = drill.expected.bad_ratio is not None and drill.labels["severity"] == "warning"
    return SLOW_SECONDS if slow else 0.0


def alert_rule(render: Render, drill: Drill) -> Mapping[str, Any]:
    """The rendered rule of a drill's alert; raises LabError if the render has none."""
    groups = [g for o in render.ours if o["kind"] == "PrometheusRule" for g in o["spec"]["groups"]]
    for rule in (rule for group in groups for rule in group["rules"]):
        if rule.get("alert") == drill.alert and rule["labels"]["severity"] == drill.labels["severity"]:
            return rule
    raise LabError(f"the chart renders no alert {drill.alert} with severity {drill.labels['severity']}")


def wrong(drill: Drill, found: Notification, values: Mapping[str, Any]) -> list[str]:
    """Labels and links of the notification that are wrong or missing."""
    faults = [
        f"label {name} is {found.labels.get(name)!r}, not {value!r}"
        for name, value in drill.labels.items()
        if found.labels.get(name) != value
    ]
    monitoring = values["global"]["monitoring"]
    runbook = f"{monitoring['runbookUrl']}/{drill.labels['runbook']}"
    if found.annotations.get("runbook_url") != runbook:
        faults.append(f"runbook_url is {found.annotations.get('runbook_url')!r}, not {runbook!r}")
    if not found.annotations.get("dashboard_url", "").startswith(f"{monitoring['grafanaUrl']}/d/"):
        faults.append(f"dashboard_url is {found.annotations.get('dashboard_url')!r}")
    receiver = values["alerting"][drill.labels["severity"]]
    if found.receiver != receiver:
        faults.append(f"delivered to {found.receiver}, not {receiver}")
    faults += [
        f"the {name} is empty" for name in ("summary", "description") if not found.annotations.get(name)
    ]
    return faults

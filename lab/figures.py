"""The figures that `make up` waits for and `make status` shows, read from Prometheus.

Those of services come from the series that charts/slo records for every service (`service:*`, `slo:*`).
The preview's start page shows the same ones: it gets STATES, STATE and FIGURES as they are here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.clients import Prometheus

STATES = ("healthy", "no traffic", "degraded", "ticket", "paging", "down")
"""The words for the values of `service:state`, 0 first."""
STATE = "service:state"
_BY = "by (namespace, slo_service)"
_REQUESTS = f"sum {_BY} (service:requests:rate)"


@dataclass(frozen=True)
class Figure:
    """A figure of each service, and its format, such as `21.00%`."""

    heading: str
    query: str
    """PromQL that has one series for each service, with the labels `namespace` and `slo_service`."""
    scale: float = 1
    digits: int = 0
    unit: str = ""
    """The value is multiplied by `scale`, and written with so many digits after the point and the unit."""
    of: str = ""
    """PromQL of a second value, such as the known targets: written as `1 of 2`."""
    label: str = ""
    """Write the values of this label instead, separated by commas; there may be several series."""

    def write(self, value: float, whole: float | None, labels: list[str]) -> str:
        if self.label:
            return ", ".join(labels)
        text = f"{value * self.scale:.{self.digits}f}{self.unit}"
        return text if whole is None else f"{text} of {whole:.0f}"


FIGURES = {
    "targets": Figure("Targets", "service:targets:up", of="service:targets:expected"),
    "requests": Figure("Req/s", _REQUESTS, digits=1),
    "failing": Figure(
        "Failing",
        # A service that has never failed may have no series of bad requests.
        f'(sum {_BY} (service:requests:rate{{outcome="bad"}}) or 0 * {_REQUESTS}) / ({_REQUESTS} > 0)',
        scale=100,
        digits=2,
        unit="%",
    ),
    "p99": Figure(
        "p99",
        f'max {_BY} (service:latency_seconds:quantile{{quantile="0.99"}})',
        scale=1000,
        unit=" ms",
    ),
    "budget": Figure("Budget left", f"min {_BY} (slo:error_budget_remaining:ratio)", scale=100, unit="%"),
    "version": Figure("Version", "service:pod_version:info", label="version"),
}
"""The figures of a service by name, in the order of the columns."""


@dataclass(frozen=True)
class Service:
    """A service with its figures."""

    name: str
    """`<namespace>/<name>`."""
    state: int
    """An index into STATES."""
    values: Mapping[str, float]
    """The values by their names in FIGURES, in base units; those that Prometheus lacks are absent."""
    texts: Mapping[str, str]
    """The same as written for people."""
    firing: tuple[str, ...]
    """The alerts that fire, by name."""

    def idle(self) -> bool:
        """True until its traffic shows in every figure; rules are evaluated one after the other."""
        missing = not {"requests", "failing", "p99"} <= self.values.keys()
        return missing or not self.values["requests"] or STATES[self.state] == "no traffic"


@dataclass(frozen=True)
class Figures:
    """Current figures from Prometheus."""

    services: list[Service]
    """Every service that rules watch."""
    down: list[str]
    """Jobs whose targets are not up, with Prometheus' error message."""
    targets: int
    rules: int
    rules_failing: int

    @classmethod
    def read(cls, prometheus: Prometheus) -> "Figures":
        """Reads the figures; raises LabError if Prometheus does not answer."""
        targets, rules = prometheus.targets(), prometheus.rules()
        return cls(
            services=read_services(prometheus),
            down=[
                f"{target['labels']['job']} ({target['lastError'] or 'not scraped yet'})"
                for target in targets
                if target["health"] != "up"
            ],
            targets=len(targets),
            rules=len(rules),
            rules_failing=sum(rule["health"] == "err" for rule in rules),
        )

    def lacking(self, *, busy: bool) -> str:
        """The first thing that is still missing, in words; empty once every figure is there.

        With `busy`, each service is expected to have traffic too.
        """
        if self.down:
            return f"targets that are not up: {', '.join(self.down)}"
        if not self.targets:
            return "no target is scraped yet"
        if not self.rules:
            return "no rule is loaded yet"
        if self.rules_failing:
            return f"{self.rules_failing} of {self.rules} rules fail"
        if busy:
            idle = [each.name for each in self.services if each.idle()]
            if idle or not self.services:
                return f"no sample traffic is recorded yet of {', '.join(idle) or 'any service'}"
        return ""

    def unsettled(self) -> list[str]:
        """The services that are degraded."""
        return [each.name for each in self.services if STATES[each.state] == "degraded"]


def read_services(prometheus: Prometheus) -> list[Service]:
    """The services, the worst first; raises LabError if Prometheus does not answer."""

    def by_service(expression: str) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for each in prometheus.query(expression) if expression else []:
            found.setdefault(_name(each["metric"]), []).append(each)
        return found

    def value_of(series: list[dict[str, Any]]) -> float:
        return float(series[0]["value"][1])

    states = {name: int(value_of(series)) for name, series in by_service(STATE).items()}
    values: dict[str, dict[str, float]] = {name: {} for name in states}
    texts: dict[str, dict[str, str]] = {name: {} for name in states}
    for key, figure in FIGURES.items():
        parts, wholes = by_service(figure.query), by_service(figure.of)
        for name in states.keys() & parts.keys():
            labels = sorted({each["metric"].get(figure.label, "") for each in parts[name]})
            whole = value_of(wholes[name]) if name in wholes else None
            values[name][key] = value_of(parts[name])
            texts[name][key] = figure.write(values[name][key], whole, labels)
    firing: dict[str, set[str]] = {}
    for each in prometheus.query('ALERTS{alertstate="firing", slo_service!=""}'):
        firing.setdefault(_name(each["metric"]), set()).add(each["metric"]["alertname"])
    services = [
        Service(name, state, values[name], texts[name], tuple(sorted(firing.get(name, ()))))
        for name, state in states.items()
    ]
    return sorted(services, key=lambda each: (-each.state, -each.values.get("failing", 0), each.name))


def _name(labels: dict[str, str]) -> str:
    return f"{labels.get('namespace', '')}/{labels['slo_service']}"

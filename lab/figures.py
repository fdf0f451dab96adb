"""The figures that `make up` waits for and `make status` shows, read from Prometheus.

Those of services come from the series that charts/slo records for every service (`service:*`, `slo:*`).
"""

from dataclasses import dataclass

from lab.clients import Prometheus

STATES = ("healthy", "no traffic", "degraded", "warning", "critical", "down")
"""The words for the values of `service:state`, 0 first."""
_BY = "by (namespace, slo_service)"


@dataclass(frozen=True)
class Service:
    """The figures of one service; None if Prometheus has no data."""

    name: str
    """`<namespace>/<name>`."""
    state: int
    """An index into STATES."""
    request_rate: float | None
    """Requests per second."""
    error_ratio: float | None
    """Share of requests that fail, 0 to 1."""
    p99: float | None
    """99th percentile of the request duration, in seconds."""
    budget_left: float | None
    """Share of the error budget that is left, of the indicator that has least; below 0 if it is overdrawn."""
    firing: tuple[str, ...]
    """The alerts that fire, by name."""

    def idle(self) -> bool:
        """True until its traffic shows in every figure; rules are evaluated one after the other."""
        missing = None in (self.request_rate, self.error_ratio, self.p99)
        return missing or not self.request_rate or STATES[self.state] == "no traffic"


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
    """The services, ordered by name; raises LabError if Prometheus does not answer."""

    def by_service(expression: str) -> dict[str, float]:
        return {_name(each["metric"]): float(each["value"][1]) for each in prometheus.query(expression)}

    rates = by_service(f"sum {_BY} (service:requests:rate)")
    errors = by_service('slo:bad_requests_per_requests:ratio_rate5m{slo_indicator="availability"}')
    p99 = by_service('service:latency_seconds:quantile{quantile="0.99"}')
    budgets = by_service(f"min {_BY} (slo:error_budget_remaining:ratio)")
    firing: dict[str, set[str]] = {}
    for each in prometheus.query('ALERTS{alertstate="firing", slo_service!=""}'):
        firing.setdefault(_name(each["metric"]), set()).add(each["metric"]["alertname"])
    return [
        Service(
            name,
            int(state),
            rates.get(name),
            errors.get(name),
            p99.get(name),
            budgets.get(name),
            tuple(sorted(firing.get(name, ()))),
        )
        for name, state in sorted(by_service("service:state").items())
    ]


def _name(labels: dict[str, str]) -> str:
    return f"{labels.get('namespace', '')}/{labels['slo_service']}"

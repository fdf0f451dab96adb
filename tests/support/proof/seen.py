"""What the proof knows in one view of a dashboard, from which the truth of its panels is calculated."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from tests.support.dashboard.variables import ALL, TimeRange
from tests.support.proof.client import Sent, count
from tests.support.proof.lab import CHECKOUT, STAGING, STORAGE, Process

SERVICES = (STORAGE, CHECKOUT, STAGING)
Service = tuple[str, str]


@dataclass(frozen=True)
class Phase:
    """A part of the run in which nothing changes; `shown` begins when every window has filled."""

    name: str
    began: float
    shown: TimeRange
    sent: Sequence[Sent]
    """What was answered since it began."""
    up: Collection[str]
    """The pods that run."""


@dataclass(frozen=True)
class Seen:
    phase: Phase
    variables: Mapping[str, tuple[str, ...]]
    processes: Sequence[Process]
    """Every pod of the services, running or not."""

    @property
    def shown(self) -> TimeRange:
        return self.phase.shown

    @property
    def seconds(self) -> float:
        """The length of what the client counted, for rates."""
        return self.shown.end - self.phase.began

    @property
    def services(self) -> list[Service]:
        """The services of the chosen namespaces, and of the chosen service if there is that variable."""
        namespaces = self.variables.get("namespace", (ALL,))
        names = self.variables.get("service", (ALL,))
        return [
            service
            for service in SERVICES
            if (namespaces == (ALL,) or service[0] in namespaces) and (names == (ALL,) or service[1] in names)
        ]

    @property
    def service(self) -> Service:
        """The one service that is chosen."""
        (service,) = self.services
        return service

    def pods(self, service: Service) -> list[Process]:
        return [process for process in self.processes if process.service == service]

    def is_up(self, pod: Process) -> bool:
        return pod.pod in self.phase.up

    def targets_up(self, service: Service) -> int:
        return sum(self.is_up(pod) for pod in self.pods(service))

    def sent(self, service: Service, **fields: str | Collection[str]) -> list[Sent]:
        """The requests of a service in this phase, with these values of the fields of Sent."""
        wanted = {name: {value} if isinstance(value, str) else value for name, value in fields.items()}
        return [
            one
            for one in self.phase.sent
            if one.service == service and all(getattr(one, name) in values for name, values in wanted.items())
        ]

    def rates(self, service: Service, *by: str, **fields: str | Collection[str]) -> dict:
        """Requests per second by fields of Sent: by the value if it is one field, else by a tuple."""
        counts: Counter = count(self.sent(service, **fields), *by)
        return {key[0] if len(by) == 1 else key: number / self.seconds for key, number in counts.items()}

    def rate(self, service: Service, **fields: str | Collection[str]) -> float:
        return len(self.sent(service, **fields)) / self.seconds

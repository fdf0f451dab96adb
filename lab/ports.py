"""The local ports that the parts listen on, and checks that they are free."""

import contextlib
import socket
from dataclasses import asdict, dataclass
from typing import ClassVar

import psutil

from lab.errors import LabError

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """The port of each part."""

    service: int
    metrics: int
    """The storage API's metrics port, used if the values set `storage-api.metrics.port`."""
    prometheus: int
    alertmanager: int
    grafana: int
    checkout: int
    receiver: int

    KNOWN: ClassVar[dict[str, tuple[str, int]]] = {
        "service": ("PORT", 5000),
        "metrics": ("METRICS_PORT", 9797),
        "prometheus": ("PROMETHEUS_PORT", 9090),
        "alertmanager": ("ALERTMANAGER_PORT", 9093),
        "grafana": ("GRAFANA_PORT", 3000),
        "checkout": ("CHECKOUT_PORT", 8000),
        "receiver": ("RECEIVER_PORT", 9094),
    }
    """The variable that changes each part's port, and its default."""

    def __post_init__(self) -> None:
        for name, port in asdict(self).items():
            for other, same in asdict(self).items():
                if name < other and port == same:
                    raise LabError(f"{self.KNOWN[name][0]} and {self.KNOWN[other][0]} are both {port}")

    @classmethod
    def free(cls) -> "Ports":
        """Ports that are free at this moment."""
        with contextlib.ExitStack() as stack:
            sockets = {name: stack.enter_context(socket.socket()) for name in cls.KNOWN}
            for one in sockets.values():
                one.bind((HOST, 0))
            return cls(**{name: one.getsockname()[1] for name, one in sockets.items()})

    def address(self, part: str) -> str:
        return f"{HOST}:{getattr(self, part)}"

    def url(self, part: str) -> str:
        return f"http://{self.address(part)}"

    def require_free(self, part: str) -> None:
        """Raises LabError if another process listens on the part's port."""
        port = getattr(self, part)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
                return
            except PermissionError:
                reason = "is reserved"
            except OSError:
                reason = f"is in use{_holder(port)}"
        raise LabError(f"port {port} {reason}; {self.KNOWN[part][0]} changes it")


def _holder(port: int) -> str:
    """` by name (pid N)`, or empty if this user may not see the process."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return ""

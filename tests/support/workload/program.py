"""The program of the measured pods: it uses known amounts, or exits a known number of times.

    python -c "$(cat program.py)"

ROLE, or else the number at the end of the pod's name, says what it does; the amounts are in the environment.
Port 8000 serves the program's own counts as metrics, with which those of Kubernetes are compared.
"""

import contextlib
import http.server
import os
import pathlib
import socket
import sys
import threading
import time

STARTED = time.monotonic()
TURN_SECONDS = 0.05
COUNTS = {"held_bytes": 0, "sent_datagrams_total": 0, "received_datagrams_total": 0}


def number(name: str) -> float:
    return float(os.environ[name])


def spin() -> None:
    """Ask for a whole core; the container's limit grants less."""
    while True:
        pass


def pace() -> None:
    """Use PACED_CORES; take STEP_BYTES more every STEP_SECONDS, STEPS times; send DATAGRAMS per second."""
    held, sink, begun = [], None, 0.0
    payload = bytes(int(number("DATAGRAM_BYTES")))
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    while True:
        elapsed = time.monotonic() - STARTED
        if len(held) < min(elapsed // number("STEP_SECONDS"), number("STEPS")):
            held.append(b"\1" * int(number("STEP_BYTES")))  # written, so that it occupies memory
            COUNTS["held_bytes"] += len(held[-1])
        if sink is None:
            try:
                sink = socket.getaddrinfo("idle", int(number("PORT")), socket.AF_INET)[0][4]
                begun = elapsed
            except OSError:  # the receiver is not ready yet
                time.sleep(0.5)
        while sink and COUNTS["sent_datagrams_total"] < (elapsed - begun) * number("DATAGRAMS"):
            out.sendto(payload, sink)
            COUNTS["sent_datagrams_total"] += 1
        # No more than the share of this turn: if the machine is busy, what was missed is not made up for.
        until = time.process_time() + number("PACED_CORES") * TURN_SECONDS
        while time.process_time() < until:
            pass
        time.sleep(TURN_SECONDS * (1 - number("PACED_CORES")))


def restart() -> None:
    """Exit RESTARTS times, each after RUN_SECONDS; after that stay."""
    exits = pathlib.Path("/state/exits")
    before = len(exits.read_bytes()) if exits.exists() else 0
    if before < number("RESTARTS"):
        time.sleep(number("RUN_SECONDS"))
        exits.write_bytes(bytes(before + 1))
        sys.exit(3)
    sleep()


def crash() -> None:
    """Exit at once, always."""
    sys.exit(1)


def receive() -> None:
    """Take the datagrams that another pod sends."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("", int(number("PORT"))))
    while True:
        receiver.recv(65536)
        COUNTS["received_datagrams_total"] += 1


def sleep() -> None:
    time.sleep(1e6)


def periods() -> dict[str, str]:
    """How many periods of its CPU limit the container had, and in how many of them it was throttled."""
    for path in (
        "/sys/fs/cgroup/cpu.stat",
        "/sys/fs/cgroup/cpu/cpu.stat",
    ):  # cgroups of version 2, of version 1
        with contextlib.suppress(OSError):
            found = dict(line.split() for line in pathlib.Path(path).read_text().splitlines())
            return {"periods_total": found["nr_periods"], "throttled_periods_total": found["nr_throttled"]}
    return {}


class Page(http.server.BaseHTTPRequestHandler):
    """Answers every GET with the program's own counts."""

    def do_GET(self) -> None:
        counts = {"process_cpu_seconds_total": time.process_time(), **COUNTS, **periods()}
        body = "".join(f"{name} {value}\n" for name, value in counts.items()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


ROLES = {"0": spin, "1": pace, "2": restart, "3": crash, "receive": receive, "sleep": sleep}
threading.Thread(target=http.server.ThreadingHTTPServer(("", 8000), Page).serve_forever, daemon=True).start()
ROLES[os.environ.get("ROLE") or os.environ["HOSTNAME"].rpartition("-")[2]]()

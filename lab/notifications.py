"""Notifications that Alertmanager delivered, and the webhook that keeps them: `python -m lab.notifications`.

POST /alerts/<name>   Alertmanager's webhook of the receiver <name>, payload version 4
GET  /notifications   what was delivered last, newest first, as JSON
GET  /healthz
"""

import argparse
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

KEPT = 500
"""At most so many notifications are kept."""
MAX_BODY_BYTES = 4 * 1024 * 1024
_FILE = "notifications.json"


@dataclass(frozen=True)
class Notification:
    """One alert of one delivery."""

    at: float
    """When it was delivered, in seconds since the epoch."""
    receiver: str
    """The receiver, such as `pager`."""
    status: str
    """`firing` or `resolved`."""
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


def read(folder: Path) -> list[Notification]:
    """The alerts that were delivered, newest first; empty without any."""
    try:
        return [Notification(**item) for item in json.loads((folder / _FILE).read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []


class Kept:
    """The notifications in a folder's file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def text(self) -> str:
        return json.dumps([asdict(one) for one in read(self._folder)])

    def add(self, receiver: str, payload: Mapping[str, Any]) -> None:
        """Adds the alerts of one delivery; raises KeyError, TypeError or ValueError for another body."""
        now = time.time()
        found = [
            Notification(now, receiver, alert["status"], dict(alert["labels"]), dict(alert["annotations"]))
            for alert in payload["alerts"]
        ]
        with self._lock:
            kept = [asdict(one) for one in [*found, *read(self._folder)][:KEPT]]
            # Readers see the old file or the new one, never a part.
            new = self._folder / f"{_FILE}.new"
            new.write_text(json.dumps(kept), encoding="utf-8")
            new.replace(self._folder / _FILE)


class _Handler(BaseHTTPRequestHandler):
    kept: Kept
    origin: str

    def do_GET(self) -> None:
        if self.path == "/healthz":
            self._answer(HTTPStatus.OK, "ok\n", "text/plain")
        elif self.path == "/notifications":
            self._answer(HTTPStatus.OK, self.kept.text(), "application/json")
        else:
            self._answer(HTTPStatus.NOT_FOUND, "not found\n", "text/plain")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length") or ""
        _, alerts, receiver = self.path.rpartition("/alerts/")
        if not (alerts and receiver):
            self._answer(HTTPStatus.NOT_FOUND, "not found\n", "text/plain")
        elif not (length.isascii() and length.isdigit()) or int(length) > MAX_BODY_BYTES:
            message = f"Content-Length must be a number up to {MAX_BODY_BYTES}\n"
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, "text/plain")
        else:
            try:
                self.kept.add(receiver, json.loads(self.rfile.read(int(length))))
            except (ValueError, KeyError, TypeError) as error:
                message = f"not a webhook payload of Alertmanager: {error!r}\n"
                self._answer(HTTPStatus.BAD_REQUEST, message, "text/plain")
                return
            self._answer(HTTPStatus.OK, "", "text/plain")

    def _answer(self, status: HTTPStatus, text: str, kind: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Access-Control-Allow-Origin", self.origin)
        self.end_headers()
        self.wfile.write(body)


def serve(host: str, port: int, folder: Path, origin: str) -> ThreadingHTTPServer:
    """The server, listening; pages of the origin may read it. The caller runs `serve_forever`."""
    handler = type("Handler", (_Handler,), {"kept": Kept(folder), "origin": origin})
    return ThreadingHTTPServer((host, port), handler)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--origin", required=True, help="origin of pages that may read what was delivered")
    options = parser.parse_args()
    serve(options.host, options.port, Path.cwd(), options.origin).serve_forever()


if __name__ == "__main__":
    main()

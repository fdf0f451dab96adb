"""An API server in a thread that answers from a recording of a real one, and can be changed by a test."""

import json
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

Object = dict[str, Any]
_PATH = re.compile(r"(/api/v1|/apis/[^/]+/[^/]+)(?:/namespaces/([^/]+))?/([a-z]+)(?:/([^/]+))?")
TOKEN = "good"  # noqa: S105 (of a server that holds nothing)


class KubernetesApi:
    """The state of the server; tests change the public attributes."""

    def __init__(self, recording: Path) -> None:
        recorded = json.loads(recording.read_text(encoding="utf-8"))
        self.version: Object = recorded["version"]
        self.discovery: dict[str, Object] = recorded["discovery"]
        self.objects: dict[str, list[Object]] = recorded["objects"]
        """The path of a collection without its namespace -> its objects."""
        self.forbidden = re.compile("$^")
        """Paths that are answered with 403."""
        self.rights = re.compile(".*")
        """Matches `verb group/resource namespace` of what a SelfSubjectAccessReview allows."""
        self.page = 500
        """The largest number of objects in one response."""
        self.replies: dict[str, tuple[int, str]] = {}
        """Path -> status and body of responses that a test sets."""
        self.requests: list[tuple[str, str]] = []
        """Method and path of every request."""
        self.secrets_read = 0
        """The number of requests for Secrets with their contents."""

    def add(self, path: str, name: str, namespace: str = "", **more: Any) -> Object:
        """Add an object with `labels`, `annotations` and other parts, replacing one of the same name."""
        metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
        for key in ("labels", "annotations", "ownerReferences"):
            if key in more:
                metadata[key] = more.pop(key)
        self.remove(path, name, namespace)
        self.objects.setdefault(path, []).append({"metadata": metadata, **more})
        return self.objects[path][-1]

    def remove(self, path: str, name: str = "", namespace: str = "") -> None:
        """Remove one object, or without a name all of a collection."""
        self.objects[path] = [
            each
            for each in self.objects.get(path, ())
            if name and (each["metadata"]["name"], each["metadata"].get("namespace", "")) != (name, namespace)
        ]

    def answer(self, method: str, target: str, token: str | None, body: Object) -> tuple[int, Any]:
        """The status and the JSON of a response."""
        url = urlsplit(target)
        query = dict(parse_qsl(url.query))
        self.requests.append((method, url.path))
        if url.path in self.replies:
            return self.replies[url.path]
        if refusal := self._refusal(method, url.path, token):
            return refusal
        if url.path.endswith("/selfsubjectaccessreviews"):
            asked = body["spec"]["resourceAttributes"]
            line = f"{asked['verb']} {asked['group']}/{asked['resource']} {asked['namespace']}"
            return 201, body | {"status": {"allowed": bool(self.rights.fullmatch(line))}}
        if url.path == "/version":
            return 200, self.version
        return (200, self.discovery[url.path]) if url.path in self.discovery else self._read(url.path, query)

    def _refusal(self, method: str, path: str, token: str | None) -> tuple[int, Any] | None:
        """As a real server does: anybody may ask for the version, but not with a wrong token."""
        if token not in (None, TOKEN):
            return self._status(401, "Unauthorized")
        if token is None and path != "/version":
            return self._status(403, 'forbidden: User "system:anonymous" cannot do this')
        if self.forbidden.search(path):
            return self._status(403, f'forbidden: User "jane" cannot {method} {path}')
        return None

    def _read(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        if not (match := _PATH.fullmatch(path)):
            return self._status(404, "the server could not find the requested resource")
        group, namespace, plural, name = match.groups()
        served = {each["name"] for each in self.discovery.get(group, {}).get("resources", ())}
        if plural not in served:
            return self._status(404, "the server could not find the requested resource")
        pairs = [pair.split("=", 1) for pair in query.get("labelSelector", "").split(",") if pair]
        found = [
            each
            for each in self.objects.get(f"{group}/{plural}", ())
            if (not namespace or each["metadata"].get("namespace") == namespace)
            and all((each["metadata"].get("labels") or {}).get(key) == value for key, value in pairs)
        ]
        if name:
            one = next((each for each in found if each["metadata"]["name"] == name), None)
            return (200, one) if one else self._status(404, f'{plural} "{name}" not found')
        start, limit = int(query.get("continue", 0)), min(int(query["limit"]), self.page)
        rest = start + limit < len(found)
        metadata = {"continue": str(start + limit)} if rest else {}
        return 200, {"kind": "List", "metadata": metadata, "items": found[start : start + limit]}

    @staticmethod
    def _status(code: int, message: str) -> tuple[int, Object]:
        return code, {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "message": message,
            "code": code,
        }

    @contextmanager
    def serve(self, certificate: Path | None = None) -> Iterator[str]:
        """Serve while the block runs, with TLS if there is a certificate; yields the URL."""
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if "/secrets" in self.path and "PartialObjectMetadata" not in self.headers["Accept"]:
                    api.secrets_read += 1
                token = self.headers.get("Authorization", "").removeprefix("Bearer ") or None
                status, body = api.answer(self.command, self.path, token, json.loads(text or "{}"))
                data = (body if isinstance(body, str) else json.dumps(body)).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                """Nothing: the requests are kept."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """Nothing: clients that reject the certificate hang up."""

        server = Server(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def kubeconfig(path: Path, server: str, *, user: Object | None = None, **cluster: Any) -> Path:
    """Write a kubeconfig with one context, `test`."""
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "test",
                "contexts": [{"name": "test", "context": {"cluster": "one", "user": "me"}}],
                "clusters": [{"name": "one", "cluster": {"server": server, **cluster}}],
                "users": [{"name": "me", "user": {"token": TOKEN} if user is None else user}],
            }
        ),
        encoding="utf-8",
    )
    return path

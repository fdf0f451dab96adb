"""Clients of the HTTP APIs of Prometheus and Alertmanager."""

from typing import Any

import requests

from lab.errors import LabError

TIMEOUT_SECONDS = 10


class Server:
    """A server at its URL."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, **parameters: Any) -> Any:
        """The decoded JSON response; raises LabError with the server's error message."""
        return self._answer("GET", path, params=parameters)

    def post(self, path: str, body: Any) -> Any:
        """Sends a JSON body; returns and raises what `get` does."""
        return self._answer("POST", path, json=body)

    def _answer(self, method: str, path: str, **more: Any) -> Any:
        try:
            response = requests.request(method, f"{self.url}{path}", timeout=TIMEOUT_SECONDS, **more)
            body = response.json()
        except requests.RequestException as error:
            raise LabError(f"no answer from {self.url}{path}: {type(error).__name__}") from error
        if not response.ok:
            raise LabError(f"{self.url}{path}: {body.get('error', body)}")
        return body


class Prometheus(Server):
    """Prometheus' HTTP API v1."""

    def query(self, expression: str, time: float | None = None) -> list[dict[str, Any]]:
        """An instant vector, each with `metric` and `value`: [seconds, text]."""
        parameters = {"query": expression} | ({} if time is None else {"time": time})
        data = self._answer("POST", "/api/v1/query", data=parameters)["data"]
        if data["resultType"] == "scalar":
            return [{"metric": {}, "value": data["result"]}]
        return data["result"]

    def query_range(self, expression: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        """A range vector, each with `metric` and `values`; times and step in seconds."""
        parameters = {"query": expression, "start": start, "end": end, "step": step}
        return self._answer("POST", "/api/v1/query_range", data=parameters)["data"]["result"]

    def value(self, expression: str, time: float | None = None) -> float | None:
        """The value of an expression's first series, or None if the result is empty."""
        found = self.query(expression, time)
        return float(found[0]["value"][1]) if found else None

    def targets(self) -> list[dict[str, Any]]:
        """The active targets."""
        return self.get("/api/v1/targets", state="active")["data"]["activeTargets"]

    def rules(self) -> list[dict[str, Any]]:
        """Every rule of every group."""
        groups = self.get("/api/v1/rules")["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def config(self) -> str:
        """The configuration in force, as YAML."""
        return self.get("/api/v1/status/config")["data"]["yaml"]


class Alertmanager(Server):
    """Alertmanager's HTTP API v2."""

    def alerts(self) -> list[dict[str, Any]]:
        return self.get("/api/v2/alerts")

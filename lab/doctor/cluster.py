"""Reads objects of a cluster; creates nothing: a SelfSubjectAccessReview is a question that is not stored."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.doctor.connection import CONNECTION_ERRORS, Connection, Unreachable, explain

TIMEOUT_SECONDS = (5, 10)
"""To connect, and between two bytes of a response."""
PAGE = 500
THREADS = 8
"""For checks that ask many questions at a time."""
Object = dict[str, Any]
_METADATA = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1,application/json"


class Denied(Exception):
    """The user may not read a resource; the message is what was denied, such as `list pods`."""


@dataclass(frozen=True)
class Resource:
    """A kind that the API server serves."""

    api_version: str
    plural: str
    namespaced: bool

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]

    def path(self, namespace: str = "", name: str = "") -> str:
        """The path of the collection, or of one object; without a namespace, that of all namespaces."""
        parts = ["/apis" if self.group else "/api", self.api_version]
        parts += ["namespaces", namespace] if self.namespaced and namespace else []
        return "/".join([*parts, self.plural, *([name] if name else [])])


class Cluster:
    """The cluster of a connection; methods raise Denied, and Unreachable if it stops to answer."""

    def __init__(self, connection: Connection) -> None:
        self._api = connection.api
        self.context = connection.context
        self.server = connection.server

    @functools.cached_property
    def version(self) -> str:
        """The version of the API server, such as `v1.35.4` or `v1.33.1-eks-1234567`."""
        found = self.get("/version")
        if not found or "gitVersion" not in found:
            raise self._no_api_server("it does not tell a Kubernetes version")
        return found["gitVersion"]

    def get(self, path: str, *, metadata_only: bool = False) -> Object | None:
        """The object at a path; None if there is none."""
        return self._ask("GET", path, accept=_METADATA.format("") if metadata_only else "application/json")

    def items(self, path: str, *, selector: str = "", metadata_only: bool = False) -> list[Object]:
        """All objects of a collection, optionally those whose labels match; none if it is not served."""
        accept = _METADATA.format("List") if metadata_only else "application/json"
        query = {"limit": str(PAGE)} | ({"labelSelector": selector} if selector else {})
        found: list[Object] = []
        while (page := self._ask("GET", path, accept=accept, query=query)) is not None:
            found += page.get("items") or []
            if not (token := (page.get("metadata") or {}).get("continue")):
                break
            query["continue"] = token
        return found

    def resource(self, api_version: str, kind: str) -> Resource | None:
        """The resource of a kind; None if the API server does not serve it."""
        return self._served(api_version).get(kind)

    @functools.cache  # noqa: B019 (a process reads one cluster)
    def _served(self, api_version: str) -> dict[str, Resource]:
        found = self.get(f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}") or {}
        return {
            each["kind"]: Resource(api_version, each["name"], each["namespaced"])
            for each in found.get("resources", ())
            if "/" not in each["name"]  # no subresources
        }

    def may(self, verb: str, group: str, plural: str, namespace: str = "") -> bool:
        """True if the user has a right; without a namespace, in the whole cluster."""
        attributes = {"verb": verb, "group": group, "resource": plural, "namespace": namespace}
        kind = "SelfSubjectAccessReview"
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": kind,
            "spec": {"resourceAttributes": attributes},
        }
        answer = self._ask("POST", f"/apis/authorization.k8s.io/v1/{kind.lower()}s", body=review)
        return bool(answer and answer["status"].get("allowed"))

    def _ask(
        self,
        method: str,
        path: str,
        *,
        accept: str = "application/json",
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
    ) -> Object | None:
        prepared = self._api.param_serialize(
            method,
            path,
            query_params=[*(query or {}).items()],
            header_params={"Accept": accept} | ({"Content-Type": "application/json"} if body else {}),
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            response = self._api.call_api(*prepared, _request_timeout=TIMEOUT_SECONDS)
            text = response.read()
        except CONNECTION_ERRORS as error:
            raise explain(error, self.server) from error
        if response.status == 404:
            return None
        try:
            answer = json.loads(text)
            message = answer.get("message", "")
        except (ValueError, AttributeError):
            raise self._no_api_server(
                f"{path} is answered with {response.status} and no JSON object"
            ) from None
        if response.status == 401:
            raise Unreachable(
                f"{self.server} rejects the credentials of context {self.context}: expired or unknown",
                "log in again, or get a new kubeconfig",
            )
        if response.status == 403 and "system:anonymous" in message:
            raise Unreachable(
                f"the kubeconfig has no credentials for context {self.context}",
                "log in again, or get a new kubeconfig",
            )
        if response.status == 403:
            raise Denied(f"{'read' if method == 'GET' else 'create'} {path}")
        if response.status >= 400:
            raise Unreachable(
                f"{self.server}{path}: {response.status} {message}".splitlines()[0],
                "try again; kubectl get --raw '/readyz?verbose' shows the API server's health",
            )
        return answer

    def _no_api_server(self, reason: str) -> Unreachable:
        return Unreachable(
            f"{self.server} is not a Kubernetes API server: {reason}", "correct the server of the kubeconfig"
        )

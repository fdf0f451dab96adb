"""Connects to the cluster of the kubeconfig, and explains in one line why that fails."""

import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import urllib3
import yaml
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.config import ConfigException, list_kube_config_contexts, load_kube_config

from lab.errors import LabError

CONNECTION_ERRORS = (ApiException, urllib3.exceptions.HTTPError, OSError)
_CONTEXTS = "kubectl config get-contexts lists the contexts; kubectl config use-context chooses one"


class Unreachable(LabError):
    """The cluster does not answer, or not to these credentials; `hint` says what to do."""

    def __init__(self, text: str, hint: str) -> None:
        super().__init__(text)
        self.hint = hint


@dataclass(frozen=True)
class Connection:
    api: ApiClient
    context: str
    server: str


def connect(environment: Mapping[str, str] = os.environ) -> Connection:
    """The client for the context that Helm would use: HELM_KUBECONTEXT, or the kubeconfig's current one.

    Sends no request yet. Raises Unreachable if the kubeconfig can't be used.
    """
    paths = environment.get("KUBECONFIG") or "~/.kube/config"
    if not any(Path(path).expanduser().is_file() for path in paths.split(os.pathsep) if path):
        named = f"KUBECONFIG={paths}" if environment.get("KUBECONFIG") else paths
        raise Unreachable(
            f"there is no kubeconfig: {named} is not a file", "set KUBECONFIG to the cluster's kubeconfig"
        )
    context = environment.get("HELM_KUBECONTEXT") or None
    configuration = Configuration()
    try:
        with _logged() as messages:
            load_kube_config(paths, context, configuration, persist_config=False)
        current = context or list_kube_config_contexts(paths)[1]["name"]
    except ConfigException as error:
        text = re.sub(r"^Invalid kube-config( file)?\. ", "", str(error)).splitlines()[0]
        raise Unreachable(f"the kubeconfig {paths} can't be used: {text}", _CONTEXTS) from error
    except (yaml.YAMLError, OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        detail = error.strerror if isinstance(error, OSError) else "it is not the YAML of a kubeconfig"
        raise Unreachable(f"the kubeconfig {paths} can't be used: {detail}", _CONTEXTS) from error
    if messages:
        # The client goes on without credentials, and would only be told that it is anonymous.
        raise Unreachable(
            f"the program that gets the credentials of context {current} failed: {messages[0]}",
            "log in again, or put the program that the kubeconfig names under exec on PATH",
        )
    configuration.retries = False
    return Connection(ApiClient(configuration), current, configuration.host)


class _logged(logging.Handler):
    """Collects the first lines of errors that are logged while the block runs."""

    def __enter__(self) -> list[str]:
        self.messages: list[str] = []
        logging.getLogger().addHandler(self)
        return self.messages

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            self.messages.append(record.getMessage().splitlines()[0])

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)


_REASONS = (
    # What the client's error says, what that means, what to do.
    ("alert certificate expired", "the client certificate of the kubeconfig has expired", "log in again"),
    (
        "certificate has expired",
        "the certificate of the API server has expired",
        "renew it (kubeadm certs renew all), and check this machine's clock",
    ),
    ("not yet valid", "the certificate of the API server is not valid yet", "check this machine's clock"),
    (
        "CERTIFICATE_VERIFY_FAILED",
        "the certificate of the API server is not signed by the kubeconfig's certificate authority, or names "
        "another host",
        "the kubeconfig may be that of a deleted cluster: get the kubeconfig again",
    ),
    ("WRONG_VERSION_NUMBER", "it does not speak TLS", "correct the server of the kubeconfig"),
    (
        "NameResolutionError",
        "the name of the host is unknown",
        "the cluster may be deleted, or reachable only through a VPN",
    ),
    (
        "Connection refused",
        "the connection is refused",
        "start the cluster, or choose another context: " + _CONTEXTS,
    ),
    ("timed out", "it does not answer in time", "check VPN, proxy and firewall"),
)


def explain(error: Exception, server: str) -> Unreachable:
    """The error of a request that got no response, for people."""
    said = f"{type(error).__name__} {error} {getattr(error, 'reason', '')}"
    for part, meaning, hint in _REASONS:
        if part in said:
            return Unreachable(f"no cluster at {server}: {meaning}", hint)
    detail = " ".join(said.split())[:200]
    return Unreachable(
        f"no cluster at {server}: {detail}", "check the server of the kubeconfig: " + _CONTEXTS
    )

"""A cluster and a release in it through kubectl and helm; every call is bounded in time."""

import contextlib
import json
import re
import select
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from lab import toolchain
from lab.render.chart import KubernetesLoader

Object = dict[str, Any]
Found = TypeVar("Found")
SECONDS = 60
# Who made a namespace, so that the next run may remove what a killed one left.
MANAGED_BY = {"app.kubernetes.io/managed-by": "observability-platform-e2e"}
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}


# A policy drops what it forbids: the other side never answers.
CONNECT = """
import socket, sys
address = socket.getaddrinfo(sys.argv[1], int(sys.argv[2]), socket.AF_INET)[0][4]
try:
    socket.create_connection(address, timeout=2).close()
    print("open")
except (TimeoutError, ConnectionRefusedError):
    print("closed")
"""


class CommandError(Exception):
    """kubectl or helm refused; the message is the command and its own words."""


def run(
    command: Sequence[str | Path], *, given: str | None = None, seconds: float = SECONDS
) -> subprocess.CompletedProcess[str]:
    """What a command printed; raises CommandError where it fails or takes longer than `seconds`."""
    words = [str(word) for word in command]
    said = f"{Path(words[0]).name} {' '.join(words[1:])}"
    try:
        done = subprocess.run(
            words, input=given, capture_output=True, text=True, errors="replace", timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise CommandError(f"{said}: no end after {seconds} s") from None
    if done.returncode != 0:
        raise CommandError(f"{said}\n{done.stderr.strip() or done.stdout.strip()}")
    return done


def wait_for(look: Callable[[], Found], seconds: float, what: str) -> Found:
    """The first true answer of `look`; after `seconds` an AssertionError with the last one."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}; last seen: {found!r}"
        time.sleep(0.3)
    return found


def documents(manifest: str) -> list[Object]:
    """The objects of a manifest with several documents."""
    return [o for o in yaml.load_all(manifest, Loader=KubernetesLoader) if o]


def python_pod(name: str, namespace: str, image: str, labels: Mapping[str, str] | None = None) -> Object:
    """A pod that answers HTTP on port 8000 and may run where PodSecurity is `restricted`."""
    container = {
        "name": "python",
        "image": image,
        "command": ["python", "-m", "http.server", "8000", "--directory", "/app"],
        "readinessProbe": {"httpGet": {"path": "/", "port": 8000}, "periodSeconds": 1},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
    }
    spec = {
        "containers": [container],
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    metadata = {"name": name, "namespace": namespace, "labels": {"app": name, **(labels or {})}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


class Cluster:
    """The cluster of KUBECONFIG's current context."""

    def __init__(self) -> None:
        """Raises CommandError where there is none that answers."""
        self.context = self.kubectl("config", "current-context", seconds=10).strip()
        version = json.loads(self.kubectl("version", "--output=json", "--request-timeout=10s", seconds=20))
        self.version = version["serverVersion"]["gitVersion"]
        self.namespaces: list[str] = []
        """What this run made, for cleaning up and for explaining failures."""

    def kubectl(self, *arguments: str | Path, given: str | None = None, seconds: float = SECONDS) -> str:
        return run([toolchain.kubectl(), *arguments], given=given, seconds=seconds).stdout

    def get(self, kind: str, name: str = "", namespace: str = "", selector: str = "") -> Object:
        """One object, or a list of the kind; raises CommandError."""
        where = ["--namespace", namespace] if namespace else ["--all-namespaces"]
        which = [name] if name else ["--selector", selector] if selector else []
        return json.loads(self.kubectl("get", kind, *which, *where, "--output=json"))

    def serves(self, resource: str) -> bool:
        """Whether the API server knows a resource, such as `prometheusrules.monitoring.coreos.com`."""
        try:
            self.kubectl("get", resource, "--all-namespaces", "--output=name", "--request-timeout=10s")
        except CommandError:
            return False
        return True

    def apply(self, *objects: Object, dry_run: bool = False) -> str:
        """What the API server warned of; raises CommandError with its reason where it refuses one."""
        command = [toolchain.kubectl(), "apply", "--server-side", "--filename=-", "--field-manager=e2e"]
        # Nothing is changed then: what another release owns is no reason to refuse.
        command += ["--dry-run=server", "--force-conflicts"] if dry_run else []
        return run(command, given=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})).stderr

    def create_namespace(self, name: str) -> None:
        """A `restricted` one: what a killed run of ours left is removed, another's is not touched."""
        found = self.get("namespace", selector=f"kubernetes.io/metadata.name={name}")["items"]
        if found and not MANAGED_BY.items() <= found[0]["metadata"]["labels"].items():
            raise CommandError(f"the namespace {name} exists and is not of these tests: remove it first")
        if found:
            self.namespaces.append(name)
            self.delete_namespace(name)
        metadata = {"name": name, "labels": {**RESTRICTED, **MANAGED_BY}}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        self.namespaces.append(name)

    def delete_namespace(self, name: str, *, wait: bool = True) -> None:
        """With its releases, that may have more elsewhere; `close` waits for what was not waited for here."""
        inside = ["--namespace", name]
        for release in run([toolchain.helm(), "list", "--short", *inside]).stdout.split():
            with contextlib.suppress(CommandError):  # one that a killed run left half done
                run([toolchain.helm(), "uninstall", release, *inside])
        self.kubectl("delete", "namespace", name, "--ignore-not-found", "--wait=false")
        if wait:
            gone = ["--for=delete", "--timeout=120s"]
            self.kubectl("wait", f"namespace/{name}", *gone, seconds=130)
            self.namespaces.remove(name)

    def close(self) -> None:
        """Removes every namespace that this run made."""
        for wait in (False, True):
            for name in list(self.namespaces):
                self.delete_namespace(name, wait=wait)

    def start(self, *pods: Object) -> None:
        """Starts pods, and waits until each is ready."""
        self.apply(*pods)
        for pod in pods:
            self.wait_ready(pod["metadata"]["name"], pod["metadata"]["namespace"])

    def wait_ready(self, pod: str, namespace: str) -> None:
        ready = ["--for=condition=Ready", "--timeout=60s"]
        self.kubectl("wait", f"pod/{pod}", f"--namespace={namespace}", *ready, seconds=70)

    def python(self, pod: str, namespace: str, code: str, *arguments: str) -> str:
        """What Python code prints in a pod that has the service's image."""
        command = ["exec", pod, f"--namespace={namespace}", "--", "python", "-c", code, *arguments]
        return self.kubectl(*command).strip()

    def reaches(self, pod: str, namespace: str, host: str, port: int) -> bool:
        """Whether a pod can open a connection; a name is resolved first, and must be known."""
        return self.python(pod, namespace, CONNECT, host, str(port)) == "open"

    @contextlib.contextmanager
    def forward(self, service: str, namespace: str, port: int | str) -> Iterator[str]:
        """A URL on loopback that leads to one pod behind a Service."""
        command = ["port-forward", f"service/{service}", f":{port}", f"--namespace={namespace}"]
        process = subprocess.Popen(
            [toolchain.kubectl(), *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            # One line comes when it listens, or when it gives up.
            line = (
                process.stdout.readline() if select.select([process.stdout], [], [], 20)[0] else "no answer"
            )
            if not (found := re.match(r"Forwarding from (127\.0\.0\.1:\d+)", line)):
                raise CommandError(f"kubectl {' '.join(command)}\n{line.strip()}")
            yield f"http://{found[1]}"
        finally:
            process.terminate()
            process.wait(10)
            process.stdout.close()

    def explain(self) -> str:
        """Pods, events and the last lines of every pod's log, of the namespaces that this run made."""
        said = []
        for namespace in self.namespaces:
            inside = f"--namespace={namespace}"
            said += [
                self._try(
                    "get", "statefulsets,deployments,replicasets,pods,pvc,hpa", inside, "--output=wide"
                ),
                self._try("get", "events", inside, "--sort-by=.lastTimestamp"),
            ]
            for pod in self._try("get", "pods", inside, "--output=name").split():
                said.append(f"--- {pod}")
                said.append(self._try("logs", pod, inside, "--all-containers", "--tail=20"))
        return "\n".join(said)

    def _try(self, *arguments: str) -> str:
        with contextlib.suppress(CommandError):
            return self.kubectl(*arguments, seconds=20)
        return f"(no answer to kubectl {' '.join(arguments)})"


@dataclass
class Release:
    """One release of a packaged chart in one namespace."""

    cluster: Cluster
    name: str
    namespace: str
    chart: Path
    value_files: tuple[Path, ...] = ()
    values: Object = field(default_factory=dict)
    seconds: int = 120
    """How long helm waits for everything to be ready."""
    warnings: str = ""
    """What helm and the API server warned of at the last install or upgrade."""

    @property
    def service(self) -> str:
        """The storage API's Service, that also names its other objects and the job."""
        return f"{self.name}-storage-api"

    def helm(
        self, *arguments: str | Path, given: str | None = None, seconds: float = 0
    ) -> subprocess.CompletedProcess[str]:
        command = [toolchain.helm(), *arguments, "--namespace", self.namespace]
        return run(command, given=given, seconds=seconds or self.seconds + 30)

    def install(self) -> None:
        """Until everything is ready; raises CommandError."""
        self._apply("install", self.values)

    def upgrade(self, values: Object) -> None:
        """As `install`, with these values instead of the release's."""
        self._apply("upgrade", values)

    def _apply(self, verb: str, values: Object) -> None:
        files = [word for path in self.value_files for word in ("--values", path)]
        options = ["--values", "-", "--wait", f"--timeout={self.seconds}s"]
        done = self.helm(verb, self.name, self.chart, *files, *options, given=json.dumps(values))
        self.warnings = done.stderr

    def rollback(self, revision: int) -> None:
        self.helm("rollback", self.name, str(revision), "--wait", f"--timeout={self.seconds}s")

    def uninstall(self) -> None:
        self.helm("uninstall", self.name, "--wait", f"--timeout={self.seconds}s")

    def test(self) -> str:
        """Helm's account of its tests; raises CommandError where one fails."""
        return self.helm("test", self.name, "--logs", "--timeout=280s", seconds=290).stdout

    def objects(self) -> list[Object]:
        """What the release consists of, hooks left out."""
        return documents(self.helm("get", "manifest", self.name).stdout)

    def pods(self) -> list[Object]:
        """The storage API's pods, those that are ending left out."""
        selector = f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component=api"
        found = self.cluster.get("pods", namespace=self.namespace, selector=selector)["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def is_ready(pod: Object) -> bool:
    """A pod that runs and is ready, or one that has done its work."""
    conditions = {c["type"]: c["status"] for c in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True" or pod["status"].get("phase") == "Succeeded"

"""A cluster and a Helm release in it, controlled through kubectl and helm; every call has a timeout."""

import contextlib
import json
import re
import select
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from lab import toolchain
from lab.render.chart import KubernetesLoader
from tests.support.waiting import wait_until

Object = dict[str, Any]
Found = TypeVar("Found")
SECONDS = 60
# Label of the namespaces that these tests create, so that the next run can remove those of a killed one.
MANAGED_BY = {"app.kubernetes.io/managed-by": "observability-platform-e2e"}
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}


# Tries a TCP connection. A NetworkPolicy drops blocked packets, so a timeout counts as closed.
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
    """kubectl or helm failed; the message holds the command and its error output."""


def run(
    command: Sequence[str | Path], *, given: str | None = None, seconds: float = SECONDS
) -> subprocess.CompletedProcess[str]:
    """Run a command with `given` as its input; raises CommandError if it fails or exceeds `seconds`."""
    words = [str(word) for word in command]
    shown = f"{Path(words[0]).name} {' '.join(words[1:])}"
    try:
        done = subprocess.run(
            words, input=given, capture_output=True, text=True, errors="replace", timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise CommandError(f"{shown}: still running after {seconds} s") from None
    if done.returncode != 0:
        raise CommandError(f"{shown}\n{done.stderr.strip() or done.stdout.strip()}")
    return done


def wait_for(look: Callable[[], Found], seconds: float, what: str) -> Found:
    """Call `look` until it returns something true, and return that; raises AssertionError after `seconds`.

    `what` names the awaited state in the error message, such as "the target is up".
    """
    return wait_until(look, seconds, what, every=0.3)


def documents(manifest: str) -> list[Object]:
    """Parse the objects of a multi-document YAML manifest."""
    return [o for o in yaml.load_all(manifest, Loader=KubernetesLoader) if o]


def python_pod(name: str, namespace: str, image: str, labels: Mapping[str, str] | None = None) -> Object:
    """A pod that serves HTTP on port 8000 and satisfies PodSecurity `restricted`."""
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
        """Raises CommandError if no cluster answers."""
        self.context = self.kubectl("config", "current-context", seconds=10).strip()
        version = json.loads(self.kubectl("version", "--output=json", "--request-timeout=10s", seconds=20))
        self.version = version["serverVersion"]["gitVersion"]
        self.namespaces: list[str] = []
        """Namespaces created by this run, for clean-up and for `explain`."""

    def kubectl(self, *arguments: str | Path, given: str | None = None, seconds: float = SECONDS) -> str:
        return run([toolchain.kubectl(), *arguments], given=given, seconds=seconds).stdout

    def get(self, kind: str, name: str = "", namespace: str = "", selector: str = "") -> Object:
        """Get one object by name, or a List of all objects of a kind; raises CommandError."""
        where = ["--namespace", namespace] if namespace else ["--all-namespaces"]
        which = [name] if name else ["--selector", selector] if selector else []
        return json.loads(self.kubectl("get", kind, *which, *where, "--output=json"))

    def serves(self, resource: str) -> bool:
        """Tell if the API server serves a resource, such as `prometheusrules.monitoring.coreos.com`."""
        try:
            self.kubectl("get", resource, "--all-namespaces", "--output=name", "--request-timeout=10s")
        except CommandError:
            return False
        return True

    def apply(self, *objects: Object, dry_run: bool = False) -> str:
        """Apply objects and return the API server's warnings; raises CommandError if it refuses one."""
        command = [toolchain.kubectl(), "apply", "--server-side", "--filename=-", "--field-manager=e2e"]
        # A dry run changes nothing, so it need not fail on fields that another release owns.
        command += ["--dry-run=server", "--force-conflicts"] if dry_run else []
        return run(command, given=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})).stderr

    def create_namespace(self, name: str) -> None:
        """Create a namespace that enforces PodSecurity `restricted`.

        A namespace of that name left by a killed run is removed first. Raises CommandError if it belongs to
        someone else.
        """
        found = self.get("namespace", selector=f"kubernetes.io/metadata.name={name}")["items"]
        if found and not MANAGED_BY.items() <= found[0]["metadata"]["labels"].items():
            raise CommandError(
                f"the namespace {name} exists and was not created by these tests: remove it first"
            )
        if found:
            self.namespaces.append(name)
            self.delete_namespace(name)
        metadata = {"name": name, "labels": {**RESTRICTED, **MANAGED_BY}}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        self.namespaces.append(name)

    def delete_namespace(self, name: str, *, wait: bool = True) -> None:
        """Uninstall the releases in a namespace, which may own objects elsewhere, and delete the namespace.

        With `wait=False` the deletion continues in the background, and `close` waits for it.
        """
        inside = ["--namespace", name]
        for release in run([toolchain.helm(), "list", "--short", *inside]).stdout.split():
            with contextlib.suppress(CommandError):  # half-installed by a killed run
                run([toolchain.helm(), "uninstall", release, *inside])
        self.kubectl("delete", "namespace", name, "--ignore-not-found", "--wait=false")
        if wait:
            gone = ["--for=delete", "--timeout=120s"]
            self.kubectl("wait", f"namespace/{name}", *gone, seconds=130)
            self.namespaces.remove(name)

    def close(self) -> None:
        """Delete every namespace that this run created."""
        for wait in (False, True):
            for name in list(self.namespaces):
                self.delete_namespace(name, wait=wait)

    def start(self, *pods: Object) -> None:
        """Start pods and wait until each is ready."""
        self.apply(*pods)
        for pod in pods:
            self.wait_ready(pod["metadata"]["name"], pod["metadata"]["namespace"])

    def wait_ready(self, pod: str, namespace: str) -> None:
        ready = ["--for=condition=Ready", "--timeout=60s"]
        self.kubectl("wait", f"pod/{pod}", f"--namespace={namespace}", *ready, seconds=70)

    def python(self, pod: str, namespace: str, code: str, *arguments: str) -> str:
        """Run Python code in a pod of the service's image and return its output."""
        command = ["exec", pod, f"--namespace={namespace}", "--", "python", "-c", code, *arguments]
        return self.kubectl(*command).strip()

    def reaches(self, pod: str, namespace: str, host: str, port: int) -> bool:
        """Tell if a pod can open a TCP connection; raises CommandError if it cannot resolve `host`."""
        return self.python(pod, namespace, CONNECT, host, str(port)) == "open"

    @contextlib.contextmanager
    def forward(self, service: str, namespace: str, port: int | str) -> Iterator[str]:
        """Forward a Service's port (to one of its pods) while the block runs; yields the local URL."""
        command = ["port-forward", f"service/{service}", f":{port}", f"--namespace={namespace}"]
        process = subprocess.Popen(
            [toolchain.kubectl(), *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            # kubectl prints one line when it is listening, or when it fails.
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
        """Pods, events and the last lines of every pod's log, for the namespaces that this run created."""
        report = []
        for namespace in self.namespaces:
            inside = f"--namespace={namespace}"
            report += [
                self._try(
                    "get", "statefulsets,deployments,replicasets,pods,pvc,hpa", inside, "--output=wide"
                ),
                self._try("get", "events", inside, "--sort-by=.lastTimestamp"),
            ]
            for pod in self._try("get", "pods", inside, "--output=name").split():
                report.append(f"--- {pod}")
                report.append(self._try("logs", pod, inside, "--all-containers", "--tail=20"))
        return "\n".join(report)

    def _try(self, *arguments: str) -> str:
        with contextlib.suppress(CommandError):
            return self.kubectl(*arguments, seconds=20)
        return f"(failed: kubectl {' '.join(arguments)})"


@dataclass
class Release:
    """A release of a packaged chart in a namespace."""

    cluster: Cluster
    name: str
    namespace: str
    chart: Path
    value_files: tuple[Path, ...] = ()
    values: Object = field(default_factory=dict)
    seconds: int = 120
    """Helm's timeout for everything to be ready."""
    warnings: str = ""
    """Warnings of helm and the API server during the last install or upgrade."""

    @property
    def service(self) -> str:
        """Name of the storage API's Service, of its other objects, and of the job in Prometheus."""
        return f"{self.name}-storage-api"

    @property
    def selector(self) -> str:
        """Label selector of the storage API's pods."""
        return f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component=api"

    def helm(
        self, *arguments: str | Path, given: str | None = None, seconds: float = 0
    ) -> subprocess.CompletedProcess[str]:
        command = [toolchain.helm(), *arguments, "--namespace", self.namespace]
        return run(command, given=given, seconds=seconds or self.seconds + 30)

    def install(self) -> None:
        """Install and wait until everything is ready; raises CommandError."""
        self._apply("install", self.values)

    def upgrade(self, values: Object, *options: str) -> None:
        """Upgrade to other values and wait until everything is ready; raises CommandError.

        `options` are helm's, such as `--reset-then-reuse-values`, with which the values are only the changes.
        """
        self._apply("upgrade", values, *options)

    def _apply(self, verb: str, values: Object, *more: str) -> None:
        files = [word for path in self.value_files for word in ("--values", path)]
        options = ["--values", "-", "--wait", f"--timeout={self.seconds}s", *more]
        done = self.helm(verb, self.name, self.chart, *files, *options, given=json.dumps(values))
        self.warnings = done.stderr

    def rollback(self, revision: int) -> None:
        self.helm("rollback", self.name, str(revision), "--wait", f"--timeout={self.seconds}s")

    def uninstall(self) -> None:
        self.helm("uninstall", self.name, "--wait", f"--timeout={self.seconds}s")

    def test(self) -> str:
        """Run `helm test` and return its output; raises CommandError if a test fails."""
        return self.helm("test", self.name, "--logs", "--timeout=280s", seconds=290).stdout

    def objects(self) -> list[Object]:
        """The release's objects, without hooks."""
        return documents(self.helm("get", "manifest", self.name).stdout)

    def pods(self) -> list[Object]:
        """The storage API's pods, without terminating ones."""
        found = self.cluster.get("pods", namespace=self.namespace, selector=self.selector)["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def is_ready(pod: Object) -> bool:
    """True for a pod that is Ready, or that has completed successfully."""
    conditions = {c["type"]: c["status"] for c in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True" or pod["status"].get("phase") == "Succeeded"

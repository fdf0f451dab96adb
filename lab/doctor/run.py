"""Runs the checks, and prints a line for each."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from lab.doctor.checks import access, crds, nodes, operator, pods, release, secrets, versions, webhooks
from lab.doctor.cluster import Cluster, Denied
from lab.doctor.connection import Unreachable, connect
from lab.doctor.plan import Plan, read_plan
from lab.doctor.result import Result, Status, fail, ok, warn
from lab.errors import LabError
from lab.render.chart import DEPENDENCY, RenderError
from lab.toolchain import ToolError

DOCUMENT = "docs/doctor.md"


@dataclass(frozen=True)
class Check:
    title: str
    """Also the heading in the document."""
    look: Callable[[Cluster, Plan], Result | list[Result]]
    """Several results are a line each."""


CHECKS = (
    Check("Rights", access.rights),
    Check("Namespace", release.namespace),
    Check("Release", release.state),
    Check("Owners of objects", release.owners),
    Check("CustomResourceDefinitions", crds.definitions),
    Check("Prometheus operator", operator.operators),
    Check("Selectors", operator.selectors),
    Check("Kubelet Service", operator.kubelet_service),
    Check("Webhooks", webhooks.unanswered),
    Check("Pod security", pods.security),
    Check("Secrets and ConfigMaps", secrets.exist),
    Check("Storage", pods.storage),
    Check("Host ports", pods.host_ports),
    Check("Images", pods.images),
    Check("Node architectures", nodes.architectures),
    Check("Control plane", nodes.control_plane),
)
FIRST = ("Helm", "Cluster", "Kubernetes version", "Chart and values")
"""The checks without which CHECKS can't run."""


def run(say: Callable[[str], None] = print, environment: Mapping[str, str] = os.environ) -> int:
    """Prints a line for each check, and a second one with what to do; returns 1 if any failed."""
    counts = dict.fromkeys(Status, 0)
    for title, result in results(environment):
        counts[result.status] += 1
        say(f"{result.status} {title}: {result.text}")
        if result.hint:
            say(f"    {result.hint}")
            say(f"    see {DOCUMENT}#{title.lower().replace(' ', '-')}")
    failed, warnings = counts[Status.FAILED], counts[Status.WARNING]
    say(f"failed: {failed}, warnings: {warnings}, passed: {counts[Status.OK]}")
    return 1 if failed else 0


def results(environment: Mapping[str, str]) -> Iterator[tuple[str, Result]]:
    """The title and the result of each check, in order."""
    yield "Helm", versions.helm()
    cluster = None
    try:
        cluster = Cluster(connect(environment))
        version = cluster.version
        with contextlib.suppress(Denied):  # anybody may ask for the version: this needs valid credentials
            cluster.may("list", "", "namespaces")
        yield "Cluster", ok(f"{cluster.server} answers (context {cluster.context})")
        supported = versions.kubernetes(cluster)
        yield "Kubernetes version", supported
    except Unreachable as error:
        cluster = None
        yield "Cluster", fail(f"{error}; the checks that need it are left out", error.hint)
    # Helm refuses to render for a version that is too old, which has been said already.
    usable = cluster is not None and supported.status is not Status.FAILED
    try:
        plan = read_plan(environment, version if usable else None)
    except (RenderError, ToolError, LabError) as error:
        yield "Chart and values", fail(str(error), "correct the values: docs/values.md describes each")
        return
    yield "Chart and values", _rendered(plan)
    for check in CHECKS if cluster else ():
        for result in _look(check, cluster, plan):
            yield check.title, result


def _rendered(plan: Plan) -> Result:
    found = f"{len(plan.objects)} objects for release {plan.release} in {plan.namespace}"
    if plan.stand_in:
        lacking, hint = (
            f"{DEPENDENCY} is not in charts/, so helm install would refuse",
            "make deps downloads it",
        )
        if plan.bundled:
            return fail(f"{lacking}; {found}, those of the stack not included", hint)
        return warn(f"{found}; but {lacking}", hint)
    return ok(found)


def _look(check: Check, cluster: Cluster, plan: Plan) -> list[Result]:
    try:
        found = check.look(cluster, plan)
    except Denied as error:
        found = warn(f"not checked: you may not {error}", "use a kubeconfig that may read the cluster")
    except Unreachable as error:
        found = fail(f"not checked: {error}", error.hint)
    return [found] if isinstance(found, Result) else found

"""What the user may do: the rights that the rendered objects need."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from lab.doctor.checks import release
from lab.doctor.cluster import THREADS, Cluster, Denied
from lab.doctor.plan import Plan
from lab.doctor.result import Result, fail, listed, ok


class Right(NamedTuple):
    """The right to create objects of a resource in a namespace, or in the whole cluster."""

    group: str
    plural: str
    namespace: str

    def __str__(self) -> str:
        return f"{self.plural} in {self.namespace}" if self.namespace else self.plural


def needed(cluster: Cluster, plan: Plan) -> set[Right]:
    """Rights to create the rendered objects and Helm's own Secret.

    The namespace and CustomResourceDefinitions count only if the install creates them.
    """
    rights = {Right("", "secrets", plan.namespace)}
    for each in plan.objects:
        if resource := cluster.resource(each["apiVersion"], each["kind"]):
            namespace = plan.namespace_of(each) if resource.namespaced else ""
            rights.add(Right(resource.group, resource.plural, namespace))
    # Helm tries to create the definitions at the first install, also those that exist.
    if plan.crds and not release.installed(cluster, plan):
        rights.add(Right("apiextensions.k8s.io", "customresourcedefinitions", ""))
    with contextlib.suppress(Denied):  # who may not read the namespace works in one that others created
        if cluster.get(f"/api/v1/namespaces/{plan.namespace}", metadata_only=True) is None:
            rights.add(Right("", "namespaces", ""))
    return rights


def rights(cluster: Cluster, plan: Plan) -> Result:
    """May the user create what the release consists of?"""
    wanted = sorted(needed(cluster, plan))
    with ThreadPoolExecutor(THREADS) as pool:
        allowed = list(pool.map(lambda right: cluster.may("create", *right), wanted))
    if lacking := [right for right, may in zip(wanted, allowed, strict=True) if not may]:
        return fail(
            f"you may not create {listed(lacking, 8)}",
            "use an administrator's kubeconfig; ci/byo-operator-values.yaml needs none outside the namespace",
        )
    return ok(f"you may create all {len(wanted)} kinds of objects, each in its namespace")

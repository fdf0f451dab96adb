"""The namespace and the release: what is there already."""

from concurrent.futures import ThreadPoolExecutor

from lab.doctor.cluster import THREADS, Cluster, Denied, Object
from lab.doctor.plan import Plan
from lab.doctor.result import Result, fail, listed, ok, warn

_BUSY = ("pending-install", "pending-upgrade", "pending-rollback", "uninstalling")


def namespace(cluster: Cluster, plan: Plan) -> Result:
    """Can objects be created in the namespace?"""
    found = cluster.get(f"/api/v1/namespaces/{plan.namespace}")
    if found is None:
        return ok(f"{plan.namespace} does not exist yet: helm install --create-namespace creates it")
    if found["status"]["phase"] == "Terminating":
        return fail(
            f"{plan.namespace} is being deleted, and accepts no new objects",
            f"wait; kubectl describe namespace {plan.namespace} shows under conditions what it waits for",
        )
    return ok(f"{plan.namespace} exists")


def status(cluster: Cluster, plan: Plan) -> str:
    """The status of the release's newest revision, such as `deployed`; empty if it is not installed.

    Helm keeps each revision in a Secret, and its status in a label.
    """
    secrets = cluster.items(
        f"/api/v1/namespaces/{plan.namespace}/secrets",
        selector=f"owner=helm,name={plan.release}",
        metadata_only=True,
    )
    labels = [secret["metadata"]["labels"] for secret in secrets]
    newest = max(labels, key=lambda each: int(each["version"]), default={})
    return newest.get("status", "")


def installed(cluster: Cluster, plan: Plan) -> bool:
    """True if Helm would upgrade the release; False also if the user may not read its Secrets."""
    try:
        return status(cluster, plan) not in ("", "uninstalled")
    except Denied:
        return False


def state(cluster: Cluster, plan: Plan) -> Result:
    """Has an earlier helm command been cut off, so that Helm would refuse the next one?"""
    found, where = status(cluster, plan), f"--namespace {plan.namespace}"
    title = f"release {plan.release} in {plan.namespace}"
    if found in _BUSY:
        repair = (
            f"helm rollback {plan.release} {where}"
            if found in ("pending-upgrade", "pending-rollback")
            else f"helm uninstall {plan.release} {where}"
        )
        return fail(f"{title} hangs in {found}", f"if no helm command is running: {repair}")
    if found == "failed":
        return warn(
            f"the last helm command for {title} failed",
            f"helm history {plan.release} {where} says why; the next helm upgrade --install continues",
        )
    if found and found != "uninstalled":
        return ok(f"{title} is {found}, and would be upgraded")
    return ok(f"{title} is not installed yet")


def owners(cluster: Cluster, plan: Plan) -> Result:
    """Does an object with the name of one of ours belong to another release, so that Helm would refuse it?"""
    collections: dict[str, set[str]] = {}
    for each in plan.objects:
        resource = cluster.resource(each["apiVersion"], each["kind"])
        # Helm replaces hooks, whoever created them.
        if resource and "helm.sh/hook" not in (each["metadata"].get("annotations") or {}):
            path = resource.path(plan.namespace_of(each))
            collections.setdefault(path, set()).add(each["metadata"]["name"])

    def foreign(path: str) -> list[tuple[str, str]]:
        there = cluster.items(path, metadata_only=True)
        return [
            (f"{path.rpartition('/')[2]}/{each['metadata']['name']}", _owner(each))
            for each in there
            if each["metadata"]["name"] in collections[path]
            and _owner(each) != f"release {plan.release} in {plan.namespace}"
        ]

    with ThreadPoolExecutor(THREADS) as pool:
        found = [pair for pairs in pool.map(foreign, sorted(collections)) for pair in pairs]
    if found:
        owner = listed(owner for _, owner in found)
        return fail(
            f"{listed((name for name, _ in found), 3)} exist and belong to {owner}: Helm would refuse",
            "uninstall that release, or delete these objects; a cluster holds one bundled stack, so a second "
            "release uses ci/byo-operator-values.yaml",
        )
    return ok("no object of this name belongs to another release")


def _owner(each: Object) -> str:
    notes = each["metadata"].get("annotations") or {}
    name, where = notes.get("meta.helm.sh/release-name"), notes.get("meta.helm.sh/release-namespace")
    return f"release {name} in {where}" if name else "no release"

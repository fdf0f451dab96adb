"""Would the pods be admitted, and would they start? Pod security, volumes, host ports, images."""

from collections.abc import Iterator

from lab.doctor import pod_security
from lab.doctor.cluster import Cluster, Object
from lab.doctor.plan import Plan
from lab.doctor.result import Result, fail, listed, ok, warn

_ENFORCE = "pod-security.kubernetes.io/enforce"
_DEFAULT = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


def security(cluster: Cluster, plan: Plan) -> Result:
    """Does the namespace enforce a Pod Security Standard that rejects one of the pods?"""
    broken: dict[str, list[str]] = {}
    levels = set()
    for namespace in sorted({pod.namespace for pod in plan.pods()}):
        found = cluster.get(f"/api/v1/namespaces/{namespace}", metadata_only=True) or {"metadata": {}}
        level = (found["metadata"].get("labels") or {}).get(_ENFORCE, "privileged")
        levels.add(f"{namespace} enforces {level if level in pod_security.LEVELS else 'restricted'}")
        for pod in plan.pods():
            if pod.namespace == namespace and (why := pod_security.violations(pod, level)):
                broken[f"{pod.owner} ({listed(why, 3)})"] = why
    if broken:
        exporter = any("node-exporter" in owner for owner in broken)
        return fail(
            f"{listed(levels)}, which rejects {listed(broken, 3)}",
            "set kube-prometheus-stack.nodeExporter.enabled: false, or do not enforce a standard here"
            if exporter
            else f"correct the values, or relax the namespace's label {_ENFORCE}",
        )
    return ok(f"{listed(levels)}, which admits all pods" if levels else "no pods are rendered")


def storage(cluster: Cluster, plan: Plan) -> Result:
    """Is there the StorageClass of each claim, or a default one for claims that name none?"""
    classes = {
        each["metadata"]["name"]: each for each in cluster.items("/apis/storage.k8s.io/v1/storageclasses")
    }
    claims = [(owner, spec) for owner, spec in plan.claims() if not spec.get("volumeName")]
    unnamed = [owner for owner, spec in claims if spec.get("storageClassName") is None]
    default = [
        name
        for name, each in classes.items()
        if any((each["metadata"].get("annotations") or {}).get(key) == "true" for key in _DEFAULT)
    ]
    # An empty name asks for a volume that was made by hand.
    unknown = [
        f"{spec['storageClassName']} ({owner})"
        for owner, spec in claims
        if spec.get("storageClassName") and spec["storageClassName"] not in classes
    ]
    there = f"the cluster has {listed(classes) or 'none'}"
    if unknown:
        return fail(
            f"there is no StorageClass {listed(unknown)}: the pods would wait for ever",
            f"{there}: name one",
        )
    if unnamed and not default:
        return fail(
            f"no StorageClass is the default, and {listed(unnamed)} names none: the pods would wait for ever",
            f"{there}: name one in the values, or annotate one with {_DEFAULT[0]}=true",
        )
    if unnamed:
        return ok(f"the default StorageClass is {listed(default)}")
    return ok(
        "every claim names a StorageClass that exists" if claims else "no claim for a volume is rendered"
    )


def host_ports(cluster: Cluster, plan: Plan) -> Result:
    """Does another pod take a port of the nodes that ours need, such as node-exporter's 9100?"""
    wanted = {port: pod for pod in plan.pods() for port in _ports(pod.spec)}
    if not wanted:
        return ok("our pods need no port of the nodes")
    ours = {(pod.namespace, pod.owner.partition(" ")[2]) for pod in wanted.values()}
    taken = []
    for each in cluster.items("/api/v1/pods"):
        meta = each["metadata"]
        owner = next((o["name"] for o in meta.get("ownerReferences") or ()), "")
        if (each.get("status") or {}).get("phase") in ("Succeeded", "Failed") or (
            (meta["namespace"], owner) in ours
        ):
            continue
        taken += [
            f"{port[0]} by {meta['namespace']}/{owner or meta['name']}"
            for port in _ports(each["spec"])
            if port in wanted
        ]
    if taken:
        return fail(
            f"ports of the nodes are taken: {listed(taken)}; our pods would stay Pending",
            "for a node-exporter, set kube-prometheus-stack.nodeExporter.enabled: false, or another port "
            "with kube-prometheus-stack.prometheus-node-exporter.service.port and targetPort",
        )
    return ok(f"no other pod takes {listed(port for port, _ in wanted)}")


def _ports(spec: Object) -> Iterator[tuple[int, str]]:
    """The ports of the node, with their protocols, that pods with this spec take."""
    for container in spec.get("containers") or ():
        for port in container.get("ports") or ():
            number = port.get("hostPort") or (spec.get("hostNetwork") and port.get("containerPort"))
            if number:
                yield int(number), port.get("protocol", "TCP")


def images(cluster: Cluster, plan: Plan) -> Result:
    """Can the nodes get the images? Only what the API server knows can be checked: nothing is pulled."""
    accounts = {each["metadata"]["name"]: each for each in plan.find("ServiceAccount")}
    rendered = {(plan.namespace_of(each), each["metadata"]["name"]) for each in plan.find("Secret")}
    secrets = set()
    for pod in plan.pods():
        account = accounts.get(pod.spec.get("serviceAccountName", ""), {})
        for holder in (pod.spec, account):
            secrets |= {(pod.namespace, each["name"]) for each in holder.get("imagePullSecrets") or ()}
    lacking = [
        f"{namespace}/{name}"
        for namespace, name in sorted(secrets - rendered)
        if cluster.get(f"/api/v1/namespaces/{namespace}/secrets/{name}", metadata_only=True) is None
    ]
    if lacking:
        return warn(
            f"Secrets to pull images with are missing: {listed(lacking)}",
            "kubectl create secret docker-registry",
        )
    names = {c["image"] for pod in plan.pods() for c in pod.containers if "image" in c}
    # The first part of a name is a registry if it looks like a host.
    unnamed = {name for name in names if not {".", ":"} & {*name.partition("/")[0]}}
    nodes = cluster.items("/api/v1/nodes") if unnamed else []
    absent = [name for name in unnamed if not all(_has(node, name) for node in nodes)]
    if absent:
        return warn(
            f"nodes must be able to pull {listed(absent)}, which names no registry and is not on every node",
            "push it to a registry and set storage-api.image, or load it into the nodes; see docs/install.md",
        )
    return ok(f"images ({len(names)} in all) name their registry or are on the nodes; no pull is tried")


def _has(node: Object, image: str) -> bool:
    names = {name for each in node["status"].get("images") or () for name in each.get("names") or ()}
    return bool(names & {image, f"docker.io/{image}", f"docker.io/library/{image}"})

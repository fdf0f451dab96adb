"""Admission webhooks that would hold up the install, because nothing answers them."""

from lab.doctor.cluster import Cluster, Object
from lab.doctor.plan import Plan
from lab.doctor.result import Result, fail, listed, ok, warn
from lab.render.stack import matches

_KINDS = ("validatingwebhookconfigurations", "mutatingwebhookconfigurations")


def unanswered(cluster: Cluster, plan: Plan) -> Result:
    """Does a webhook that is asked about our objects have no Service, or a Service without a ready pod?"""
    ours = {
        each["metadata"]["name"] for each in plan.objects if each["kind"].endswith("WebhookConfiguration")
    }
    wanted = {
        (resource.group, resource.plural)
        for each in plan.objects
        if (resource := cluster.resource(each["apiVersion"], each["kind"]))
    }
    found = cluster.get(f"/api/v1/namespaces/{plan.namespace}", metadata_only=True) or {"metadata": {}}
    labels = {"kubernetes.io/metadata.name": plan.namespace} | (found["metadata"].get("labels") or {})
    fatal, slow = [], []
    for kind in _KINDS:
        for each in cluster.items(f"/apis/admissionregistration.k8s.io/v1/{kind}"):
            for webhook in each.get("webhooks") or () if each["metadata"]["name"] not in ours else ():
                if not matches(webhook.get("namespaceSelector") or {}, labels) or not _asked(webhook, wanted):
                    continue
                if reason := _silent(cluster, webhook):
                    line = f"{each['metadata']['name']} ({reason})"
                    (slow if webhook.get("failurePolicy") == "Ignore" else fatal).append((kind, each, line))
    repair = "; ".join(
        f"kubectl delete {kind} {each['metadata']['name']}" for kind, each, _ in (fatal or slow)[:1]
    )
    if fatal:
        return fail(
            f"webhooks that nothing answers would reject our objects: {listed(line for *_, line in fatal)}",
            f"start what answers them, or, if it was uninstalled: {repair}",
        )
    if slow:
        return warn(
            f"webhooks that nothing answers delay each request: {listed(line for *_, line in slow)}",
            f"if what answered them was uninstalled: {repair}",
        )
    return ok("every webhook that is asked about our objects is answered")


def _asked(webhook: Object, wanted: set[tuple[str, str]]) -> bool:
    """True if the rules of a webhook include creating one of these (group, resource)."""
    return any(
        {"*", "CREATE"} & {*rule["operations"]}
        and {"*", group} & {*rule["apiGroups"]}
        and {"*", "*/*", plural} & {*rule["resources"]}
        for rule in webhook.get("rules") or ()
        for group, plural in wanted
    )


def _silent(cluster: Cluster, webhook: Object) -> str:
    """Why nothing in the cluster answers a webhook; empty if something does, or it is outside."""
    service = webhook["clientConfig"].get("service")
    if not service:
        return ""
    namespace, name = service["namespace"], service["name"]
    found = cluster.get(f"/api/v1/namespaces/{namespace}/services/{name}")
    if found is None:
        return f"there is no Service {namespace}/{name}"
    if found["spec"].get("type") == "ExternalName":
        return ""
    slices = cluster.items(
        f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices",
        selector=f"kubernetes.io/service-name={name}",
    )
    endpoints = [endpoint for each in slices for endpoint in each.get("endpoints") or ()]
    if any((endpoint.get("conditions") or {}).get("ready", True) for endpoint in endpoints):
        return ""
    return f"the Service {namespace}/{name} has no ready pod"

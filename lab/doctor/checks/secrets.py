"""The Secrets and ConfigMaps that someone must create before the install."""

import contextlib
import json
from collections.abc import Sequence

from lab.doctor.cluster import Cluster, Denied
from lab.doctor.plan import Plan
from lab.doctor.references import TLS_KEYS, Reference, Source, references, supplied
from lab.doctor.result import Result, fail, listed, ok, warn


def exist(cluster: Cluster, plan: Plan) -> Result | list[Result]:
    """Does each Secret and ConfigMap exist that an object refers to, with the keys that it reads?

    One result for each that is missing or lacks a key. Only the names of the keys are looked at, but the API
    server sends them together with their values.
    """
    brought = supplied(plan)
    needs: dict[Source, list[Reference]] = {}
    for each in references(plan):
        if each.source not in brought:
            needs.setdefault(each.source, []).append(each)
    if not needs:
        return ok("the release brings all that it needs")
    absent = {namespace for namespace in {each.namespace for each in needs} if _is_absent(cluster, namespace)}
    found, unread = [], []
    for source, by in sorted(needs.items()):
        keys = sorted({key for each in by for key in each.keys})
        try:
            there = cluster.get(source.path)
        except Denied:
            unread.append(source)
            continue
        held = {key for field in ("data", "binaryData") for key in (there or {}).get(field) or ()}
        lacking = [key for key in keys if key not in held]
        if there is None:
            text = f"there is no {source}{' with ' if keys else ''}{_named(keys)}"
            hint = _create(source, keys)
            if source.namespace in absent:
                hint = f"kubectl create namespace {source.namespace} && {hint}"
                absent.remove(source.namespace)  # one command creates it
        elif lacking:
            text, hint = f"{source} lacks {_named(lacking)}", _add(source, lacking)
        else:
            continue
        level = fail if any(each.vital for each in by) else warn
        found.append(level(f"{text}: needed by {listed(each.owner for each in by)}", hint))
    if unread:
        hint = "use a kubeconfig that may, or make sure that they exist"
        found.append(warn(f"not checked: you may not read {listed(unread)}", hint))
    return found or ok(f"{listed(needs)}: there, with every key that is read")


def _is_absent(cluster: Cluster, namespace: str) -> bool:
    with contextlib.suppress(Denied):
        return cluster.get(f"/api/v1/namespaces/{namespace}", metadata_only=True) is None
    return False


def _named(keys: Sequence[str]) -> str:
    return f"the key{'s' if len(keys) > 1 else ''} {', '.join(keys)}" if keys else ""


def _create(source: Source, keys: Sequence[str]) -> str:
    """The command that creates a Secret or ConfigMap."""
    kind = "configmap" if source.kind == "ConfigMap" else "secret generic"
    contents = " ".join(f"--from-literal={key}=..." for key in keys) or "--from-env-file=..."
    if set(keys) == set(TLS_KEYS):
        kind, contents = "secret tls", "--cert=... --key=..."
    return f"kubectl --namespace {source.namespace} create {kind} {source.name} {contents}"


def _add(source: Source, keys: Sequence[str]) -> str:
    """The command that adds keys to it."""
    field = "data" if source.kind == "ConfigMap" else "stringData"
    patch = json.dumps({field: dict.fromkeys(keys, "...")})
    return (
        f"kubectl --namespace {source.namespace} patch {source.kind.lower()} {source.name} --patch '{patch}'"
    )

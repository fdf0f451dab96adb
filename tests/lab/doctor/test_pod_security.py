"""What each level of the Pod Security Standards forbids."""

import pytest

from lab.doctor.plan import Pod
from lab.doctor.pod_security import violations

CONTEXT = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
WHOLE = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def pod(container: dict | None = None, context: dict | None = None, whole: dict | None = None, **spec) -> Pod:
    own = {"name": "c", "securityContext": CONTEXT | (context or {})} | (container or {})
    return Pod("Pod p", "n", {"containers": [own], "securityContext": WHOLE | (whole or {})} | spec, False)


def test_a_careful_pod_is_allowed():
    volumes = [{"name": "v", kind: {}} for kind in ("configMap", "secret", "projected", "emptyDir")]
    assert violations(pod(volumes=volumes), "restricted") == []


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (pod(hostNetwork=True), "hostNetwork"),
        (pod(hostPID=True), "hostPID"),
        (pod(hostIPC=True), "hostIPC"),
        (pod(volumes=[{"name": "v", "hostPath": {"path": "/proc"}}]), "hostPath /proc"),
        (pod({"ports": [{"containerPort": 80, "hostPort": 80}]}), "hostPort 80"),
        (pod(context={"privileged": True}), "privileged"),
        (pod(context={"procMount": "Unmasked"}), "procMount Unmasked"),
        (pod(context={"seccompProfile": {"type": "Unconfined"}}), "seccompProfile Unconfined"),
        (pod(whole={"appArmorProfile": {"type": "Unconfined"}}), "appArmorProfile Unconfined"),
        (pod(context={"seLinuxOptions": {"type": "spc_t"}}), "seLinuxOptions"),
        (pod(whole={"seLinuxOptions": {"user": "root"}}), "seLinuxOptions"),
        (pod(context={"windowsOptions": {"hostProcess": True}}), "hostProcess"),
        (pod(whole={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}), "sysctl kernel.msgmax"),
        (pod(context={"capabilities": {"drop": ["ALL"], "add": ["SYS_TIME"]}}), "capability SYS_TIME"),
        (pod(initContainers=[{"securityContext": {**CONTEXT, "privileged": True}}]), "privileged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_baseline_and_restricted_forbid_it(broken, rule):
    assert rule in violations(broken, "baseline")
    assert rule in violations(broken, "restricted")
    assert violations(broken, "privileged") == []


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (pod(context={"allowPrivilegeEscalation": None}), "allowPrivilegeEscalation is not false"),
        (pod(context={"capabilities": {}}), "capabilities.drop lacks ALL"),
        (pod(context={"capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}}), "capability CHOWN"),
        (pod(whole={"runAsNonRoot": None}), "runAsNonRoot is not true"),
        (pod(context={"runAsNonRoot": False}), "runAsNonRoot is not true"),
        (pod(whole={"runAsUser": 0}), "runAsUser is 0"),
        (pod(context={"runAsUser": 0}), "runAsUser is 0"),
        (pod(whole={"seccompProfile": None}), "seccompProfile is not RuntimeDefault"),
        (pod(volumes=[{"name": "v", "nfs": {}}]), "nfs volume"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_only_restricted_forbids_it(broken, rule):
    assert violations(broken, "baseline") == []
    assert violations(broken, "restricted") == [rule]


def test_a_container_may_say_what_the_pod_does_not():
    context = {"runAsNonRoot": True, "seccompProfile": {"type": "Localhost"}}
    assert (
        violations(pod(context=context, whole={"runAsNonRoot": None, "seccompProfile": None}), "restricted")
        == []
    )

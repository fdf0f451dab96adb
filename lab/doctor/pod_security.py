"""The Pod Security Standards: why the API server would reject a pod. See kubernetes.io/docs, same title."""

from collections.abc import Iterator
from typing import Any

from lab.doctor.plan import Pod

Object = dict[str, Any]
LEVELS = ("privileged", "baseline", "restricted")
_CAPABILITIES = {
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"),
    *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
}
_SYSCTLS = {
    *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start"),
    *("net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports"),
    *("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl"),
    *("net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
}
_SELINUX_TYPES = {None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
_VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim"),
    *("projected", "secret"),
}


def violations(pod: Pod, level: str) -> list[str]:
    """The rules of a level that a pod breaks, such as `hostNetwork`; empty if it is allowed."""
    found = [] if level == "privileged" else [*_baseline(pod)]
    return sorted({*found, *(_restricted(pod) if level == "restricted" else ())})


def _contexts(pod: Pod) -> list[Object]:
    """The securityContext of the pod, and of each container."""
    return [pod.spec.get("securityContext") or {}, *(c.get("securityContext") or {} for c in pod.containers)]


def _baseline(pod: Pod) -> Iterator[str]:
    yield from (key for key in ("hostNetwork", "hostPID", "hostIPC") if pod.spec.get(key))
    yield from (
        f"hostPath {v['hostPath'].get('path', '')}" for v in pod.spec.get("volumes") or () if "hostPath" in v
    )
    for container in pod.containers:
        yield from (
            f"hostPort {port['hostPort']}" for port in container.get("ports") or () if port.get("hostPort")
        )
    for sysctl in (pod.spec.get("securityContext") or {}).get("sysctls") or ():
        if sysctl["name"] not in _SYSCTLS:
            yield f"sysctl {sysctl['name']}"
    for context in _contexts(pod):
        if context.get("privileged"):
            yield "privileged"
        if (context.get("windowsOptions") or {}).get("hostProcess"):
            yield "hostProcess"
        if context.get("procMount", "Default") != "Default":
            yield f"procMount {context['procMount']}"
        for key in ("seccompProfile", "appArmorProfile"):
            if (context.get(key) or {}).get("type") == "Unconfined":
                yield f"{key} Unconfined"
        selinux = context.get("seLinuxOptions") or {}
        if selinux.get("user") or selinux.get("role") or selinux.get("type") not in _SELINUX_TYPES:
            yield "seLinuxOptions"
        for added in set((context.get("capabilities") or {}).get("add") or ()) - _CAPABILITIES:
            yield f"capability {added}"


def _restricted(pod: Pod) -> Iterator[str]:
    for volume in pod.spec.get("volumes") or ():
        yield from (f"{kind} volume" for kind in volume if kind not in {"name", *_VOLUMES})
    whole, *contexts = _contexts(pod)
    for context in contexts:
        if context.get("allowPrivilegeEscalation") is not False:
            yield "allowPrivilegeEscalation is not false"
        capabilities = context.get("capabilities") or {}
        if "ALL" not in (capabilities.get("drop") or ()):
            yield "capabilities.drop lacks ALL"
        for added in set(capabilities.get("add") or ()) - {"NET_BIND_SERVICE"}:
            yield f"capability {added}"
        if not context.get("runAsNonRoot", whole.get("runAsNonRoot")):
            yield "runAsNonRoot is not true"
        if (context.get("seccompProfile") or whole.get("seccompProfile") or {}).get("type") not in {
            "RuntimeDefault",
            "Localhost",
        }:
            yield "seccompProfile is not RuntimeDefault"
    if any(context.get("runAsUser") == 0 for context in (whole, *contexts)):
        yield "runAsUser is 0"

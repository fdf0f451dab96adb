{{/*
Recording rules for the pods of a service: which they are, and what each one's target and containers tell. Argument: a dict
of `root` and `s`.
*/}}
{{- define "slo.podRules" -}}
{{- $s := .s -}}
{{- $pod := dict "root" .root "s" $s "by" (dict "pod" "") -}}
{{- $own := printf "namespace=%q" $s.namespace -}}
{{- $owners := printf "namespace_workload_pod:kube_pod_owner:relabel{%s}" $own -}}
{{- /* Containers of the targets: a sidecar has another version and another start. */}}
{{- $container := printf "and on (namespace, pod, container) up{%s}" $s.target -}}
{{- $where := printf "namespace=%q" $s.targetNamespace -}}
{{- include "slo.record" (dict "record" "service:workload:info" "labels" $s.labels "expr" (include "slo.workload" (dict "s" $s "owners" $owners))) -}}
{{- $pods := printf "(%s and on (namespace, workload) service:workload:info{%s})" $owners $s.recorded -}}
{{- if $s.ownTargets }}{{ $pods = printf "(up{%s, pod!=\"\"} or %s)" $s.target $pods }}{{ end -}}
{{- include "slo.record" (dict "record" "service:pod:info" "labels" $s.labels "expr" (printf "group by (pod) %s" $pods)) -}}
{{- include "slo.record" (dict "record" "service:pod:up" "labels" $s.labels "expr" (printf "min by (pod) (up{%s, pod!=\"\"})" $s.target)) -}}
{{- include "slo.outcomes" (merge (dict "record" "service:pod_requests:rate" "counter" $s.counter) $pod) -}}
{{- include "slo.quantile" (merge (dict "record" "service:pod_latency_seconds:quantile" "quantile" "0.99") $pod) -}}
{{- include "slo.record" (dict "record" "service:pod_start_time:seconds" "labels" $s.labels
      "expr" (printf "max by (pod) (process_start_time_seconds{%s})\nor max by (pod) (kube_pod_container_state_started{%s} %s)" $s.target $where $container)) -}}
{{- /* Without a metric, the tag or the digest of the image, whose name may begin with a registry and its port. */}}
{{- $source := printf "%s{%s, %s!=\"\"}" $s.version.metric $s.target $s.version.label -}}
{{- $label := $s.version.label -}}
{{- $pattern := "$1" -}}
{{- $regex := "(.*)" -}}
{{- if not $s.version.metric -}}
{{- $source = printf "kube_pod_container_info{%s} %s" $where $container -}}
{{- $label = "image_spec" -}}
{{- $regex = "(?:.*/)?[^/:@]+[:@]([^/@]+)(?:@.*)?" -}}
{{- end -}}
{{- include "slo.record" (dict "record" "service:pod_version:info" "labels" $s.labels
      "expr" (printf "group by (pod, version) (label_replace(%s, \"version\", %q, %q, %q))" $source $pattern $label $regex)) -}}
{{- include "slo.record" (dict "record" "service:pod_problem:info" "labels" $s.labels "expr" (include "slo.podProblems" (dict "root" .root "s" $s))) -}}
{{- include "slo.record" (dict "record" "service:volume_used:ratio" "labels" $s.labels "expr" (include "slo.volumes" $s)) -}}
{{- end }}

{{/*
PromQL for the workloads (Deployments, StatefulSets and DaemonSets) that run a service: the one that the values name, or those that own the pods of its
targets, or while there are none, the one with the service's name. Argument: a dict of `s` and `owners` (the series from
pod to workload).
*/}}
{{- define "slo.workload" -}}
{{- $named := printf "label_replace(vector(1), \"workload\", %q, \"\", \"\")" (.s.workload | default .s.name) -}}
{{- if or .s.workload (not .s.ownTargets) -}}
{{ $named }}
{{- else -}}
group by (workload) ({{ .owners }} and on (namespace, pod) up{ {{- .s.target -}} })
or on () {{ $named }}
{{- end -}}
{{- end }}

{{/* PromQL for why containers of a service's pods do not run, or did not: they wait, or were restarted in the last hour. Argument: a dict of `root` and `s`. */}}
{{- define "slo.podProblems" -}}
{{- $own := printf "namespace=%q" .s.namespace -}}
{{- $hour := include "slo.duration" (dict "root" .root "duration" "1h") -}}
group by (pod, container, reason) (
  (
    kube_pod_container_status_waiting_reason{ {{- $own -}} } == 1
    or kube_pod_init_container_status_waiting_reason{ {{- $own -}} } == 1
    or label_replace(max by (namespace, pod) (kube_pod_status_unschedulable{ {{- $own -}} }) == 1, "reason", "Unschedulable", "", "")
    or kube_pod_container_status_last_terminated_reason{ {{- $own -}}, reason!="Completed"} == 1
      and on (namespace, pod, container) increase(kube_pod_container_status_restarts_total{ {{- $own -}} }[{{ $hour }}]) > 0
  )
  and on (namespace, pod) service:pod:info{ {{- .s.recorded -}} }
)
{{- end }}

{{/* PromQL for the used share of each volume that a service's pods mount. The kubelet's metrics do not name the pod. Argument: a service. */}}
{{- define "slo.volumes" -}}
{{- $own := printf "namespace=%q" .namespace -}}
max by (persistentvolumeclaim) (
  1 - kubelet_volume_stats_available_bytes{ {{- $own -}} } / kubelet_volume_stats_capacity_bytes{ {{- $own -}} }
  and on (namespace, persistentvolumeclaim) (
    kube_pod_spec_volumes_persistentvolumeclaims_info{ {{- $own -}} }
    and on (namespace, pod) service:pod:info{ {{- .recorded -}} }
  )
)
{{- end }}

{{/*
PrometheusRule with what kube-state-metrics and cAdvisor tell about the services' pods. It has one group for each namespace, because the
same expression serves all services there. Nothing without services. Argument: a dict of `root` and `services` (a map of entries).
*/}}
{{- define "slo.workloadRule" -}}
{{- if and .root.Values.workloads.enabled .services -}}
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: {{ printf "%s-workloads" .root.Release.Name | quote }}
  namespace: {{ .root.Release.Namespace | quote }}
  labels:
    {{- include "slo.monitoringLabels" (dict "root" .root "name" "workloads" "labels" .root.Values.prometheusRule.labels) | nindent 4 }}
spec:
  {{- include "slo.workloadGroups" . | nindent 2 }}
{{- end -}}
{{- end }}

{{/* The spec of this PrometheusRule. Argument: the same. */}}
{{- define "slo.workloadGroups" -}}
{{- $namespaces := dict -}}
{{- range $name, $service := .services -}}
{{- $s := include "slo.service" (dict "root" $.root "name" $name "service" $service) | fromJson -}}
{{- $_ := set $namespaces $s.namespace (append (get $namespaces $s.namespace | default list) $name) -}}
{{- end -}}
groups:
  {{- range $namespace, $names := $namespaces }}
  - name: {{ $namespace }}-workloads
    interval: {{ $.root.Values.interval }}
    rules:
      {{- include "slo.workloadRules" (dict "root" $.root "namespace" $namespace "names" $names) | trim | nindent 6 }}
  {{- end }}
{{- end }}

{{/*
Recording rules for the pods of all services in a namespace. Each joins a figure by pod with service:pod:info, on the right
because a pod may belong to several services. `max` comes before `sum`, because two instances of kube-state-metrics, or two
scrapes of a kubelet, tell the same twice. Argument: a dict of `root`, `namespace` and `names` (of the services).
*/}}
{{- define "slo.workloadRules" -}}
{{- /* The expressions give it too; promtool takes rules for duplicates that differ only there. */}}
{{- $labels := dict "namespace" .namespace -}}
{{- $in := printf "namespace=%q" .namespace -}}
{{- $of := printf "%s, slo_service=~%q" $in (join "|" .names) -}}
{{- $m5 := include "slo.duration" (dict "root" .root "duration" "5m") -}}
{{- /* `container=""` is the whole pod, and POD its sandbox: both would count the containers twice. */}}
{{- $container := printf "%s, container!=\"\", container!=\"POD\"" $in -}}
{{- $each := "max by (namespace, pod, container)" -}}
{{- $limits := printf "kube_pod_container_resource_limits{%s, resource=%%q}" $in -}}
{{- /* A pod has no limit if one of its containers has none. */}}
{{- $limit := printf "sum by (namespace, pod) (%s (%s)) unless on (namespace, pod) (kube_pod_container_info{%s} unless on (namespace, pod, container) %s)" $each $limits $in $limits -}}
{{- $rate := printf "sum by (namespace, pod) (%s (rate(%%s{%s}[%s])))" $each $container $m5 -}}
{{- $network := printf "sum by (namespace, pod) (max by (namespace, pod, interface) (rate(%%s{%s}[%s])))" $in $m5 -}}
{{- /* A pod that no node runs yet has no condition Ready, and is not ready. */}}
{{- $pods := list
      "service:pod:ready" (printf "max by (namespace, pod) (kube_pod_status_ready{%s, condition=\"true\"}) or 0 * max by (namespace, pod) (kube_pod_owner{%s})" $in $in)
      "service:pod_restarts:total" (printf "sum by (namespace, pod) (%s (kube_pod_container_status_restarts_total{%s}))" $each $in)
      "service:pod_cpu:cores" (printf $rate "container_cpu_usage_seconds_total")
      "service:pod_cpu_limit:cores" (printf $limit "cpu" "cpu")
      "service:pod_cpu_throttled:ratio" (printf "%s / (%s > 0)" (printf $rate "container_cpu_cfs_throttled_periods_total") (printf $rate "container_cpu_cfs_periods_total"))
      "service:pod_memory:bytes" (printf "sum by (namespace, pod) (%s (container_memory_working_set_bytes{%s}))" $each $container)
      "service:pod_memory_limit:bytes" (printf $limit "memory" "memory")
      "service:pod_network_receive:bytes_rate" (printf $network "container_network_receive_bytes_total")
      "service:pod_network_transmit:bytes_rate" (printf $network "container_network_transmit_bytes_total") -}}
{{- range $pair := chunk 2 $pods -}}
{{- include "slo.record" (dict "record" (first $pair) "labels" $labels
      "expr" (printf "(%s)\n* on (namespace, pod) group_right () service:pod:info{%s}" (last $pair) $of)) -}}
{{- end -}}
{{- $replicas := dict
      "ready" (dict "deployment" "kube_deployment_status_replicas_ready" "statefulset" "kube_statefulset_status_replicas_ready" "daemonset" "kube_daemonset_status_number_ready")
      "desired" (dict "deployment" "kube_deployment_spec_replicas" "statefulset" "kube_statefulset_replicas" "daemonset" "kube_daemonset_status_desired_number_scheduled") -}}
{{- range $state, $metrics := $replicas -}}
{{- $kinds := list -}}
{{- range $kind, $metric := $metrics -}}
{{- $kinds = append $kinds (printf "label_replace(max by (namespace, %s) (%s{%s}), \"workload\", \"$1\", %q, \"(.*)\")" $kind $metric $in $kind) -}}
{{- end -}}
{{- include "slo.record" (dict "record" (printf "service:replicas:%s" $state) "labels" $labels
      "expr" (include "slo.byWorkload" (dict "of" $of "expr" (printf "sum by (namespace, workload) (\n    %s\n  )" (join "\n    or " $kinds))))) -}}
{{- end -}}
{{- $scaler := "max by (namespace, horizontalpodautoscaler)" -}}
{{- $target := printf "max by (namespace, horizontalpodautoscaler, workload) (label_replace(kube_horizontalpodautoscaler_info{%s}, \"workload\", \"$1\", \"scaletargetref_name\", \"(.*)\"))" $in -}}
{{- range $name, $metric := dict "current" "status_current_replicas" "desired" "status_desired_replicas" "max" "spec_max_replicas" -}}
{{- include "slo.record" (dict "record" (printf "service:hpa:%s" $name) "labels" $labels
      "expr" (include "slo.byWorkload" (dict "of" $of "expr" (printf "sum by (namespace, workload) (\n    %s (kube_horizontalpodautoscaler_%s{%s})\n    * on (namespace, horizontalpodautoscaler) group_right () %s\n  )" $scaler $metric $in $target)))) -}}
{{- end -}}
{{- end }}

{{/* PromQL for the sum over the workloads of each service. Argument: a dict of `expr` (by namespace and workload) and `of` (matchers). */}}
{{- define "slo.byWorkload" -}}
sum by (slo_service) (
  {{ .expr }}
  * on (namespace, workload) group_right () service:workload:info{ {{- .of -}} }
)
{{- end }}

{{/* What would keep the bundled Prometheus from our targets, our rules and Alertmanager, a line each. */}}
{{- define "observability-platform.faults.prometheus" -}}
{{- $stack := include "observability-platform.stack" . | fromJson -}}
{{- if and $stack.enabled $stack.prometheus.enabled }}
{{- $spec := $stack.prometheus.prometheusSpec }}
{{- if $stack.prometheus.agentMode }}
kube-prometheus-stack.prometheus.agentMode: an agent evaluates no rules and answers no queries, so that there would be no alerts and empty dashboards; set it to false
{{- end }}
{{- with index .Subcharts "storage-api" }}
{{- $api := .Values }}
{{- $ours := dict "root" $ "namespace" .Release.Namespace "path" "prometheus.prometheusSpec" }}
{{- if $api.serviceMonitor.enabled }}
{{- $labels := include "storage-api.monitoringLabels" (dict "root" . "labels" $api.serviceMonitor.labels) | fromYaml }}
{{ include "observability-platform.faults.ignored" (merge (dict "kind" "serviceMonitor" "object" "the storage API's ServiceMonitor" "labels" $labels "labelled" "storage-api.serviceMonitor.labels") $ours) }}
{{- if and $spec.hostNetwork $api.networkPolicy.enabled (eq (toJson $api.networkPolicy.metrics.from) `[{"namespaceSelector":{},"podSelector":{"matchLabels":{"app.kubernetes.io/name":"prometheus"}}}]`) }}
kube-prometheus-stack.prometheus.prometheusSpec.hostNetwork: scrapes come from the nodes' addresses, which the NetworkPolicy does not let in; name them in storage-api.networkPolicy.metrics.from
{{- end }}
{{- end }}
{{- if $api.prometheusRule.enabled }}
{{- $labels := include "storage-api.monitoringLabels" (dict "root" . "labels" $api.prometheusRule.labels) | fromYaml }}
{{ include "observability-platform.faults.ignored" (merge (dict "kind" "rule" "object" "the storage API's PrometheusRule" "labels" $labels "labelled" "storage-api.prometheusRule.labels") $ours) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* What would lose alerts between the bundled Prometheus, Alertmanager and the receivers, a line each. */}}
{{- define "observability-platform.faults.alertmanager" -}}
{{- $stack := include "observability-platform.stack" . | fromJson -}}
{{- $alertmanager := $stack.alertmanager }}
{{- $prometheus := $stack.prometheus.prometheusSpec }}
{{- $elsewhere := or $prometheus.alertingEndpoints $prometheus.additionalAlertManagerConfigs $prometheus.additionalAlertManagerConfigsSecret }}
{{- if $stack.enabled }}
{{- with $alertmanager.config }}
{{- if .receivers }}
{{- $known := list }}
{{- range .receivers }}{{ $known = append $known .name }}{{ end }}
{{- range include "observability-platform.routedReceivers" (.route | default dict) | splitList "\n" | compact | concat (list "null") | uniq }}
{{- if not (has . $known) }}
kube-prometheus-stack.alertmanager.config.receivers: {{ . }} is missing, which a route names; add {name: {{ quote . }}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- $here := include "observability-platform.namespace" (dict "root" . "part" "alertmanager") }}
{{- $asked := include "observability-platform.namespace" (dict "root" . "part" "prometheus") }}
{{- if and $alertmanager.enabled (ne $here $asked) }}
{{- if and $stack.prometheus.enabled (not $prometheus.disableAlerting) (not $prometheus.alertingEndpoints) }}
kube-prometheus-stack.alertmanager.namespaceOverride: Alertmanager is in {{ $here }}, but the dependency has Prometheus send alerts to {{ $asked }}; move the whole stack with kube-prometheus-stack.namespaceOverride, or name this Alertmanager in kube-prometheus-stack.prometheus.prometheusSpec.alertingEndpoints
{{- end }}
{{- $datasources := $stack.grafana.sidecar.datasources }}
{{- if and $stack.grafana.enabled $datasources.alertmanager.enabled (not $datasources.alertmanager.url) }}
kube-prometheus-stack.grafana.sidecar.datasources.alertmanager.url: empty, but Alertmanager is in {{ $here }} and the dependency's datasource asks {{ $asked }}; set it to http://{{ include "observability-platform.service" (dict "root" . "part" "alertmanager") }}.{{ $here }}:{{ $alertmanager.service.port }}
{{- end }}
{{- end }}
{{- if .Values.alerting.enabled }}
{{- if and (not $alertmanager.enabled) (not $elsewhere) }}
kube-prometheus-stack.alertmanager.enabled: false, so that nobody delivers what alerting.enabled routes; set it to true, or name an Alertmanager of yours in kube-prometheus-stack.prometheus.prometheusSpec.alertingEndpoints
{{- end }}
{{- if and $stack.prometheus.enabled $prometheus.disableAlerting }}
kube-prometheus-stack.prometheus.prometheusSpec.disableAlerting: true, so that nobody hears of what alerting.enabled routes; set one of the two to false
{{- end }}
{{- if $alertmanager.enabled }}
{{ include "observability-platform.faults.ignored" (dict "root" . "kind" "alertmanagerConfig" "path" "alertmanager.alertmanagerSpec" "object" "our AlertmanagerConfig" "namespace" $here "labels" (include "observability-platform.alertingLabels" . | fromYaml) "labelled" "alerting.labels") }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

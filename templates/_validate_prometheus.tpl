{{/* Errors that would hide our targets or rules from the bundled Prometheus, one per line. */}}
{{- define "observability-platform.errors.prometheus" -}}
{{- $stack := include "observability-platform.stack" . | fromJson -}}
{{- if and $stack.enabled $stack.prometheus.enabled }}
{{- $spec := $stack.prometheus.prometheusSpec }}
{{- if $stack.prometheus.agentMode }}
kube-prometheus-stack.prometheus.agentMode: true, but an agent evaluates no rules and answers no queries, so there would be no alerts and dashboards would be empty; set it to false
{{- end }}
{{- $ours := dict "root" $ "namespace" .Release.Namespace "path" "prometheus.prometheusSpec" }}
{{- if include "observability-platform.platformAlerts" . }}
{{- $labels := include "observability-platform.operatorLabels" (dict "root" $ "labels" .Values.platformAlerts.labels) | fromYaml }}
{{ include "observability-platform.errors.ignored" (merge (dict "kind" "rule" "object" "the PrometheusRule of platformAlerts" "labels" $labels "labelled" "platformAlerts.labels") $ours) }}
{{- end }}
{{- with index .Subcharts "storage-api" }}
{{- $api := .Values }}
{{- if $api.serviceMonitor.enabled }}
{{- $labels := include "storage-api.monitoringLabels" (dict "root" . "labels" $api.serviceMonitor.labels) | fromYaml }}
{{ include "observability-platform.errors.ignored" (merge (dict "kind" "serviceMonitor" "object" "the storage API's ServiceMonitor" "labels" $labels "labelled" "storage-api.serviceMonitor.labels") $ours) }}
{{- if and $spec.hostNetwork $api.networkPolicy.enabled (eq (toJson $api.networkPolicy.metrics.from) `[{"namespaceSelector":{},"podSelector":{"matchLabels":{"app.kubernetes.io/name":"prometheus"}}}]`) }}
kube-prometheus-stack.prometheus.prometheusSpec.hostNetwork: true, but the NetworkPolicy does not allow scrapes from the nodes' addresses; add these addresses to storage-api.networkPolicy.metrics.from
{{- end }}
{{- end }}
{{- if $api.prometheusRule.enabled }}
{{- $labels := include "storage-api.monitoringLabels" (dict "root" . "labels" $api.prometheusRule.labels) | fromYaml }}
{{ include "observability-platform.errors.ignored" (merge (dict "kind" "rule" "object" "the storage API's PrometheusRule" "labels" $labels "labelled" "storage-api.prometheusRule.labels") $ours) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Errors that would lose alerts on their way from the bundled Prometheus through Alertmanager to the receivers, one per line. */}}
{{- define "observability-platform.errors.alertmanager" -}}
{{- $stack := include "observability-platform.stack" . | fromJson -}}
{{- $alertmanager := $stack.alertmanager }}
{{- $prometheus := $stack.prometheus.prometheusSpec }}
{{- $elsewhere := or $prometheus.alertingEndpoints $prometheus.additionalAlertManagerConfigs $prometheus.additionalAlertManagerConfigsSecret }}
{{- if $stack.enabled }}
{{- with $alertmanager.config }}
{{- if .receivers }}
{{- $known := list }}
{{- range .receivers }}{{ $known = append $known .name }}{{ end }}
{{- range include "observability-platform.routeNames" (dict "field" "receiver" "route" (.route | default dict)) | splitList "\n" | compact | concat (list "null") | uniq }}
{{- if not (has . $known) }}
kube-prometheus-stack.alertmanager.config.receivers: {{ . }} is missing, but a route refers to it; add {name: {{ quote . }}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- $namespace := include "observability-platform.namespace" (dict "root" . "part" "alertmanager") }}
{{- $expected := include "observability-platform.namespace" (dict "root" . "part" "prometheus") }}
{{- if and $alertmanager.enabled (ne $namespace $expected) }}
{{- if and $stack.prometheus.enabled (not $prometheus.disableAlerting) (not $prometheus.alertingEndpoints) }}
kube-prometheus-stack.alertmanager.namespaceOverride: Alertmanager runs in the namespace {{ $namespace }}, but kube-prometheus-stack makes Prometheus send alerts to {{ $expected }}; move the whole stack with kube-prometheus-stack.namespaceOverride, or list this Alertmanager in kube-prometheus-stack.prometheus.prometheusSpec.alertingEndpoints
{{- end }}
{{- $datasources := $stack.grafana.sidecar.datasources }}
{{- if and $stack.grafana.enabled $datasources.alertmanager.enabled (not $datasources.alertmanager.url) }}
kube-prometheus-stack.grafana.sidecar.datasources.alertmanager.url: empty, but Alertmanager runs in the namespace {{ $namespace }} and the datasource of kube-prometheus-stack queries {{ $expected }}; set it to http://{{ include "observability-platform.service" (dict "root" . "part" "alertmanager") }}.{{ $namespace }}:{{ $alertmanager.service.port }}
{{- end }}
{{- end }}
{{- if .Values.alerting.enabled }}
{{- if and (not $alertmanager.enabled) (not $elsewhere) }}
kube-prometheus-stack.alertmanager.enabled: false, but alerting.enabled needs an Alertmanager to deliver alerts; set it to true, or list your own Alertmanager in kube-prometheus-stack.prometheus.prometheusSpec.alertingEndpoints
{{- end }}
{{- if and $stack.prometheus.enabled $prometheus.disableAlerting }}
kube-prometheus-stack.prometheus.prometheusSpec.disableAlerting: true, so Prometheus sends no alerts, but alerting.enabled is true; set one of the two to false
{{- end }}
{{- if $alertmanager.enabled }}
{{- $labels := include "observability-platform.operatorLabels" (dict "root" $ "labels" .Values.alerting.labels) | fromYaml }}
{{ include "observability-platform.errors.ignored" (dict "root" . "kind" "alertmanagerConfig" "path" "alertmanager.alertmanagerSpec" "object" "the chart's AlertmanagerConfig" "namespace" $namespace "labels" $labels "labelled" "alerting.labels") }}
{{- if eq $alertmanager.alertmanagerSpec.alertmanagerConfigMatcherStrategy.type "OnNamespace" }}
{{- with include "observability-platform.alertsElsewhere" . }}
kube-prometheus-stack.alertmanager.alertmanagerSpec.alertmanagerConfigMatcherStrategy.type: OnNamespace, so only alerts with the label namespace={{ $namespace }} would be delivered, but not {{ . }}; use OnNamespaceExceptForAlertmanagerNamespace or None
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

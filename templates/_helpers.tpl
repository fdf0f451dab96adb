{{/* Labels of all objects of this chart. Argument: a dict of `root`, `component` and `extra` (further labels). */}}
{{- define "observability-platform.labels" -}}
{{- $ours := dict
      "app.kubernetes.io/name" .root.Chart.Name
      "app.kubernetes.io/instance" .root.Release.Name
      "app.kubernetes.io/component" .component
      "app.kubernetes.io/version" (.root.Chart.AppVersion | toString)
      "app.kubernetes.io/part-of" "observability-platform"
      "app.kubernetes.io/managed-by" .root.Release.Service
      "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_") -}}
{{- toYaml (merge $ours .extra) -}}
{{- end }}

{{/*
For the notes: each kind of object that the user's Prometheus operator must select, with its labels, such as
`ServiceMonitor: release=platform`, one kind per line. Argument: the root.
*/}}
{{- define "observability-platform.monitoringLabels" -}}
{{- $objects := dict -}}
{{- with index .Subcharts "storage-api" -}}
{{- if .Values.serviceMonitor.enabled }}{{ $_ := set $objects "ServiceMonitor" .Values.serviceMonitor.labels }}{{ end -}}
{{- if .Values.prometheusRule.enabled }}{{ $_ := set $objects "PrometheusRule" .Values.prometheusRule.labels }}{{ end -}}
{{- end -}}
{{- with .Subcharts.slo -}}
{{- $slo := .Values -}}
{{- $services := include "slo.ownServices" . | fromJson -}}
{{- range $service := $services -}}
{{- $_ := set $objects (dig "scrape" "kind" $slo.defaults.scrape.kind $service) $slo.monitor.labels -}}
{{- end -}}
{{- $_ := unset $objects "existing" -}}
{{- if or $services (include "observability-platform.storageApiSlo" $) -}}
{{- $_ := set $objects "PrometheusRule" (merge dict $slo.prometheusRule.labels (get $objects "PrometheusRule" | default dict)) -}}
{{- end -}}
{{- end -}}
{{- if and (include "observability-platform.platformAlerts" .) (not (hasKey $objects "PrometheusRule")) -}}
{{- $_ := set $objects "PrometheusRule" .Values.platformAlerts.labels -}}
{{- end -}}
{{- if .Values.alerting.enabled }}{{ $_ := set $objects "AlertmanagerConfig" .Values.alerting.labels }}{{ end -}}
{{- range $kind, $labels := $objects }}
{{ $kind }}:{{ range $key, $value := include "observability-platform.operatorLabels" (dict "root" $ "labels" $labels) | fromYaml }} {{ $key }}={{ $value }}{{ end }}
{{- end }}
{{- end }}

{{/* Name of the Secret that the chart creates for Grafana's administrator. */}}
{{- define "observability-platform.grafanaSecret" -}}
observability-platform-grafana-admin
{{- end }}

{{/*
Labels by which the selectors of a Prometheus operator can find an object. The object's own labels win over
global.monitoring.labels, and those over `release`. Argument: a dict of `root` and `labels`.
*/}}
{{- define "observability-platform.operatorLabels" -}}
{{- merge dict .labels .root.Values.global.monitoring.labels (dict "release" .root.Release.Name) | toYaml -}}
{{- end }}

{{/* Namespace of the AlertmanagerConfig: that of the bundled Alertmanager, because only there it receives all alerts. */}}
{{- define "observability-platform.alertingNamespace" -}}
{{- $stack := index .Values "kube-prometheus-stack" -}}
{{- if and $stack.enabled $stack.alertmanager.enabled -}}
{{- include "observability-platform.namespace" (dict "root" . "part" "alertmanager") -}}
{{- else -}}
{{- .Release.Namespace -}}
{{- end -}}
{{- end }}

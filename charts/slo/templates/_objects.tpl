{{/*
PrometheusRule of a service. Each service has its own, so that the rules of the others still load if the operator rejects
one. Argument: a dict of `root`, `name` and `service`.
*/}}
{{- define "slo.prometheusRule" -}}
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: {{ include "slo.objectName" . | quote }}
  namespace: {{ .root.Release.Namespace | quote }}
  labels:
    {{- include "slo.monitoringLabels" (merge (dict "labels" .root.Values.prometheusRule.labels) .) | nindent 4 }}
spec:
  {{- include "slo.ruleGroups" . | nindent 2 }}
{{- end }}

{{/*
ServiceMonitor or PodMonitor of a service. It sets the job label to the service's name, by which the rules select its
series. Argument: a dict of `root`, `name` and `service`.
*/}}
{{- define "slo.monitor" -}}
{{- $s := include "slo.service" . | fromJson -}}
apiVersion: monitoring.coreos.com/v1
kind: {{ $s.scrape.kind }}
metadata:
  name: {{ include "slo.objectName" . | quote }}
  namespace: {{ .root.Release.Namespace | quote }}
  labels:
    {{- include "slo.monitoringLabels" (merge (dict "labels" .root.Values.monitor.labels) .) | nindent 4 }}
spec:
  namespaceSelector:
    matchNames:
      - {{ $s.namespace | quote }}
  selector:
    matchLabels:
      {{- $s.scrape.selector | default (dict "app.kubernetes.io/name" .name) | toYaml | nindent 6 }}
  {{ eq $s.scrape.kind "PodMonitor" | ternary "podMetricsEndpoints" "endpoints" }}:
    - port: {{ $s.scrape.port | quote }}
      path: {{ $s.scrape.path | quote }}
      interval: {{ $s.scrape.interval }}
      {{- with $s.scrape.scrapeTimeout }}
      scrapeTimeout: {{ . }}
      {{- end }}
      {{- if $s.scrape.honorLabels }}
      honorLabels: true
      {{- end }}
      relabelings:
        - targetLabel: job
          replacement: {{ .name | quote }}
{{- end }}

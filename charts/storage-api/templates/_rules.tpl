{{/* The groups of our rules: the spec of the PrometheusRule, which `helm test` of the platform looks up too. */}}
{{- define "storage-api.ruleGroups" -}}
{{- /* Without a ServiceMonitor of ours, or without pods, there is no target by design: its absence is no fault. */}}
{{- $expected := and .Values.serviceMonitor.enabled (or .Values.autoscaling.enabled (gt (int .Values.replicas) 0)) }}
{{- $target := printf "namespace=%q, job=%q" .Release.Namespace (include "storage-api.fullname" .) }}
{{- /* Probes, scrapes and drills are not what users ask for. */}}
{{- $requests := printf "%s, path!~%q" $target "/healthz|/readyz|/metrics|/api/metrics|/openapi.json|/faults" }}
groups:
  - name: {{ include "storage-api.fullname" . }}.rules
    rules:
      - record: namespace_job:http_request_count:rate5m
        expr: sum by (namespace, job) (rate(http_request_count_total{ {{- $requests -}} }[5m]))
      # No requests, no ratio; requests without a failure, 0.
      - record: namespace_job:http_request_errors:ratio_rate5m
        expr: |-
          (
            sum by (namespace, job) (rate(http_request_count_total{ {{- $requests }}, status=~"5.."}[5m]))
            or
            0 * namespace_job:http_request_count:rate5m{ {{- $target -}} }
          )
          / (namespace_job:http_request_count:rate5m{ {{- $target -}} } > 0)
  {{- with .Values.prometheusRule.alerts }}
  {{- if or .down.enabled .errorRatioHigh.enabled }}
  - name: {{ include "storage-api.fullname" $ }}.alerts
    rules:
      {{- if .down.enabled }}
      - alert: StorageApiDown
        expr: up{ {{- $target -}} } == 0{{ if $expected }} or absent(up{ {{- $target -}} }){{ end }}
        for: {{ .down.for }}
        labels:
          severity: {{ .down.severity }}
        annotations:
          summary: The storage API can't be scraped.
          description: >-
            {{ "{{ if $labels.pod }}" -}}
            Prometheus has not reached {{ "{{ $labels.pod }} of {{ $labels.namespace }}/{{ $labels.job }}" }} for {{ .down.for }}.
            {{- "{{ else }}" -}}
            The target of {{ "{{ $labels.namespace }}/{{ $labels.job }}" }} is gone: Prometheus has had none for {{ .down.for }}.
            {{- "{{ end }}" }}
          {{- with include "storage-api.runbookUrl" (dict "root" $ "alert" "StorageApiDown") }}
          {{- . | nindent 10 }}
          {{- end }}
      {{- end }}
      {{- if .errorRatioHigh.enabled }}
      - alert: StorageApiErrorRatioHigh
        expr: namespace_job:http_request_errors:ratio_rate5m{ {{- $target -}} } > {{ .errorRatioHigh.threshold }}
        for: {{ .errorRatioHigh.for }}
        labels:
          severity: {{ .errorRatioHigh.severity }}
        annotations:
          summary: The storage API fails too many requests.
          description: >-
            {{ "{{ $labels.namespace }}/{{ $labels.job }} answers {{ $value | humanizePercentage }}" }} of its requests
            with 5xx; the limit is {{ printf "{{ %v | humanizePercentage }}" .errorRatioHigh.threshold }}.
          {{- with include "storage-api.runbookUrl" (dict "root" $ "alert" "StorageApiErrorRatioHigh") }}
          {{- . | nindent 10 }}
          {{- end }}
      {{- end }}
  {{- end }}
  {{- end }}
{{- end }}

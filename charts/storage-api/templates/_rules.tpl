{{/* Rule groups: the spec of the PrometheusRule, and the names of the rules that `helm test` of the platform expects. */}}
{{- define "storage-api.ruleGroups" -}}
{{- /* Without a ServiceMonitor or without pods there is no target on purpose, so its absence must not fire an alert. */}}
{{- $expected := and .Values.serviceMonitor.enabled (or .Values.autoscaling.enabled (gt (int .Values.replicas) 0)) }}
{{- $target := printf "namespace=%q, job=%q" .Release.Namespace (include "storage-api.fullname" .) }}
{{- /* Count only users' requests: no probes, scrapes or drills. */}}
{{- $requests := printf "%s, path!~%q" $target "/healthz|/readyz|/metrics|/api/metrics|/openapi.json|/faults" }}
groups:
  - name: {{ include "storage-api.fullname" . }}.rules
    rules:
      - record: namespace_job:http_request_count:rate5m
        expr: sum by (namespace, job) (rate(http_request_count_total{ {{- $requests -}} }[5m]))
      # 0 if no request fails; no sample if there are no requests.
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
          summary: Prometheus cannot scrape the storage API.
          description: >-
            {{ "{{ if $labels.pod }}" -}}
            Prometheus has failed to scrape the pod {{ "{{ $labels.pod }} of {{ $labels.namespace }}/{{ $labels.job }}" }} for {{ .down.for }}.
            {{- "{{ else }}" -}}
            Prometheus has found no pod of {{ "{{ $labels.namespace }}/{{ $labels.job }}" }} to scrape for {{ .down.for }}.
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
          summary: Too many requests to the storage API fail.
          description: >-
            {{ "{{ $labels.namespace }}/{{ $labels.job }} answered {{ $value | humanizePercentage }}" }} of its requests
            in the last 5 minutes with a 5xx status; the threshold is {{ printf "{{ %v | humanizePercentage }}" .errorRatioHigh.threshold }}.
          {{- with include "storage-api.runbookUrl" (dict "root" $ "alert" "StorageApiErrorRatioHigh") }}
          {{- . | nindent 10 }}
          {{- end }}
      {{- end }}
  {{- end }}
  {{- end }}
{{- end }}

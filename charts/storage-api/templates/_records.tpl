{{/*
Recording rules for dashboards: what only this service knows, in addition to the records of charts/slo. They have the label
`slo_service` too. A record whose metric is in config.metricsDisabled is left out, and that of faults unless they are enabled.
*/}}
{{- define "storage-api.records" -}}
{{- $m5 := include "storage-api.duration" (dict "root" . "duration" "5m") -}}
{{- $target := printf "namespace=%q, job=%q" .Release.Namespace (include "storage-api.fullname" .) -}}
{{- $rate := printf "sum by (%%s) (rate(%%s{%s}[%s]))" $target $m5 -}}
{{- if .Values.faults.enabled -}}
{{- include "storage-api.record" (dict "root" . "record" "service:fault:active" "expr" (printf "max by (fault) (storage_fault_active{%s})" $target)) -}}
{{- end -}}
{{- include "storage-api.record" (dict "root" . "record" "service:latency_seconds_bucket:rate" "family" "http_request_duration_seconds"
      "expr" (printf $rate "le" "http_request_duration_seconds_bucket")) -}}
{{- include "storage-api.record" (dict "root" . "record" "storage:operations:rate" "family" "storage_operations"
      "expr" (printf $rate "operation, outcome" "storage_operations_total")) -}}
{{- /* Without operations the quantile is NaN, and `>= 0` removes it. */ -}}
{{- include "storage-api.record" (dict "root" . "record" "storage:operation_seconds:quantile" "family" "storage_operation_duration_seconds" "labels" (dict "quantile" "0.99")
      "expr" (printf "histogram_quantile(0.99, %s) >= 0" (printf $rate "backend, operation, le" "storage_operation_duration_seconds_bucket"))) -}}
{{- end }}

{{/*
One recording rule, which has no value while none of the service's targets is up: a rate goes on for minutes after that, though it
says nothing about the present. Argument: a dict of `root`, `record`, `expr`, `family` (as config.metricsDisabled names it) and
`labels` (both optional).
*/}}
{{- define "storage-api.record" -}}
{{- $job := include "storage-api.fullname" .root -}}
{{- if not (has .family .root.Values.config.metricsDisabled) }}
- record: {{ .record }}
  expr: |-
    {{ .expr }}
    and on () (up{namespace={{ quote .root.Release.Namespace }}, job={{ quote $job }}} == 1)
  labels:
    {{- merge (dict "namespace" .root.Release.Namespace "slo_service" $job) (.labels | default dict) | toYaml | nindent 4 }}
{{- end -}}
{{- end }}

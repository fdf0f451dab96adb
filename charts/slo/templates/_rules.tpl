{{/*
Rule groups of a service: the spec of its PrometheusRule. Groups stay below 20 rules, Mimir's limit. Argument: a dict of
`root`, `name` and `service` (the entry of `services`).
*/}}
{{- define "slo.ruleGroups" -}}
{{- $s := include "slo.service" . | fromJson -}}
{{- $interval := include "slo.seconds" .root.Values.interval -}}
{{- $slow := printf "%ds" (mul 4 $interval) -}}
groups:
  - name: {{ $s.name }}-service
    interval: {{ .root.Values.interval }}
    rules:
      {{- include "slo.serviceRules" (dict "root" .root "s" $s) | trim | nindent 6 }}
  {{- with include "slo.routeRules" (dict "root" .root "s" $s) | trim }}
  - name: {{ $s.name }}-routes
    interval: {{ $.root.Values.interval }}
    rules:
      {{- . | nindent 6 }}
  {{- end }}
  - name: {{ $s.name }}-pods
    interval: {{ .root.Values.interval }}
    rules:
      {{- include "slo.podRules" (dict "root" .root "s" $s) | trim | nindent 6 }}
  {{- range $s.indicators }}
  {{- $i := dict "root" $.root "s" $s "i" . }}
  - name: {{ .slo }}-fast
    interval: {{ $.root.Values.interval }}
    rules:
      {{- include "slo.fastRules" $i | trim | nindent 6 }}
  - name: {{ .slo }}-slow
    interval: {{ $slow }}
    rules:
      {{- include "slo.slowRules" $i | trim | nindent 6 }}
  {{- with include "slo.burnRules" $i | trim }}
  - name: {{ $i.i.slo }}-alerts
    interval: {{ $.root.Values.interval }}
    rules:
      {{- . | nindent 6 }}
  {{- end }}
  {{- end }}
  - name: {{ $s.name }}-alerts
    interval: {{ .root.Values.interval }}
    rules:
      {{- include "slo.absenceAlerts" (dict "root" .root "s" $s) | trim | nindent 6 }}
      {{- include "slo.stateRule" (dict "root" .root "s" $s) | trim | nindent 6 }}
{{- end }}

{{/* One recording rule. Argument: a dict of `record`, `expr` and `labels`. */}}
{{- define "slo.record" }}
- record: {{ .record }}
  expr: |-
    {{- .expr | trim | nindent 4 }}
  labels:
    {{- toYaml .labels | nindent 4 }}
{{- end }}

{{/* Recording rules for rates and ratios over windows of up to 6h. Argument: a dict of `root`, `s` and `i` (the indicator). */}}
{{- define "slo.fastRules" -}}
{{- $i := .i -}}
{{- range include "slo.windowsOf" (dict "root" .root "kind" "raw") | fromJsonArray -}}
{{- $argument := dict "root" $.root "s" $.s "indicator" $i.name "sli" $i.sli "window" . -}}
{{- include "slo.record" (dict "record" (printf "slo:requests:rate%s" .) "labels" $i.labels "expr" (include "slo.requests" $argument)) -}}
{{- include "slo.record" (dict "record" (printf "slo:bad_requests:rate%s" .) "labels" $i.labels "expr" (include "slo.badRequests" $argument)) -}}
{{- /* `> 0`: without requests there is no ratio, neither NaN nor 0. */}}
{{- include "slo.record" (dict "record" (printf "slo:bad_requests_per_requests:ratio_rate%s" .) "labels" $i.labels
      "expr" (printf "slo:bad_requests:rate%s{%s} / (slo:requests:rate%s{%s} > 0)" . $i.sli . $i.sli)) -}}
{{- end -}}
{{- range include "slo.windowsOf" (dict "root" .root "kind" "fast") | fromJsonArray -}}
{{- include "slo.longRatio" (dict "root" $.root "i" $i "window" .) -}}
{{- end -}}
{{- $range := include "slo.duration" (dict "root" .root "duration" "5m") -}}
{{- range list "requests" "bad_requests" -}}
{{- include "slo.record" (dict "record" (printf "slo:%s:avg5m_rate5m" .) "labels" $i.labels
      "expr" (printf "avg_over_time(slo:%s:rate5m{%s}[%s])" . $i.sli $range)) -}}
{{- end -}}
{{- end }}

{{/*
Recording rules for ratios over windows longer than 6h and over the period, for the objective and the remaining error budget.
Argument: a dict of `root`, `s` and `i` (the indicator).
*/}}
{{- define "slo.slowRules" -}}
{{- $i := .i -}}
{{- $period := .root.Values.period -}}
{{- range include "slo.windowsOf" (dict "root" .root "kind" "slow") | fromJsonArray -}}
{{- include "slo.longRatio" (dict "root" $.root "i" $i "window" .) -}}
{{- end -}}
{{- include "slo.record" (dict "record" "slo:objective:ratio" "labels" $i.labels "expr" (printf "vector(%v)" $i.objective)) -}}
{{- include "slo.record" (dict "record" "slo:error_budget_remaining:ratio" "labels" $i.labels
      "expr" (printf "1 - slo:bad_requests_per_requests:ratio_rate%s{%s} / %v" $period $i.sli $i.budget)) -}}
{{- /* The share of the period for which Prometheus has samples. */}}
{{- $steps := divf (include "slo.seconds" $period) (include "slo.seconds" "5m") -}}
{{- include "slo.record" (dict "record" "slo:period_covered:ratio" "labels" $i.labels
      "expr" (printf "clamp_max(count_over_time(slo:requests:avg5m_rate5m{%s}[%s]) / %v, 1)" $i.sli (include "slo.periodRange" .root) $steps)) -}}
{{- if eq $i.name "latency" -}}
{{- include "slo.record" (dict "record" "slo:latency_threshold:seconds" "labels" $i.labels
      "expr" (printf "vector(%v)" .s.slis.latency.threshold)) -}}
{{- end -}}
{{- include "slo.record" (dict "record" "slo_info" "expr" "vector(1)"
      "labels" (merge (dict "objective" (printf "%v" (mulf $i.objective 100)) "period" $period) $i.labels)) -}}
{{- end }}

{{/*
Recording rule for the ratio over a long window, from the recorded rates. It divides sums instead of averaging ratios, so
that every request counts the same whenever it was sent.
Argument: a dict of `root`, `i` and `window`.
*/}}
{{- define "slo.longRatio" -}}
{{- $rate := "rate5m" -}}
{{- $range := include "slo.duration" (dict "root" .root "duration" .window) -}}
{{- if eq .window .root.Values.period }}{{ $rate = "avg5m_rate5m" }}{{ $range = include "slo.periodRange" .root }}{{ end -}}
{{- include "slo.record" (dict "record" (printf "slo:bad_requests_per_requests:ratio_rate%s" .window) "labels" .i.labels
      "expr" (printf "sum_over_time(slo:bad_requests:%s{%s}[%s])\n/ (sum_over_time(slo:requests:%s{%s}[%s]) > 0)" $rate .i.sli $range $rate .i.sli $range)) -}}
{{- end }}

{{/*
Range and step of the subquery that reads `avg5m_rate5m` over the period: one sample every five minutes, because reading all
86,400 samples of 30 days would take longer than all other rules together. A subquery of `rate5m` would not do: each of its
samples covers the increase from the first to the last scrape in its window, so increases between the last scrape of one
window and the first of the next are lost, such as every error of a job that runs every five minutes. Argument: the root.
*/}}
{{- define "slo.periodRange" -}}
{{ include "slo.duration" (dict "root" . "duration" .Values.period) }}:{{ include "slo.duration" (dict "root" . "duration" "5m") }}
{{- end }}

{{/*
Recording rule for the state of a service as one number, for tables: 5 down, 4 a critical alert, 3 a warning, 2 degraded (a target is down, or
requests fail fast enough for a critical alert), 1 no traffic, 0 healthy. Argument: a dict of `root` and `s`.
*/}}
{{- define "slo.stateRule" -}}
{{- $sel := .s.recorded -}}
{{- $on := "by (namespace, slo_service)" }}
{{- $lines := list
      (printf "5 * (service:targets:up{%s} == bool 0) > 0" $sel)
      (printf "or 4 * group %s (ALERTS{alertstate=\"firing\", severity=\"critical\", %s})" $on $sel)
      (printf "or 3 * group %s (ALERTS{alertstate=\"firing\", severity=\"warning\", %s})" $on $sel)
      (printf "or 2 * group %s (ALERTS{alertstate=\"pending\", %s} or service:targets:up{%s} < service:targets:expected{%s})" $on $sel $sel $sel)
      (printf "or 2 * group %s (slo:alert_progress:ratio{severity=\"critical\", %s} >= 1)" $on $sel)
      (printf "or 0 * (sum %s (service:requests:rate{%s}) > 0)" $on $sel)
      (printf "or service:targets:up{%s} ^ 0" $sel) -}}
{{- include "slo.record" (dict "record" "service:state" "labels" .s.labels "expr" (join "\n" $lines)) -}}
{{- end }}

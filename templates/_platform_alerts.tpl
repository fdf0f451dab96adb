{{/* `true` if the platform's own alerts are installed, else nothing. */}}
{{- define "observability-platform.platformAlerts" -}}
{{- $stack := index .Values "kube-prometheus-stack" -}}
{{- $values := .Values.platformAlerts -}}
{{- $wanted := eq (toString $values.enabled) "auto" | ternary (and $stack.enabled $stack.prometheus.enabled) $values.enabled -}}
{{- and (eq (toString $wanted) "true") (or $values.scrapeSlow.enabled $values.samplesOverBudget.enabled) | ternary "true" "" -}}
{{- end }}

{{/*
The alerts in files/stack-alerts.yaml that the values of kube-prometheus-stack disable, as a JSON list. All of them are
enabled by default.
*/}}
{{- define "observability-platform.disabledStackAlerts" -}}
{{- $rules := (index .Values "kube-prometheus-stack").defaultRules | default dict -}}
{{- $disabled := list -}}
{{- range $group, $alerts := .Files.Get "files/stack-alerts.yaml" | fromYaml -}}
{{- range $alerts -}}
{{- if not (and (dig "create" true $rules) (dig "rules" $group true $rules) (not (dig "disabled" . false $rules))) -}}
{{- $disabled = append $disabled . -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $disabled -}}
{{- end }}

{{/*
A duration as rules use it: the given one, or the `speed`-th part of it in milliseconds. Like slo.duration and
storage-api.duration, which do not exist if those charts are disabled. Argument: a dict of `root` and `duration`.
*/}}
{{- define "observability-platform.duration" -}}
{{- $speed := int64 .root.Values.global.monitoring.speed -}}
{{- if eq $speed 1 -}}
{{- .duration -}}
{{- else -}}
{{- $units := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 "d" 86400000 "w" 604800000 "y" 31536000000 -}}
{{- $sum := 0 -}}
{{- range regexFindAll "[0-9]+(ms|[smhdwy])" .duration -1 -}}
{{- $sum = add $sum (mul (regexFind "^[0-9]+" . | int64) (get $units (regexFind "[a-z]+$" .) | int64)) -}}
{{- end -}}
{{- printf "%dms" (div $sum $speed) -}}
{{- end -}}
{{- end }}

{{/*
One alert, or nothing if it is disabled. Argument: a dict of `root`, `alert`, `values` (its entry in platformAlerts),
`expr`, `summary` and `description`.
*/}}
{{- define "observability-platform.platformAlert" -}}
{{- $monitoring := .root.Values.global.monitoring -}}
{{- if .values.enabled }}
- alert: {{ .alert }}
  expr: |-
    {{- .expr | trim | nindent 4 }}
  for: {{ include "observability-platform.duration" (dict "root" .root "duration" .values.for) }}
  labels:
    severity: {{ .values.severity }}
    runbook: {{ kebabcase .alert }}
  annotations:
    summary: {{ printf "{{ $labels.namespace }}/{{ $labels.job }}: %s" .summary | quote }}
    description: {{ .description | quote }}
    {{- with $monitoring.runbookUrl }}
    runbook_url: {{ printf "%s/%s" (trimSuffix "/" .) (kebabcase $.alert) | quote }}
    {{- end }}
    {{- with $monitoring.grafanaUrl }}
    dashboard_url: {{ printf "%s/d/observability-platform-platform?var-job={{ $labels.job }}" (trimSuffix "/" .) | quote }}
    {{- end }}
{{- end -}}
{{- end }}

{{/* Rule groups of the platform's own alerts: the spec of the PrometheusRule, and what `helm test` expects. */}}
{{- define "observability-platform.platformRuleGroups" -}}
{{- $slow := .Values.platformAlerts.scrapeSlow -}}
{{- $budget := .Values.platformAlerts.samplesOverBudget -}}
{{- $m10 := include "observability-platform.duration" (dict "root" . "duration" "10m") -}}
{{- $excluded := list -}}
{{- range $budget.excludeJobs }}{{ $excluded = append $excluded (regexQuoteMeta .) }}{{ end -}}
{{- $matcher := $excluded | empty | ternary "" (printf "{job!~%q}" (join "|" $excluded)) -}}
groups:
  - name: {{ .Release.Name }}-platform.alerts
    rules:
      {{- /* If no scrape of a target succeeds, the target is down, and TargetDown fires instead. */}}
      {{- include "observability-platform.platformAlert" (dict "root" . "alert" "TargetScrapeSlow" "values" $slow
            "expr" (printf "max by (namespace, job) (\n  avg_over_time(scrape_duration_seconds[%s]) > %v\n  and max_over_time(up[%s]) == 1\n)" $m10 $slow.seconds $m10)
            "summary" "its slowest target takes {{ $value | humanizeDuration }} per scrape."
            "description" (printf "That is the average of the last 10m; the threshold is %v s. A scrape that exceeds its timeout loses all metrics of the target." $slow.seconds)) | nindent 6 }}
      {{- include "observability-platform.platformAlert" (dict "root" . "alert" "TargetSamplesOverBudget" "values" $budget
            "expr" (printf "max by (namespace, job) (scrape_samples_post_metric_relabeling%s) > %d" $matcher (int64 $budget.samples))
            "summary" "one of its targets exposes {{ printf `%.0f` $value }} samples."
            "description" (printf "The budget of a target is %d samples per scrape. Each sample is a series in Prometheus' memory." (int64 $budget.samples))) | nindent 6 }}
  {{- /* What the dashboard Platform compares with: the thresholds of these alerts. */}}
  - name: {{ .Release.Name }}-platform.budgets
    rules:
      {{- if $slow.enabled }}
      - record: platform:scrape_duration_budget:seconds
        expr: vector({{ $slow.seconds }})
      {{- end }}
      {{- if $budget.enabled }}
      - record: platform:scrape_samples_budget:ratio
        expr: {{ printf "max by (namespace, job, pod, instance) (scrape_samples_post_metric_relabeling%s) / %d" $matcher (int64 $budget.samples) | quote }}
      {{- end }}
{{- end }}

{{/*
What alerts have in common: labels and links. Argument: a dict of `root`, `labels`, `severity` and `runbook` (the name of
its page in docs/runbooks).
*/}}
{{- define "slo.alertLabels" -}}
{{- merge (dict "severity" .severity "runbook" .runbook) .labels | toYaml -}}
{{- end }}

{{/* Matchers as text in an annotation, where Prometheus expands templates. Argument: the matchers. */}}
{{- define "slo.quotedText" -}}
{{- replace "\"" "'" . | replace "{{" "{ {" -}}
{{- end }}

{{- define "slo.alertLinks" -}}
{{- $monitoring := dig "monitoring" dict (.root.Values.global | default dict) -}}
{{- with $monitoring.runbookUrl }}
runbook_url: {{ printf "%s/%s" (trimSuffix "/" .) $.runbook | quote }}
{{- end }}
{{- if and $monitoring.grafanaUrl .s.dashboard }}
dashboard_url: {{ printf "%s/d/%s?var-namespace=%s&var-job=%s" (trimSuffix "/" $monitoring.grafanaUrl) .s.dashboard .s.namespace (urlquery .s.job) | quote }}
{{- end }}
{{- end }}

{{/*
One alert. Argument: a dict of `root`, `s` (its service), `alert`, `expr`, `for` or `keepFiringFor`, `labels`, `severity`, `runbook`,
`summary` and `description`.
*/}}
{{- define "slo.alert" }}
- alert: {{ .alert }}
  expr: |-
    {{- .expr | trim | nindent 4 }}
  {{- with .for }}
  for: {{ include "slo.duration" (dict "root" $.root "duration" .) }}
  {{- end }}
  {{- with .keepFiringFor }}
  keep_firing_for: {{ include "slo.duration" (dict "root" $.root "duration" .) }}
  {{- end }}
  labels:
    {{- include "slo.alertLabels" . | nindent 4 }}
  annotations:
    summary: {{ .summary | quote }}
    description: {{ .description | quote }}
    {{- with include "slo.alertLinks" . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
{{- end }}

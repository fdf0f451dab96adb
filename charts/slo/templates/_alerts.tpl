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
{{- with $monitoring.grafanaUrl }}
dashboard_url: {{ printf "%s/d/observability-platform-service?var-namespace=%s&var-service=%s" (trimSuffix "/" .) $.labels.namespace $.labels.slo_service | quote }}
{{- end }}
{{- end }}

{{/*
One alert. Argument: a dict of `root`, `alert`, `expr`, `for` or `keepFiringFor`, `labels`, `severity`, `runbook`,
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

{{/*
One alert. Argument: a dict of `root`, `s` (its service), `alert`, `expr`, `for` or `keepFiringFor`, `labels`, `severity`, `runbook` (the name
of its page in docs/runbooks), `summary` and `description`.
*/}}
{{- define "slo.alert" }}
{{- $monitoring := dig "monitoring" dict (.root.Values.global | default dict) }}
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
    {{- merge (dict "severity" .severity "runbook" .runbook) .labels | toYaml | nindent 4 }}
  annotations:
    summary: {{ .summary | quote }}
    description: {{ .description | quote }}
    {{- with $monitoring.runbookUrl }}
    runbook_url: {{ printf "%s/%s" (trimSuffix "/" .) $.runbook | quote }}
    {{- end }}
    {{- if and $monitoring.grafanaUrl .s.dashboard }}
    dashboard_url: {{ printf "%s/d/%s?var-namespace=%s&var-service=%s" (trimSuffix "/" $monitoring.grafanaUrl) .s.dashboard .s.namespace .s.name | quote }}
    {{- end }}
{{- end }}

{{/* Matchers for an alert's description, changed so that Prometheus expands no template in them. Argument: the matchers. */}}
{{- define "slo.quotedText" -}}
{{- replace "\"" "'" . | replace "{{" "{ {" -}}
{{- end }}

{{/*
Template of a figure in an alert's text, without an exponent if the figure is large: 2490 instead of 2.49e+03. Argument: the
variable that holds it, such as `$value`.
*/}}
{{- define "slo.figure" -}}
{{- printf `{{ if ge %[1]s 100.0 }}{{ printf "%%.0f" %[1]s }}{{ else }}{{ printf "%%.3g" %[1]s }}{{ end }}` . -}}
{{- end }}

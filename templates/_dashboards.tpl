{{/* `true` if dashboards are installed, else nothing. */}}
{{- define "observability-platform.dashboards" -}}
{{- $stack := index .Values "kube-prometheus-stack" -}}
{{- if eq (.Values.dashboards.enabled | toString) "auto" -}}
{{- and $stack.enabled $stack.grafana.enabled | ternary "true" "" -}}
{{- else -}}
{{- .Values.dashboards.enabled | ternary "true" "" -}}
{{- end -}}
{{- end }}

{{/* Files of this chart's dashboards that are installed, as a JSON list. The storage API's comes with the storage API. */}}
{{- define "observability-platform.dashboardFiles" -}}
{{- $files := list -}}
{{- range $file, $_ := .Files.Glob "dashboards/*.json" -}}
{{- if or (ne $file "dashboards/storage-api.json") (index $.Subcharts "storage-api") -}}
{{- $files = append $files $file -}}
{{- end -}}
{{- end -}}
{{- toJson $files -}}
{{- end }}

{{/*
JSON of one of this chart's dashboards, with global.monitoring.runbookUrl in its links to runbooks. Without that URL these
links are left out. Argument: a dict of `root` and `file`.
*/}}
{{- define "observability-platform.dashboard" -}}
{{- $placeholder := "https://runbooks.invalid" -}}
{{- $text := .root.Files.Get .file | trim -}}
{{- with .root.Values.global.monitoring.runbookUrl -}}
{{- replace $placeholder (trimSuffix "/" . | toJson | trimPrefix "\"" | trimSuffix "\"") $text -}}
{{- else -}}
{{- /* A link is an object in a list: one of the commas around it goes as well. */ -}}
{{- $link := printf `\{[^{}]*"url": "%s[^"]*"[^{}]*\}` (regexQuoteMeta $placeholder) -}}
{{- regexReplaceAll (printf `,\s*%s|%s\s*,?` $link $link) $text "" -}}
{{- end -}}
{{- end }}

{{/* `true` if the dashboards of this chart are installed, else nothing. */}}
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

{{/* uid -> folder of each installed dashboard, those of the user included, as JSON. */}}
{{- define "observability-platform.installedDashboards" -}}
{{- $values := .Values.dashboards -}}
{{- $folders := dict -}}
{{- if include "observability-platform.dashboards" . -}}
{{- range include "observability-platform.dashboardFiles" . | fromJsonArray -}}
{{- $_ := set $folders ($.Files.Get . | fromJson).uid $values.folder -}}
{{- end -}}
{{- end -}}
{{- range $values.extra -}}
{{- /* toString: templates/validate.yaml refuses another type, but may be rendered after this. */ -}}
{{- $_ := set $folders ((.json | fromJson).uid | toString) (.folder | default $values.folder) -}}
{{- end -}}
{{- toJson $folders -}}
{{- end }}

{{/*
JSON of one of this chart's dashboards, with global.monitoring.runbookUrl in its links to runbooks. Without that URL these
links are left out. Argument: a dict of `root` and `file`.
*/}}
{{- define "observability-platform.dashboard" -}}
{{- $placeholder := "https://runbooks.invalid" -}}
{{- $text := .root.Files.Get .file | trim -}}
{{- $address := .root.Values.global.monitoring.runbookUrl -}}
{{- if $address -}}
{{- replace $placeholder (trimSuffix "/" $address | toJson | trimPrefix "\"" | trimSuffix "\"") $text -}}
{{- else if not (contains $placeholder $text) -}}
{{- $text -}}
{{- else -}}
{{- /* A link is an object in a list: one of the commas around it goes as well. */ -}}
{{- $link := printf `\{[^{}]*"url": "%s[^"]*"[^{}]*\}` (regexQuoteMeta $placeholder) -}}
{{- regexReplaceAll (printf `,\s*%s|%s\s*,?` $link $link) $text "" -}}
{{- end -}}
{{- end }}

{{/* A dashboard's ConfigMap without its data. Argument: a dict of `root`, `name` and `folder`. */}}
{{- define "observability-platform.dashboardHead" -}}
{{- $values := .root.Values.dashboards -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .root.Release.Name }}-dashboard-{{ .name }}
  namespace: {{ .root.Release.Namespace | quote }}
  labels:
    {{- include "observability-platform.labels" (dict "root" .root "component" "dashboard" "extra" $values.labels) | nindent 4 }}
  annotations:
    {{- merge (dict $values.folderAnnotation .folder) $values.annotations | toYaml | nindent 4 }}
{{- end }}

{{/*
Key of one of the user's own dashboards in its ConfigMap: the sidecar writes a file of this name, which no other dashboard in the
folder may have. Argument: the dashboard's name.
*/}}
{{- define "observability-platform.extraDashboardKey" -}}
extra-{{ . }}.json
{{- end }}

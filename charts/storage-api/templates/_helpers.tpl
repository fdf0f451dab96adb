{{/*
The name of every object: `<release>-storage-api`, or the release's own name where it holds that already.
At most 50 characters, so that suffixes fit into 63; a longer one is cut and made unique by a hash.
*/}}
{{- define "storage-api.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := default (contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name)) .Values.fullnameOverride -}}
{{- if gt (len $full) 50 -}}
{{- printf "%s-%s" ($full | trunc 41 | trimSuffix "-") (sha256sum $full | trunc 8) -}}
{{- else -}}
{{- $full -}}
{{- end -}}
{{- end }}

{{/* What a Service, a monitor or a policy selects our pods by: never changed, it is immutable in a workload. */}}
{{- define "storage-api.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: api
{{- end }}

{{/* The labels of our pods: without the chart's version, which would restart them at every release of it. */}}
{{- define "storage-api.podLabels" -}}
{{ include "storage-api.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: observability-platform
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* The labels of every object. */}}
{{- define "storage-api.labels" -}}
{{ include "storage-api.podLabels" . }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/*
The labels by which an operator's selectors find monitors and rules: `release`, then global.monitoring.labels,
then the object's own, later ones winning. Argument: a dict of `root` and `labels`.
*/}}
{{- define "storage-api.monitoringLabels" -}}
{{- $global := dig "monitoring" "labels" dict (.root.Values.global | default dict) -}}
{{- toYaml (merge dict .labels $global (dict "release" .root.Release.Name)) -}}
{{- end }}

{{- define "storage-api.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "storage-api.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{/* registry/repository:tag, or @digest; global.imageRegistry reaches every image of the platform. */}}
{{- define "storage-api.image" -}}
{{- $registry := default .Values.image.registry (.Values.global | default dict).imageRegistry -}}
{{- $version := .Values.image.digest | empty | ternary (printf ":%s" (default .Chart.AppVersion .Values.image.tag)) (printf "@%s" .Values.image.digest) -}}
{{- printf "%s%s%s" (empty $registry | ternary "" (printf "%s/" $registry)) .Values.image.repository $version -}}
{{- end }}

{{/* An alert's runbook annotation, or nothing. Argument: a dict of `root` and `alert`. */}}
{{- define "storage-api.runbookUrl" -}}
{{- with .root.Values.prometheusRule.runbookUrl -}}
runbook_url: {{ printf "%s/%s" (trimSuffix "/" .) $.alert }}
{{- end -}}
{{- end }}

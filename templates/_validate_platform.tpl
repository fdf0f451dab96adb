{{/* Errors in our own values, and errors that several components of the stack share, one per line. */}}
{{- define "observability-platform.errors.platform" -}}
{{- $stack := include "observability-platform.stack" . | fromJson -}}
{{- if contains "/blob/" .Values.global.monitoring.runbookUrl }}
global.monitoring.runbookUrl: {{ .Values.global.monitoring.runbookUrl }} is a folder on a Git server, where a link to a page would need .md at its end; set it to the address of the folder runbooks of the site that `make docs` builds
{{- end }}
{{- if include "observability-platform.storageApiSlo" . }}
{{- $disabled := (index .Subcharts "storage-api").Values.config.metricsDisabled }}
{{- if and (has "http_request_count" $disabled) (has "http_request_duration_seconds" $disabled) }}
storage-api.config.metricsDisabled: http_request_count and http_request_duration_seconds are both disabled, but the service levels need one of them; remove one, or set slo.services.storage-api to null
{{- end }}
{{- end }}
{{- if and .Values.tests.enabled .Values.tests.grafanaUrl (not .Values.tests.grafanaSecret) }}
tests.grafanaSecret: empty, but tests.grafanaUrl is set; set it to a Secret with the keys admin-user and admin-password
{{- end }}
{{- if $stack.enabled }}
{{- range $part := list "prometheus" "alertmanager" "grafana" }}
{{- $values := index $stack $part }}
{{- if and $values.enabled (not $values.service.enabled) }}
kube-prometheus-stack.{{ $part }}.service.enabled: false, but datasources, `helm test` and the notes use this Service; set it to true
{{- end }}
{{- end }}
{{- range $part := list "prometheus" "alertmanager" }}
{{- $name := printf "%sSpec" $part }}
{{- $spec := index $stack $part $name }}
{{- if and (index $stack $part).enabled $spec.listenLocal }}
kube-prometheus-stack.{{ $part }}.{{ $name }}.listenLocal: true, so datasources and `helm test` cannot reach it; set it to false
{{- end }}
{{- if and (index $stack $part).enabled $spec.web.tlsConfig }}
kube-prometheus-stack.{{ $part }}.{{ $name }}.web.tlsConfig: not supported, because the datasource of kube-prometheus-stack and `helm test` use plain HTTP inside the cluster; remove it, and terminate TLS at an Ingress
{{- end }}
{{- end }}
{{- $webhooks := $stack.prometheusOperator.admissionWebhooks }}
{{- if and $webhooks.certManager.enabled $webhooks.patch.enabled }}
kube-prometheus-stack.prometheusOperator.admissionWebhooks.patch.enabled: true together with certManager.enabled, but only one of them can create the webhook's certificate; set one of the two to false
{{- end }}
{{- end }}
{{- end }}

{{/*
Reasons why the stack's operator or one of its servers would not select one of our objects, one per line. Argument: a
dict of `root`, `object` (its name in messages), `labels`, `labelled` (the value that adds labels), `namespace`, `path`
(of the server's spec, such as `prometheus.prometheusSpec`) and `kind` (prefix of the selectors there: `rule` for
`ruleSelector` and `ruleNamespaceSelector`).
*/}}
{{- define "observability-platform.errors.ignored" -}}
{{- $stack := include "observability-platform.stack" .root | fromJson -}}
{{- $spec := $stack }}
{{- range splitList "." .path }}{{ $spec = index $spec . }}{{ end }}
{{- $at := printf "kube-prometheus-stack.%s.%s" .path .kind }}
{{- $selector := index $spec (printf "%sSelector" .kind) }}
{{- if and (not $selector) (index $spec (printf "%sSelectorNilUsesHelmValues" .kind)) }}
{{- $selector = dict "matchLabels" (dict "release" .root.Release.Name) }}
{{- end }}
{{- if not (include "observability-platform.selects" (dict "root" .root "selector" $selector "labels" .labels "partly" false)) }}
{{ $at }}Selector: does not match {{ .object }}; change it, or add the labels that it requires to {{ .labelled }}
{{- end }}
{{- $selector = index $spec (printf "%sNamespaceSelector" .kind) }}
{{- $name := dict "kubernetes.io/metadata.name" .namespace }}
{{- if not (include "observability-platform.selects" (dict "root" .root "selector" $selector "labels" $name "partly" true)) }}
{{ $at }}NamespaceSelector: does not match the namespace {{ .namespace }} of {{ .object }}; add this namespace
{{- end }}
{{- $operator := $stack.prometheusOperator }}
{{- $watched := $operator.namespaces.additional | default list }}
{{- if $operator.namespaces.releaseNamespace }}
{{- $watched = append $watched (include "observability-platform.namespace" (dict "root" .root "part" "prometheus")) }}
{{- end }}
{{- if and $operator.namespaces (not (has .namespace $watched)) }}
kube-prometheus-stack.prometheusOperator.namespaces: does not contain the namespace {{ .namespace }} of {{ .object }}; add it to `additional`
{{- end }}
{{- if has .namespace $operator.denyNamespaces }}
kube-prometheus-stack.prometheusOperator.denyNamespaces: contains the namespace {{ .namespace }} of {{ .object }}; remove it
{{- end }}
{{- if and (eq .kind "alertmanagerConfig") $operator.alertmanagerConfigNamespaces (not (has .namespace $operator.alertmanagerConfigNamespaces)) }}
kube-prometheus-stack.prometheusOperator.alertmanagerConfigNamespaces: does not contain the namespace {{ .namespace }} of {{ .object }}; add it
{{- end }}
{{- end }}

{{/* Contradictions of our own values, and of what the parts of the stack have in common, a line each. */}}
{{- define "observability-platform.faults.platform" -}}
{{- $stack := include "observability-platform.stack" . | fromJson -}}
{{- if .Values.alerting.enabled }}
{{- $known := list }}
{{- range .Values.alerting.receivers }}{{ $known = append $known .name }}{{ end }}
{{- range include "observability-platform.routedReceivers" .Values.alerting.route | splitList "\n" | compact | uniq }}
{{- if not (has . $known) }}
alerting.receivers: {{ . }} is missing, which alerting.route names; add it
{{- end }}
{{- end }}
{{- end }}
{{- if and .Values.tests.enabled .Values.tests.grafanaUrl (not .Values.tests.grafanaSecret) }}
tests.grafanaSecret: empty; tests.grafanaUrl needs the Secret with admin-user and admin-password
{{- end }}
{{- if $stack.enabled }}
{{- range $part := list "prometheus" "alertmanager" "grafana" }}
{{- $values := index $stack $part }}
{{- if and $values.enabled (not $values.service.enabled) }}
kube-prometheus-stack.{{ $part }}.service.enabled: false, but datasources, `helm test` and the notes reach it by this Service; set it to true
{{- end }}
{{- end }}
{{- range $part := list "prometheus" "alertmanager" }}
{{- $name := printf "%sSpec" $part }}
{{- $spec := index $stack $part $name }}
{{- if and (index $stack $part).enabled $spec.listenLocal }}
kube-prometheus-stack.{{ $part }}.{{ $name }}.listenLocal: true, so that nothing outside the pod can reach it, datasources and `helm test` included; set it to false
{{- end }}
{{- if and (index $stack $part).enabled $spec.web.tlsConfig }}
kube-prometheus-stack.{{ $part }}.{{ $name }}.web.tlsConfig: the dependency's datasource and `helm test` speak plain http inside the cluster; leave it out, and serve TLS by an Ingress
{{- end }}
{{- end }}
{{- $webhooks := $stack.prometheusOperator.admissionWebhooks }}
{{- if and $webhooks.certManager.enabled $webhooks.patch.enabled }}
kube-prometheus-stack.prometheusOperator.admissionWebhooks.patch.enabled: certManager.enabled makes the webhook's certificate too; set one of the two to false
{{- end }}
{{- end }}
{{- end }}

{{/*
Why the stack's operator or one of its servers ignores an object of ours, a line each. Argument: a dict of `root`,
`object` (its name in the line), `labels`, `labelled` (the value that adds labels), `namespace`, `path` (of the
server's specification) and `kind`, before which `Selector` and `NamespaceSelector` are keys there.
*/}}
{{- define "observability-platform.faults.ignored" -}}
{{- $stack := include "observability-platform.stack" .root | fromJson -}}
{{- $spec := $stack }}
{{- range splitList "." .path }}{{ $spec = index $spec . }}{{ end }}
{{- $at := printf "kube-prometheus-stack.%s.%s" .path .kind }}
{{- $selector := index $spec (printf "%sSelector" .kind) }}
{{- if and (not $selector) (index $spec (printf "%sSelectorNilUsesHelmValues" .kind)) }}
{{- $selector = dict "matchLabels" (dict "release" .root.Release.Name) }}
{{- end }}
{{- if not (include "observability-platform.selects" (dict "root" .root "selector" $selector "labels" .labels "partly" false)) }}
{{ $at }}Selector: does not select {{ .object }}; change it, or add the labels that it asks for to {{ .labelled }}
{{- end }}
{{- $selector = index $spec (printf "%sNamespaceSelector" .kind) }}
{{- $name := dict "kubernetes.io/metadata.name" .namespace }}
{{- if not (include "observability-platform.selects" (dict "root" .root "selector" $selector "labels" $name "partly" true)) }}
{{ $at }}NamespaceSelector: does not select the namespace {{ .namespace }}, where {{ .object }} is; add it
{{- end }}
{{- $operator := $stack.prometheusOperator }}
{{- $watched := $operator.namespaces.additional | default list }}
{{- if $operator.namespaces.releaseNamespace }}
{{- $watched = append $watched (include "observability-platform.namespace" (dict "root" .root "part" "prometheus")) }}
{{- end }}
{{- if and $operator.namespaces (not (has .namespace $watched)) }}
kube-prometheus-stack.prometheusOperator.namespaces: the namespace {{ .namespace }}, where {{ .object }} is, is missing; add it to `additional`
{{- end }}
{{- if has .namespace $operator.denyNamespaces }}
kube-prometheus-stack.prometheusOperator.denyNamespaces: {{ .namespace }} is denied, where {{ .object }} is; take it out
{{- end }}
{{- if and (eq .kind "alertmanagerConfig") $operator.alertmanagerConfigNamespaces (not (has .namespace $operator.alertmanagerConfigNamespaces)) }}
kube-prometheus-stack.prometheusOperator.alertmanagerConfigNamespaces: the namespace {{ .namespace }}, where {{ .object }} is, is missing; add it
{{- end }}
{{- end }}

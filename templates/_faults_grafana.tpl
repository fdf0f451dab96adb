{{/* What would keep the bundled Grafana from its state, its datasources and those who log in, a line each. */}}
{{- define "observability-platform.faults.grafana" -}}
{{- $stack := include "observability-platform.stack" . | fromJson -}}
{{- $grafana := $stack.grafana }}
{{- if and $stack.enabled $grafana.enabled }}
{{- $admin := $grafana.admin }}
{{- if eq $admin.existingSecret (include "observability-platform.grafanaSecret" .) }}
{{- if and .Values.global.gitops (not $grafana.adminPassword) }}
kube-prometheus-stack.grafana.admin.existingSecret: with global.gitops a generated password would change at every sync; make a Secret with the keys {{ $admin.userKey }} and {{ $admin.passwordKey }}, and name it here
{{- end }}
{{- if eq $admin.userKey $admin.passwordKey }}
kube-prometheus-stack.grafana.admin.passwordKey: {{ $admin.passwordKey }} is userKey too; use two keys
{{- end }}
{{- end }}
{{- range $key := list "GF_SECURITY_ADMIN_USER" "GF_SECURITY_ADMIN_PASSWORD" }}
{{- if hasKey $grafana.env $key }}
kube-prometheus-stack.grafana.env.{{ $key }}: the sidecars, `helm test` and the notes take the login from the Secret in kube-prometheus-stack.grafana.admin.existingSecret; put it there
{{- end }}
{{- end }}
{{- $renderer := $grafana.imageRenderer }}
{{- if and .Values.global.gitops $renderer.enabled $renderer.service.enabled (not $renderer.existingSecret) }}
kube-prometheus-stack.grafana.imageRenderer.existingSecret: empty; with global.gitops a generated token would change at every sync; name a Secret with the token here
{{- end }}
{{- if eq (dig "grafana.ini" "auth.basic" "enabled" true $grafana | toString) "false" }}
kube-prometheus-stack.grafana.grafana.ini.auth.basic.enabled: false, but the sidecars and `helm test` log in this way; set it to true
{{- end }}
{{- if ne (dig "grafana.ini" "server" "protocol" "http" $grafana) "http" }}
kube-prometheus-stack.grafana.grafana.ini.server.protocol: the sidecars and `helm test` speak plain http inside the cluster; leave it out, and serve TLS by an Ingress
{{- end }}
{{- $set := or $grafana.useStatefulSet (has $grafana.persistence.type (list "sts" "statefulset")) }}
{{- if and $grafana.persistence.enabled (ne $grafana.deploymentStrategy.type "Recreate") (not $set) }}
kube-prometheus-stack.grafana.deploymentStrategy.type: {{ $grafana.deploymentStrategy.type }} waits for ever with persistence.enabled; set it to Recreate
{{- end }}
{{- $datasources := $grafana.sidecar.datasources }}
{{- $default := and $datasources.isDefaultDatasource $datasources.defaultDatasourceEnabled }}
{{- range $grafana.additionalDataSources }}
{{- if and .isDefault $default }}
kube-prometheus-stack.grafana.additionalDataSources: {{ .name }} is a second default datasource, with which Grafana does not start; leave isDefault out
{{- end }}
{{- $default = or $default .isDefault }}
{{- end }}
{{- $believed := $datasources.defaultDatasourceScrapeInterval }}
{{- with index .Subcharts "storage-api" }}
{{- if gt (include "storage-api.seconds" $stack.prometheus.prometheusSpec.scrapeInterval | float64) (include "storage-api.seconds" $believed | float64) }}
kube-prometheus-stack.prometheus.prometheusSpec.scrapeInterval: {{ $stack.prometheus.prometheusSpec.scrapeInterval }} is longer than the datasource's {{ $believed }}, so that panels find no data; shorten it, or raise kube-prometheus-stack.grafana.sidecar.datasources.defaultDatasourceScrapeInterval
{{- end }}
{{- if and .Values.serviceMonitor.enabled (gt (include "storage-api.seconds" .Values.serviceMonitor.interval | float64) (include "storage-api.seconds" $believed | float64)) }}
storage-api.serviceMonitor.interval: {{ .Values.serviceMonitor.interval }} is longer than the datasource's {{ $believed }}, so that panels find no data; shorten it, or raise kube-prometheus-stack.grafana.sidecar.datasources.defaultDatasourceScrapeInterval
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* What would keep our dashboards from the bundled Grafana, a line each. */}}
{{- define "observability-platform.faults.dashboards" -}}
{{- $stack := include "observability-platform.stack" . | fromJson -}}
{{- if and $stack.enabled $stack.grafana.enabled (include "observability-platform.dashboards" .) }}
{{- $ours := .Values.dashboards }}
{{- $sidecar := $stack.grafana.sidecar.dashboards }}
{{- $at := "kube-prometheus-stack.grafana.sidecar.dashboards" }}
{{- $without := "or set dashboards.enabled to false" }}
{{- if not $sidecar.enabled }}
{{ $at }}.enabled: false, so that Grafana gets none of our dashboards; set it to true, {{ $without }}
{{- end }}
{{- if not $sidecar.SCProvider }}
{{ $at }}.SCProvider: false, so that Grafana does not read the sidecar's folder; set it to true, {{ $without }}
{{- end }}
{{- if eq $sidecar.resource "secret" }}
{{ $at }}.resource: secret, but our dashboards are ConfigMaps; set it to both, {{ $without }}
{{- end }}
{{- if $sidecar.resourceName }}
{{ $at }}.resourceName: the sidecar would read no other object, our dashboards included; leave it out, {{ $without }}
{{- end }}
{{- $label := $sidecar.label }}
{{- $value := $sidecar.labelValue | toString }}
{{- if not (hasKey $ours.labels $label) }}
dashboards.labels: {{ $label }} is missing, which Grafana's sidecar looks for{{ with $value }}; set it to {{ quote . }}{{ end }}
{{- else if and $value (ne (get $ours.labels $label) $value) }}
dashboards.labels: {{ $label }} must be {{ quote $value }}, which Grafana's sidecar looks for
{{- end }}
{{- if ne $ours.folderAnnotation $sidecar.folderAnnotation }}
dashboards.folderAnnotation: must be {{ $sidecar.folderAnnotation }}, which Grafana's sidecar reads ({{ $at }}.folderAnnotation)
{{- end }}
{{- if not $sidecar.provider.foldersFromFilesStructure }}
{{ $at }}.provider.foldersFromFilesStructure: false, so that Grafana ignores dashboards.folder; set it to true, {{ $without }}
{{- end }}
{{- $grafanas := include "observability-platform.namespace" (dict "root" . "part" "grafana") }}
{{- $searched := kindIs "slice" $sidecar.searchNamespace | ternary $sidecar.searchNamespace (splitList "," ($sidecar.searchNamespace | default "" | toString)) | compact | default (list $grafanas) }}
{{- if not (or (has "ALL" $searched) (has .Release.Namespace $searched)) }}
{{ $at }}.searchNamespace: {{ .Release.Namespace }} is missing, where our dashboards are; add it, {{ $without }}
{{- end }}
{{- $rbac := $stack.grafana.rbac }}
{{- if and $rbac.namespaced (not (has .Release.Namespace (append $rbac.namespaces $grafanas))) }}
kube-prometheus-stack.grafana.rbac.namespaces: {{ .Release.Namespace }} is missing, where our dashboards are; with rbac.namespaced the sidecar may not read them; add it, {{ $without }}
{{- end }}
{{- end }}
{{- end }}

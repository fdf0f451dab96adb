{{/* Errors in the login, the storage and the datasources of the bundled Grafana, one per line. */}}
{{- define "observability-platform.errors.grafana" -}}
{{- $stack := include "observability-platform.stack" . | fromJson -}}
{{- $grafana := $stack.grafana }}
{{- if and $stack.enabled $grafana.enabled }}
{{- $admin := $grafana.admin }}
{{- if eq $admin.existingSecret (include "observability-platform.grafanaSecret" .) }}
{{- if and .Values.global.gitops (not $grafana.adminPassword) }}
kube-prometheus-stack.grafana.admin.existingSecret: with global.gitops a generated password would change at every sync; create a Secret with the keys {{ $admin.userKey }} and {{ $admin.passwordKey }}, and set its name here
{{- end }}
{{- if eq $admin.userKey $admin.passwordKey }}
kube-prometheus-stack.grafana.admin.passwordKey: {{ $admin.passwordKey }} is also the userKey; use two different keys
{{- end }}
{{- end }}
{{- range $key := list "GF_SECURITY_ADMIN_USER" "GF_SECURITY_ADMIN_PASSWORD" }}
{{- if hasKey $grafana.env $key }}
kube-prometheus-stack.grafana.env.{{ $key }}: not supported, because the sidecars, `helm test` and the notes read the login from the Secret in kube-prometheus-stack.grafana.admin.existingSecret; put it into that Secret
{{- end }}
{{- end }}
{{- $renderer := $grafana.imageRenderer }}
{{- if and .Values.global.gitops $renderer.enabled $renderer.service.enabled (not $renderer.existingSecret) }}
kube-prometheus-stack.grafana.imageRenderer.existingSecret: empty, but with global.gitops a generated token would change at every sync; set it to the name of a Secret with the token
{{- end }}
{{- if eq (dig "grafana.ini" "auth.basic" "enabled" true $grafana | toString) "false" }}
kube-prometheus-stack.grafana.grafana.ini.auth.basic.enabled: false, but the sidecars and `helm test` log in with basic authentication; set it to true
{{- end }}
{{- if ne (dig "grafana.ini" "server" "protocol" "http" $grafana) "http" }}
kube-prometheus-stack.grafana.grafana.ini.server.protocol: not supported, because the sidecars and `helm test` use plain HTTP inside the cluster; remove it, and terminate TLS at an Ingress
{{- end }}
{{- $isStatefulSet := or $grafana.useStatefulSet (has $grafana.persistence.type (list "sts" "statefulset")) }}
{{- if and $grafana.persistence.enabled (ne $grafana.deploymentStrategy.type "Recreate") (not $isStatefulSet) }}
kube-prometheus-stack.grafana.deploymentStrategy.type: {{ $grafana.deploymentStrategy.type }} never finishes with persistence.enabled, because two pods cannot share Grafana's SQLite file; set it to Recreate
{{- end }}
{{- $datasources := $grafana.sidecar.datasources }}
{{- $default := and $datasources.isDefaultDatasource $datasources.defaultDatasourceEnabled }}
{{- range $grafana.additionalDataSources }}
{{- if and .isDefault $default }}
kube-prometheus-stack.grafana.additionalDataSources: {{ .name }} is a second default datasource, with which Grafana does not start; remove its isDefault
{{- end }}
{{- $default = or $default .isDefault }}
{{- end }}
{{- $taken := list }}
{{- if $datasources.defaultDatasourceEnabled }}{{ $taken = append $taken (pick $datasources "name" "uid") }}{{ end }}
{{- if $datasources.alertmanager.enabled }}{{ $taken = append $taken (pick $datasources.alertmanager "name" "uid") }}{{ end }}
{{- range $source := $grafana.additionalDataSources }}
{{- range $key := list "name" "uid" }}
{{- range $other := $taken }}
{{- if eq (get $source $key) (get $other $key) }}
kube-prometheus-stack.grafana.additionalDataSources: {{ $source.name }} has the {{ $key }} of another datasource, {{ get $other $key }}; choose another {{ $key }}
{{- end }}
{{- end }}
{{- end }}
{{- $taken = append $taken $source }}
{{- end }}
{{- with $datasources.exemplarTraceIdDestinations }}
{{- range $key := list "datasourceUid" "traceIdLabelName" }}
{{- if not (index $datasources.exemplarTraceIdDestinations $key) }}
kube-prometheus-stack.grafana.sidecar.datasources.exemplarTraceIdDestinations: lacks {{ $key }}, so exemplars would not lead to their traces; set both datasourceUid and traceIdLabelName
{{- end }}
{{- end }}
{{- if and $stack.prometheus.enabled (not (has "exemplar-storage" ($stack.prometheus.prometheusSpec.enableFeatures | default list))) }}
kube-prometheus-stack.prometheus.prometheusSpec.enableFeatures: lacks exemplar-storage, so there are no exemplars that could lead to traces; add it, or remove kube-prometheus-stack.grafana.sidecar.datasources.exemplarTraceIdDestinations
{{- end }}
{{- end }}
{{- $interval := $datasources.defaultDatasourceScrapeInterval }}
{{- with index .Subcharts "storage-api" }}
{{- if gt (include "storage-api.seconds" $stack.prometheus.prometheusSpec.scrapeInterval | float64) (include "storage-api.seconds" $interval | float64) }}
kube-prometheus-stack.prometheus.prometheusSpec.scrapeInterval: {{ $stack.prometheus.prometheusSpec.scrapeInterval }} is longer than the interval of Grafana's datasource ({{ $interval }}), so panels would show no data; shorten it, or raise kube-prometheus-stack.grafana.sidecar.datasources.defaultDatasourceScrapeInterval
{{- end }}
{{- if and .Values.serviceMonitor.enabled (gt (include "storage-api.seconds" .Values.serviceMonitor.interval | float64) (include "storage-api.seconds" $interval | float64)) }}
storage-api.serviceMonitor.interval: {{ .Values.serviceMonitor.interval }} is longer than the interval of Grafana's datasource ({{ $interval }}), so panels would show no data; shorten it, or raise kube-prometheus-stack.grafana.sidecar.datasources.defaultDatasourceScrapeInterval
{{- end }}
{{- end }}
{{- end }}
{{- end }}

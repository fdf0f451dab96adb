{{/* The labels of every object of the umbrella's own. Argument: a dict of `root`, `component` and `extra`. */}}
{{- define "observability-platform.labels" -}}
{{- $ours := dict
      "app.kubernetes.io/name" .root.Chart.Name
      "app.kubernetes.io/instance" .root.Release.Name
      "app.kubernetes.io/component" .component
      "app.kubernetes.io/version" (.root.Chart.AppVersion | toString)
      "app.kubernetes.io/part-of" "observability-platform"
      "app.kubernetes.io/managed-by" .root.Release.Service
      "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_") -}}
{{- toYaml (merge $ours .extra) -}}
{{- end }}

{{/* Each object that an operator must find, with the labels that it is found by, a line each. */}}
{{- define "observability-platform.monitoringLabels" -}}
{{- $all := merge dict .Values.global.monitoring.labels (dict "release" .Release.Name) -}}
{{- $objects := dict -}}
{{- with index .Subcharts "storage-api" -}}
{{- if .Values.serviceMonitor.enabled }}{{ $_ := set $objects "ServiceMonitor" .Values.serviceMonitor.labels }}{{ end -}}
{{- if .Values.prometheusRule.enabled }}{{ $_ := set $objects "PrometheusRule" .Values.prometheusRule.labels }}{{ end -}}
{{- end -}}
{{- if .Values.alerting.enabled }}{{ $_ := set $objects "AlertmanagerConfig" .Values.alerting.labels }}{{ end -}}
{{- range $kind, $labels := $objects }}
{{ $kind }}:{{ range $key, $value := merge dict $labels $all }} {{ $key }}={{ $value }}{{ end }}
{{- end }}
{{- end }}

{{/* The name of the Secret that we make for Grafana's administrator. */}}
{{- define "observability-platform.grafanaSecret" -}}
observability-platform-grafana-admin
{{- end }}

{{/*
The address at which `helm test` asks a part (prometheus, alertmanager, grafana): the given one, else that of the
bundled stack, or nothing where neither is there. Argument: a dict of `root` and `part`.
*/}}
{{- define "observability-platform.url" -}}
{{- $stack := index .root.Values "kube-prometheus-stack" -}}
{{- $values := index $stack .part | default dict -}}
{{- if index .root.Values.tests (printf "%sUrl" .part) -}}
{{- index .root.Values.tests (printf "%sUrl" .part) -}}
{{- else if and $stack.enabled $values.enabled -}}
{{- $name := eq .part "grafana" | ternary $stack.grafana.fullnameOverride (printf "%s-%s" $stack.fullnameOverride .part) -}}
{{- $namespace := $values.namespaceOverride | default $stack.namespaceOverride | default .root.Release.Namespace -}}
{{- printf "http://%s.%s:%s%s" $name $namespace (include "observability-platform.port" .) (include "observability-platform.path" .) -}}
{{- end -}}
{{- end }}

{{/* The port of a part's Service; without the dependency's package its own defaults. */}}
{{- define "observability-platform.port" -}}
{{- $default := get (dict "prometheus" 9090 "alertmanager" 9093 "grafana" 80) .part -}}
{{- dig "service" "port" $default (index .root.Values "kube-prometheus-stack" .part) -}}
{{- end }}

{{/* The path below which a part of the bundled stack serves everything, such as /prometheus; nothing for /. */}}
{{- define "observability-platform.path" -}}
{{- $values := index .root.Values "kube-prometheus-stack" .part -}}
{{- if ne .part "grafana" -}}
{{- dig (printf "%sSpec" .part) "routePrefix" "" $values | toString | trimSuffix "/" -}}
{{- else if eq (dig "grafana.ini" "server" "serve_from_sub_path" "" $values | toString) "true" -}}
{{- /* What follows the host, as in %(protocol)s://%(domain)s/grafana/. */ -}}
{{- regexReplaceAll "^[^/]*//[^/]*" (dig "grafana.ini" "server" "root_url" "" $values) "" | trimSuffix "/" -}}
{{- end -}}
{{- end }}

{{/* The receivers that a route and the routes below it name, one a line. Argument: the route. */}}
{{- define "observability-platform.routedReceivers" -}}
{{- with .receiver }}{{ . }}{{ "\n" }}{{ end -}}
{{- range .routes }}{{ include "observability-platform.routedReceivers" . }}{{ end -}}
{{- end }}

{{/* The image of the `helm test` pods: tests.image, from global.imageRegistry where that is set, or the storage API's. */}}
{{- define "observability-platform.testImage" -}}
{{- $image := .Values.tests.image -}}
{{- $registry := .Values.global.imageRegistry -}}
{{- if not $image -}}
{{- include "storage-api.image" (index .Subcharts "storage-api") -}}
{{- else if or (not $registry) (hasPrefix (printf "%s/" $registry) $image) -}}
{{- $image -}}
{{- else -}}
{{- /* The part before the first slash is a registry if it has a dot or a port, or is localhost. */ -}}
{{- printf "%s/%s" $registry (regexReplaceAll "^([^/]*[.:][^/]*|localhost)/" $image "") -}}
{{- end -}}
{{- end }}

{{/* The parts that our `helm test` pods ask, as a JSON list: those that have an address, Grafana only for dashboards of ours. */}}
{{- define "observability-platform.testedParts" -}}
{{- $parts := list -}}
{{- if and .Values.tests.enabled (index .Subcharts "storage-api") -}}
{{- range list "prometheus" "alertmanager" "grafana" -}}
{{- if and (include "observability-platform.url" (dict "root" $ "part" .)) (or (ne . "grafana") $.Values.dashboards.enabled) -}}
{{- $parts = append $parts . -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $parts -}}
{{- end }}

{{/*
A pod of `helm test` that runs files/test_monitoring.py. Argument: a dict of `root`, `part` (one of testedParts),
`expected` (what must be found there) and `env` (further variables).
*/}}
{{- define "observability-platform.testPod" -}}
{{- $api := index .root.Subcharts "storage-api" -}}
apiVersion: v1
kind: Pod
metadata:
  name: {{ .root.Release.Name }}-test-{{ .part }}
  namespace: {{ .root.Release.Namespace | quote }}
  labels:
    {{- include "observability-platform.labels" (dict "root" .root "component" "test" "extra" dict) | nindent 4 }}
  annotations:
    helm.sh/hook: test
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  {{- include "storage-api.testPodSpec" $api | nindent 2 }}
  containers:
    - name: test
      image: {{ include "observability-platform.testImage" .root | quote }}
      imagePullPolicy: {{ $api.Values.image.pullPolicy }}
      command: [python, -c]
      args:
        - |
          {{- .root.Files.Get "files/test_monitoring.py" | nindent 10 }}
        - {{ .part }}
      env:
        - name: URL
          value: {{ include "observability-platform.url" (dict "root" .root "part" .part) | quote }}
        - name: EXPECTED
          value: {{ toJson .expected | quote }}
        {{- with .env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $api.Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- include "storage-api.containerSecurityContext" $api | nindent 8 }}
{{- end }}

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

{{/* The name of the Secret that we make for Grafana's administrator. */}}
{{- define "observability-platform.grafanaSecret" -}}
observability-platform-grafana-admin
{{- end }}

{{/*
The address of a part of the bundled stack, or nothing where it does not run.
Argument: a dict of `root`, `part` (prometheus, alertmanager, grafana), `port`.
*/}}
{{- define "observability-platform.bundledUrl" -}}
{{- $stack := index .root.Values "kube-prometheus-stack" -}}
{{- if and $stack.enabled (index $stack .part).enabled -}}
{{- $namespace := default .root.Release.Namespace $stack.namespaceOverride -}}
{{- $name := eq .part "grafana" | ternary $stack.grafana.fullnameOverride (printf "%s-%s" $stack.fullnameOverride .part) -}}
{{- printf "http://%s.%s:%v" $name (default $namespace (index $stack .part).namespaceOverride) .port -}}
{{- end -}}
{{- end }}

{{- define "observability-platform.prometheusUrl" -}}
{{- $stack := index .Values "kube-prometheus-stack" -}}
{{- default (include "observability-platform.bundledUrl" (dict "root" . "part" "prometheus" "port" (dig "service" "port" 9090 $stack.prometheus))) .Values.tests.prometheusUrl -}}
{{- end }}

{{- define "observability-platform.alertmanagerUrl" -}}
{{- $stack := index .Values "kube-prometheus-stack" -}}
{{- default (include "observability-platform.bundledUrl" (dict "root" . "part" "alertmanager" "port" (dig "service" "port" 9093 $stack.alertmanager))) .Values.tests.alertmanagerUrl -}}
{{- end }}

{{- define "observability-platform.grafanaUrl" -}}
{{- $stack := index .Values "kube-prometheus-stack" -}}
{{- default (include "observability-platform.bundledUrl" (dict "root" . "part" "grafana" "port" (dig "service" "port" 80 $stack.grafana))) .Values.tests.grafanaUrl -}}
{{- end }}

{{/* The receivers that a route and the routes below it name, one a line. Argument: the route. */}}
{{- define "observability-platform.routedReceivers" -}}
{{- with .receiver }}{{ . }}{{ "\n" }}{{ end -}}
{{- range .routes }}{{ include "observability-platform.routedReceivers" . }}{{ end -}}
{{- end }}

{{/*
A pod of `helm test` that runs files/test_monitoring.py. Argument: a dict of `root`, `part` (its argument),
`expected` (what must be found) and `env` (further variables).
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
  restartPolicy: Never
  automountServiceAccountToken: false
  {{- with include "storage-api.imagePullSecrets" $api }}
  {{- . | nindent 2 }}
  {{- end }}
  securityContext:
    {{- include "storage-api.podSecurityContext" $api | nindent 4 }}
  containers:
    - name: test
      image: {{ default (include "storage-api.image" $api) .root.Values.tests.image | quote }}
      imagePullPolicy: {{ $api.Values.image.pullPolicy }}
      command: [python, -c]
      args:
        - |
          {{- .root.Files.Get "files/test_monitoring.py" | nindent 10 }}
        - {{ .part }}
      env:
        - name: EXPECTED
          value: {{ toJson .expected | quote }}
        {{- toYaml .env | nindent 8 }}
      {{- with $api.Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- include "storage-api.containerSecurityContext" $api | nindent 8 }}
{{- end }}

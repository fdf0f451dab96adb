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
{{- printf "http://%s.%s:%s" $name $namespace (include "observability-platform.port" .) -}}
{{- end -}}
{{- end }}

{{/* The port of a part's Service; without the dependency's package its own defaults. */}}
{{- define "observability-platform.port" -}}
{{- $default := get (dict "prometheus" 9090 "alertmanager" 9093 "grafana" 80) .part -}}
{{- dig "service" "port" $default (index .root.Values "kube-prometheus-stack" .part) -}}
{{- end }}

{{/* The receivers that a route and the routes below it name, one a line. Argument: the route. */}}
{{- define "observability-platform.routedReceivers" -}}
{{- with .receiver }}{{ . }}{{ "\n" }}{{ end -}}
{{- range .routes }}{{ include "observability-platform.routedReceivers" . }}{{ end -}}
{{- end }}

{{/*
A pod of `helm test` that runs files/check_monitoring.py. Argument: a dict of `root`, `part` (its argument),
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
          {{- .root.Files.Get "files/check_monitoring.py" | nindent 10 }}
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

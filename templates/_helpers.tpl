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

{{/* The labels by which an operator's selector finds our AlertmanagerConfig. */}}
{{- define "observability-platform.alertingLabels" -}}
{{- merge dict .Values.alerting.labels .Values.global.monitoring.labels (dict "release" .Release.Name) | toYaml -}}
{{- end }}

{{/* The namespace of our AlertmanagerConfig: beside the bundled Alertmanager it sees every alert. */}}
{{- define "observability-platform.alertingNamespace" -}}
{{- $stack := index .Values "kube-prometheus-stack" -}}
{{- if and $stack.enabled $stack.alertmanager.enabled -}}
{{- include "observability-platform.namespace" (dict "root" . "part" "alertmanager") -}}
{{- else -}}
{{- .Release.Namespace -}}
{{- end -}}
{{- end }}

{{/* The receivers that a route and the routes below it name, one a line. Argument: the route. */}}
{{- define "observability-platform.routedReceivers" -}}
{{- with .receiver }}{{ . }}{{ "\n" }}{{ end -}}
{{- range .routes }}{{ include "observability-platform.routedReceivers" . }}{{ end -}}
{{- end }}

{{/* The image of a test's pod; global.imageRegistry takes the place of the registry that tests.image names. */}}
{{- define "observability-platform.testImage" -}}
{{- with .Values.tests.image -}}
{{- $registry := regexFind "^([^/]*[.:][^/]*|localhost)/" . -}}
{{- with $.Values.global.imageRegistry -}}{{ . }}/{{- else -}}{{ $registry }}{{- end -}}
{{- trimPrefix $registry . -}}
{{- else -}}
{{- include "storage-api.image" (index .Subcharts "storage-api") -}}
{{- end -}}
{{- end }}

{{/*
A pod of `helm test` that runs files/test_monitoring.py. Argument: a dict of `root`, `part` (its argument),
`expected` (what must be found), `env` (further variables) and `namespace`, where that is not the release's.
*/}}
{{- define "observability-platform.testPod" -}}
{{- $api := index .root.Subcharts "storage-api" -}}
apiVersion: v1
kind: Pod
metadata:
  name: {{ .root.Release.Name }}-test-{{ .part }}
  namespace: {{ .namespace | default .root.Release.Namespace | quote }}
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
      image: {{ include "observability-platform.testImage" .root | quote }}
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

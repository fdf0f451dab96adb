{{/*
Image of the `helm test` pods: tests.image, pulled from global.imageRegistry if that is set. If tests.image is empty, the image of
the storage API or, without the storage API, the one that it is built on.
*/}}
{{- define "observability-platform.testImage" -}}
{{- $api := index .Subcharts "storage-api" -}}
{{- $image := .Values.tests.image -}}
{{- if not (or $image $api) -}}
{{- $image = "python:3.13.15-slim-trixie@sha256:afd91e25d0d1b40e4c92bf716154ec3c4a9f0de1ce2a5c3663007fb6918eaf9c" -}}
{{- end -}}
{{- $registry := .Values.global.imageRegistry -}}
{{- if not $image -}}
{{- include "storage-api.image" $api -}}
{{- else if or (not $registry) (hasPrefix (printf "%s/" $registry) $image) -}}
{{- $image -}}
{{- else -}}
{{- /* The part before the first slash is a registry if it contains a dot or a colon, or is localhost. */ -}}
{{- printf "%s/%s" $registry (regexReplaceAll "^([^/]*[.:][^/]*|localhost)/" $image "") -}}
{{- end -}}
{{- end }}

{{/* Parts that `helm test` checks, as a JSON list: those with an address, and Grafana only if dashboards are installed. */}}
{{- define "observability-platform.testedParts" -}}
{{- $parts := list -}}
{{- if .Values.tests.enabled -}}
{{- range list "prometheus" "alertmanager" "grafana" -}}
{{- if and (include "observability-platform.url" (dict "root" $ "part" .)) (or (ne . "grafana") (include "observability-platform.dashboards" $) $.Values.dashboards.extra) -}}
{{- $parts = append $parts . -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $parts -}}
{{- end }}

{{/* Rule groups that `helm test` expects in Prometheus, as a JSON map from the group's name to its number of rules. */}}
{{- define "observability-platform.expectedGroups" -}}
{{- $specs := list -}}
{{- with index .Subcharts "storage-api" -}}
{{- if .Values.prometheusRule.enabled }}{{ $specs = append $specs (include "storage-api.ruleGroups" .) }}{{ end -}}
{{- end -}}
{{- with .Subcharts.slo -}}
{{- $root := . -}}
{{- range $name, $service := include "slo.ownServices" . | fromJson -}}
{{- $specs = append $specs (include "slo.ruleGroups" (dict "root" $root "name" $name "service" $service)) -}}
{{- end -}}
{{- with include "observability-platform.storageApiSlo" $ -}}
{{- $specs = append $specs (include "slo.ruleGroups" (merge (dict "root" $root) (fromJson .))) -}}
{{- end -}}
{{- if .Values.workloads.enabled -}}
{{- $services := include "observability-platform.workloadServices" $ | fromJson | default (include "slo.ownServices" . | fromJson) -}}
{{- $specs = append $specs (include "slo.workloadGroups" (dict "root" $root "services" $services)) -}}
{{- end -}}
{{- end -}}
{{- if include "observability-platform.platformAlerts" . -}}
{{- $specs = append $specs (include "observability-platform.platformRuleGroups" .) -}}
{{- end -}}
{{- $groups := dict -}}
{{- range $specs -}}
{{- range (fromYaml .).groups -}}
{{- if .rules }}{{ $_ := set $groups .name (len .rules) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- toJson $groups -}}
{{- end }}

{{/*
Pod of `helm test` that runs files/check_monitoring.py. Argument: a dict of `root`, `part` (one of testedParts),
`expected` (what the script must find), and optionally `env` (more variables) and `namespace` (default: the release's).
*/}}
{{- define "observability-platform.testPod" -}}
{{- $api := index .root.Subcharts "storage-api" -}}
{{- $resources := dict "requests" (dict "cpu" "50m" "memory" "64Mi") -}}
{{- with $api }}{{ $resources = .Values.resources }}{{ end -}}
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
  {{- if $api }}
  {{- include "storage-api.testPodSpec" $api | nindent 2 }}
  {{- else }}
  {{- /* Helm leaves out the templates of a chart that is not installed, so this can't include the storage API's. */}}
  restartPolicy: Never
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .root.Values.global.imagePullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ kindIs "map" . | ternary (get (kindIs "map" . | ternary . dict) "name") . | quote }}
    {{- end }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    seccompProfile:
      type: RuntimeDefault
  {{- end }}
  containers:
    - name: test
      image: {{ include "observability-platform.testImage" .root | quote }}
      {{- with $api }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      {{- end }}
      command: [python, -c]
      args:
        - |
          {{- .root.Files.Get "files/check_monitoring.py" | nindent 10 }}
        - {{ .part }}
      env:
        - name: URL
          value: {{ include "observability-platform.url" (dict "root" .root "part" .part) | quote }}
        - name: EXPECTED
          value: {{ toJson .expected | quote }}
        {{- with .env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
{{- end }}

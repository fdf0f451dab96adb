{{/*
Image of the `helm test` pods: tests.image, pulled from global.imageRegistry if that is set. The image of the storage API if
tests.image is empty.
*/}}
{{- define "observability-platform.testImage" -}}
{{- $image := .Values.tests.image -}}
{{- $registry := .Values.global.imageRegistry -}}
{{- if not $image -}}
{{- include "storage-api.image" (index .Subcharts "storage-api") -}}
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
{{- if and .Values.tests.enabled (index .Subcharts "storage-api") -}}
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
  {{- include "storage-api.testPodSpec" $api | nindent 2 }}
  containers:
    - name: test
      image: {{ include "observability-platform.testImage" .root | quote }}
      imagePullPolicy: {{ $api.Values.image.pullPolicy }}
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
      {{- with $api.Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- include "storage-api.containerSecurityContext" $api | nindent 8 }}
{{- end }}

{{/* Labels of all objects of this chart. Argument: a dict of `root`, `component` and `extra` (further labels). */}}
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

{{/*
For the notes: each kind of object that the user's Prometheus operator must select, with its labels, such as
`ServiceMonitor: release=platform`, one kind per line. Argument: the root.
*/}}
{{- define "observability-platform.monitoringLabels" -}}
{{- $objects := dict -}}
{{- with index .Subcharts "storage-api" -}}
{{- if .Values.serviceMonitor.enabled }}{{ $_ := set $objects "ServiceMonitor" .Values.serviceMonitor.labels }}{{ end -}}
{{- if .Values.prometheusRule.enabled }}{{ $_ := set $objects "PrometheusRule" .Values.prometheusRule.labels }}{{ end -}}
{{- end -}}
{{- with .Subcharts.slo -}}
{{- $slo := .Values -}}
{{- $services := include "slo.ownServices" . | fromJson -}}
{{- range $service := $services -}}
{{- $_ := set $objects (dig "scrape" "kind" $slo.defaults.scrape.kind $service) $slo.monitor.labels -}}
{{- end -}}
{{- $_ := unset $objects "existing" -}}
{{- if or $services (include "observability-platform.storageApiSlo" $) -}}
{{- $_ := set $objects "PrometheusRule" (merge dict $slo.prometheusRule.labels (get $objects "PrometheusRule" | default dict)) -}}
{{- end -}}
{{- end -}}
{{- if and (include "observability-platform.platformAlerts" .) (not (hasKey $objects "PrometheusRule")) -}}
{{- $_ := set $objects "PrometheusRule" .Values.platformAlerts.labels -}}
{{- end -}}
{{- if .Values.alerting.enabled }}{{ $_ := set $objects "AlertmanagerConfig" .Values.alerting.labels }}{{ end -}}
{{- range $kind, $labels := $objects }}
{{ $kind }}:{{ range $key, $value := include "observability-platform.operatorLabels" (dict "root" $ "labels" $labels) | fromYaml }} {{ $key }}={{ $value }}{{ end }}
{{- end }}
{{- end }}

{{/* Name of the Secret that the chart creates for Grafana's administrator. */}}
{{- define "observability-platform.grafanaSecret" -}}
observability-platform-grafana-admin
{{- end }}

{{/*
Labels by which the selectors of a Prometheus operator can find an object. The object's own labels win over
global.monitoring.labels, and those over `release`. Argument: a dict of `root` and `labels`.
*/}}
{{- define "observability-platform.operatorLabels" -}}
{{- merge dict .labels .root.Values.global.monitoring.labels (dict "release" .root.Release.Name) | toYaml -}}
{{- end }}

{{/* Namespace of the AlertmanagerConfig: that of the bundled Alertmanager, because only there it receives all alerts. */}}
{{- define "observability-platform.alertingNamespace" -}}
{{- $stack := index .Values "kube-prometheus-stack" -}}
{{- if and $stack.enabled $stack.alertmanager.enabled -}}
{{- include "observability-platform.namespace" (dict "root" . "part" "alertmanager") -}}
{{- else -}}
{{- .Release.Namespace -}}
{{- end -}}
{{- end }}

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
{{- if and (include "observability-platform.url" (dict "root" $ "part" .)) (or (ne . "grafana") (include "observability-platform.dashboards" $)) -}}
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

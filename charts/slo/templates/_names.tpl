{{/* `checkout-api` as CheckoutApi, for the names of alerts. Argument: the name. */}}
{{- define "slo.pascal" -}}
{{- range splitList "-" . }}{{ . | title }}{{ end -}}
{{- end }}

{{/* Name of a service's objects. Argument: a dict of `root` and `name`. */}}
{{- define "slo.objectName" -}}
{{- printf "%s-slo-%s" .root.Release.Name .name -}}
{{- end }}

{{/*
Labels of a ServiceMonitor, PodMonitor or PrometheusRule, including those that the operator's selectors ask for. The
object's own labels win over global.monitoring.labels, and those over `release`. Argument: a dict of `root`, `name` and
`labels`.
*/}}
{{- define "slo.monitoringLabels" -}}
{{- $ours := dict
      "app.kubernetes.io/name" "slo"
      "app.kubernetes.io/instance" .root.Release.Name
      "app.kubernetes.io/component" .name
      "app.kubernetes.io/version" (.root.Chart.AppVersion | toString)
      "app.kubernetes.io/part-of" "observability-platform"
      "app.kubernetes.io/managed-by" .root.Release.Service
      "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_") -}}
{{- $global := dig "monitoring" "labels" dict (.root.Values.global | default dict) -}}
{{- merge $ours .labels $global (dict "release" .root.Release.Name) | toYaml -}}
{{- end }}

{{/* Errors that would keep the service levels from being measured by the bundled Prometheus, one per line. */}}
{{- define "observability-platform.errors.slo" -}}
{{- $stack := include "observability-platform.stack" . | fromJson -}}
{{- $slo := .Subcharts.slo }}
{{- with include "observability-platform.storageApiSlo" . }}
{{- $own := (fromJson .).name }}
{{- range $name, $_ := include "slo.ownServices" $slo | fromJson }}
{{- if eq (replace "-" "" $name) (replace "-" "" $own) }}
slo.services.{{ $name }}: its alert names would differ at most in upper and lower case from those of the storage API of this release, {{ $own }}; rename it
{{- end }}
{{- end }}
{{- end }}
{{- if and $slo $stack.enabled $stack.prometheus.enabled }}
{{- $argument := dict "root" $ "namespace" .Release.Namespace "path" "prometheus.prometheusSpec" }}
{{- $services := include "slo.ownServices" $slo | fromJson }}
{{- $rule := include "slo.monitoringLabels" (dict "root" $slo "name" "" "labels" $slo.Values.prometheusRule.labels) | fromYaml }}
{{- $monitor := include "slo.monitoringLabels" (dict "root" $slo "name" "" "labels" $slo.Values.monitor.labels) | fromYaml }}
{{- if or $services (include "observability-platform.storageApiSlo" .) }}
{{ include "observability-platform.errors.ignored" (merge (dict "kind" "rule" "object" "the PrometheusRules of slo.services" "labels" $rule "labelled" "slo.prometheusRule.labels") $argument) }}
{{- $longest := include "slo.longestWindow" $slo }}
{{- $retention := $stack.prometheus.prometheusSpec.retention }}
{{- if and $retention (lt (include "slo.seconds" $retention | int64) (include "slo.scaledSeconds" (dict "root" $slo "duration" $longest) | float64 | int64)) }}
kube-prometheus-stack.prometheus.prometheusSpec.retention: {{ $retention }} is shorter than {{ $longest }}, the longest window of slo.burnRates; set it to at least {{ $longest }}, or shorten the window
{{- end }}
{{- end }}
{{- range $kind, $prefix := dict "ServiceMonitor" "serviceMonitor" "PodMonitor" "podMonitor" }}
{{- $scraped := false }}
{{- range $services }}{{ $scraped = or $scraped (eq (dig "scrape" "kind" $slo.Values.defaults.scrape.kind .) $kind) }}{{ end }}
{{- if $scraped }}
{{ include "observability-platform.errors.ignored" (merge (dict "kind" $prefix "object" (printf "the %ss of slo.services" $kind) "labels" $monitor "labelled" "slo.monitor.labels") $argument) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

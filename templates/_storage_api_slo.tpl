{{/*
Entry of slo.services for this release's storage API, as JSON: {name, service}. Nothing if the entry was removed, or if
the values ask for no target: without a ServiceMonitor, or with 0 pods.
*/}}
{{- define "observability-platform.storageApiSlo" -}}
{{- $api := index .Subcharts "storage-api" -}}
{{- $slo := .Subcharts.slo -}}
{{- $entry := dict -}}
{{- with $slo }}{{ $entry = get (include "slo.services" . | fromJson) "storage-api" }}{{ end -}}
{{- if and $api $entry $api.Values.serviceMonitor.enabled (or $api.Values.autoscaling.enabled (gt (int $api.Values.replicas) 0)) -}}
{{- $name := include "storage-api.fullname" $api -}}
{{- $entry = mergeOverwrite (dict "match" (dict "job" $name)) (deepCopy $entry) -}}
{{- $_ := set $entry "namespace" .Release.Namespace -}}
{{- if has "http_request_duration_seconds" $api.Values.config.metricsDisabled -}}
{{- /* The service then counts requests in http_request_count only, which includes probes and scrapes: these are left out. */}}
{{- $_ := set $entry.metrics "requests" "http_request_count_total" -}}
{{- $_ := set $entry.metrics "duration" "" -}}
{{- $_ := set $entry "excludeRegex" (dict "path" "/healthz|/readyz|/metrics|/api/metrics|/openapi.json|/faults") -}}
{{- end -}}
{{- dict "name" $name "service" $entry | toJson -}}
{{- end -}}
{{- end }}

{{/*
Services whose workload records this chart renders, as a JSON map of entries: all of them if `slo.services` still has the entry
of the storage API, whose namespace and job charts/slo does not know. Otherwise none: charts/slo renders them itself.
*/}}
{{- define "observability-platform.workloadServices" -}}
{{- $services := dict -}}
{{- with .Subcharts.slo -}}
{{- $own := include "slo.ownServices" . | fromJson -}}
{{- if gt (include "slo.services" . | fromJson | len) (len $own) -}}
{{- $services = $own -}}
{{- with include "observability-platform.storageApiSlo" $ }}{{ $_ := set $services (fromJson .).name (fromJson .).service }}{{ end -}}
{{- end -}}
{{- end -}}
{{- toJson $services -}}
{{- end }}

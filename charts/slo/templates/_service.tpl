{{/*
A service with everything that its rules need, as JSON: its values over those of its preset over `defaults`, and

  name, title     such as `checkout-api` and CheckoutApi
  labels          the labels of all its rules
  codes           the values' `labels`: names of the labels that the service's own metrics have
  counter         the metric that counts requests: {name, isHistogram}. A native histogram has no series `..._count`.
  series          matchers for the service's own metrics
  errors          matchers for requests that fail
  good            matchers for requests that do not fail; empty if `errors` has several, which PromQL cannot negate
  job, target     the job label of its targets, and matchers for their series `up`
  targetNamespace the namespace of its targets
  ownTargets      whether that is its own namespace; the targets of a proxy may be elsewhere
  timed           of which requests latency is recorded: "good", "all", or "" without any durations
  routed          the metric that counts requests by route, as `counter`; its name is empty if no metric has a label for the route
  recorded        matchers for its recorded series
  indicators      a list of {name, title, slo, objective (0 to 1), budget (1 - objective), labels (of its rules), sli
                  (matchers for its recorded series)}

Argument: a dict of `root`, `name` and `service` (the entry of `services`).
*/}}
{{- define "slo.service" -}}
{{- $presets := .root.Files.Get "files/presets.yaml" | fromYaml -}}
{{- $preset := .service.preset | default .root.Values.defaults.preset -}}
{{- $s := mergeOverwrite (deepCopy .root.Values.defaults) (get $presets $preset | default dict | deepCopy) (deepCopy .service) -}}
{{- /* An error matcher of the service replaces the preset's: merged, both would have to match. */}}
{{- with dig "metrics" "errors" dict .service }}{{ $_ := set $s.metrics "errors" . }}{{ end -}}
{{- $namespace := $s.namespace | default .root.Release.Namespace -}}
{{- $match := merge dict $s.match (dict "namespace" $namespace "job" .name) -}}
{{- $_ := set $s "name" .name -}}
{{- $_ := set $s "namespace" $namespace -}}
{{- $_ := set $s "job" $match.job -}}
{{- $_ := set $s "title" (include "slo.pascal" .name) -}}
{{- $_ := set $s "codes" $s.labels -}}
{{- $isHistogram := and (eq $s.metrics.durationType "nativeHistogram") (eq $s.metrics.requests (printf "%s_count" $s.metrics.duration)) -}}
{{- $_ := set $s "counter" (dict "name" ($isHistogram | ternary $s.metrics.duration $s.metrics.requests) "isHistogram" $isHistogram) -}}
{{- $_ := set $s "labels" (dict "namespace" $namespace "slo_service" .name) -}}
{{- $_ := set $s "series" (include "slo.matchers" (dict "match" $match "regexMatch" $s.regexMatch "excludeRegex" $s.excludeRegex)) -}}
{{- $errors := $s.metrics.errors -}}
{{- $good := include "slo.matchers" (dict "exclude" $errors.match "excludeRegex" $errors.regexMatch) -}}
{{- $single := eq 1 (add (len ($errors.match | default dict)) (len ($errors.regexMatch | default dict)) | int) -}}
{{- $_ := set $s "errors" (include "slo.matchers" $errors) -}}
{{- $_ := set $s "good" (ternary $good "" $single) -}}
{{- $_ := set $s "target" (include "slo.matchers" (dict "match" (pick $match "namespace" "job"))) -}}
{{- $_ := set $s "recorded" (include "slo.matchers" (dict "match" $s.labels)) -}}
{{- $latency := $s.slis.latency -}}
{{- if kindIs "string" $latency.enabled }}{{ $_ := set $latency "enabled" (and (not (empty $s.metrics.duration)) (ne $s.metrics.durationType "summary")) }}{{ end -}}
{{- if kindIs "string" $latency.excludeErrors }}{{ $_ := set $latency "excludeErrors" (and $s.metrics.durationHasErrors (not (empty $s.good))) }}{{ end -}}
{{- $indicators := list -}}
{{- range $name, $sli := $s.slis -}}
{{- if $sli.enabled -}}
{{- $slo := printf "%s-%s" $.name $name -}}
{{- $objective := divf $sli.objective 100 -}}
{{- $indicators = append $indicators (dict "name" $name "title" (title $name) "slo" $slo "objective" $objective "budget" (subf 1 $objective)
      "labels" (merge (dict "slo" $slo "slo_indicator" $name) $s.labels)
      "sli" (include "slo.matchers" (dict "match" (dict "namespace" $namespace "slo" $slo)))) -}}
{{- end -}}
{{- end -}}
{{- $_ := set $s "indicators" $indicators -}}
{{- $_ := set $s "targetNamespace" $match.namespace -}}
{{- $_ := set $s "ownTargets" (eq $match.namespace $namespace) -}}
{{- $_ := set $s "timed" (empty $s.metrics.duration | ternary "" ($latency.excludeErrors | ternary "good" "all")) -}}
{{- /* Some counters lack the label of the route that their histogram has, such as that of prometheus-flask-exporter. */}}
{{- $native := eq $s.metrics.durationType "nativeHistogram" -}}
{{- $routed := $s.counter -}}
{{- if and $s.metrics.duration $s.metrics.durationHasErrors }}{{ $routed = dict "name" ($native | ternary $s.metrics.duration (printf "%s_count" $s.metrics.duration)) "isHistogram" $native }}{{ end -}}
{{- $_ := set $s "routed" ($s.codes.route | empty | ternary (dict "name" "" "isHistogram" false) $routed) -}}
{{- toJson $s -}}
{{- end }}

{{/*
PromQL matchers, such as `job="api", code=~"5.."`. Argument: a dict of maps from label to value: `match` (equal), `exclude`
(not equal), `regexMatch` and `excludeRegex` (the whole value matches, or does not).
*/}}
{{- define "slo.matchers" -}}
{{- $found := list -}}
{{- $argument := . -}}
{{- $operators := dict "match" "=" "exclude" "!=" "regexMatch" "=~" "excludeRegex" "!~" -}}
{{- range $map := list "match" "exclude" "regexMatch" "excludeRegex" -}}
{{- range $label, $value := get $argument $map | default dict -}}
{{- $found = append $found (printf "%s%s%q" $label (get $operators $map) $value) -}}
{{- end -}}
{{- end -}}
{{- join ", " $found -}}
{{- end }}

{{/* The services that were not removed with null, as a JSON map. */}}
{{- define "slo.services" -}}
{{- $services := dict -}}
{{- range $name, $service := .Values.services -}}
{{- if not (kindIs "invalid" $service) }}{{ $_ := set $services $name $service }}{{ end -}}
{{- end -}}
{{- toJson $services -}}
{{- end }}

{{/* The services that this chart renders itself, as a JSON map: all but those that its parent chart renders. */}}
{{- define "slo.ownServices" -}}
{{- $services := include "slo.services" . | fromJson -}}
{{- range $name, $service := $services -}}
{{- if eq (dig "scrape" "kind" "" $service) "parent" }}{{ $_ := unset $services $name }}{{ end -}}
{{- end -}}
{{- toJson $services -}}
{{- end }}

{{/*
Recording rules for targets, requests by code, and latency, with the same names for every preset. Argument: a dict of `root`
and `s`.
*/}}
{{- define "slo.serviceRules" -}}
{{- $s := .s -}}
{{- $known := printf "count(up{%s}) or vector(0)" $s.target -}}
{{- if $s.ownTargets }}{{ $known = printf "max(service:replicas:desired{%s}) or %s" $s.recorded $known }}{{ end -}}
{{- include "slo.record" (dict "record" "service:targets:up" "labels" $s.labels "expr" (printf "sum(up{%s}) or vector(0)" $s.target)) -}}
{{- include "slo.record" (dict "record" "service:targets:expected" "labels" $s.labels "expr" $known) -}}
{{- include "slo.outcomes" (dict "root" .root "s" $s "record" "service:requests:rate" "counter" $s.counter "by" (dict "code" $s.codes.code)) -}}
{{- range list "0.5" "0.9" "0.99" -}}
{{- include "slo.quantile" (dict "root" $.root "s" $s "record" "service:latency_seconds:quantile" "quantile" . "by" dict) -}}
{{- end -}}
{{- end }}

{{/* Recording rules for requests and latency by route and method, if a label has the route. Argument: a dict of `root` and `s`. */}}
{{- define "slo.routeRules" -}}
{{- $s := .s -}}
{{- if $s.routed.name -}}
{{- $route := dict "root" .root "s" $s "by" (dict "route" $s.codes.route "method" $s.codes.method) -}}
{{- include "slo.outcomes" (merge (dict "record" "service:route_requests:rate" "counter" $s.routed) $route) -}}
{{- include "slo.mean" (merge (dict "record" "service:route_latency_seconds:mean") $route) -}}
{{- include "slo.quantile" (merge (dict "record" "service:route_latency_seconds:quantile" "quantile" "0.99") $route) -}}
{{- end -}}
{{- end }}

{{/*
PromQL that keeps an expression only while a target is up: a rate goes on for minutes after its target is gone, though it says
nothing about the present. Argument: a dict of `s`, `expr`, and `by` (by `pod`, the pod's own target must be up).
*/}}
{{- define "slo.whileUp" -}}
{{ .expr }}
and on ({{ hasKey .by "pod" | ternary "pod" "" }}) (up{ {{- .s.target -}} } == 1)
{{- end }}

{{/*
PromQL for a sum of rates over 5m by labels. Argument: a dict of `root`, `s`, `metric`, `matchers` and `by`: from each
recorded label to the service's own label, which is empty if they have the same name.
*/}}
{{- define "slo.sumBy" -}}
{{- $renamed := dict -}}
{{- $own := list -}}
{{- range $label, $name := .by -}}
{{- $own = append $own ($name | default $label) -}}
{{- if and $name (ne $name $label) }}{{ $_ := set $renamed $label $name }}{{ end -}}
{{- end -}}
{{- $sum := printf "sum%s (%s)" (include "slo.by" $own) (include "slo.rate" (dict "root" .root "s" .s "metric" .metric "matchers" .matchers "window" "5m")) -}}
{{- /* The sum drops all other labels before one of them is overwritten: the metric may have both `status` and `code`. */}}
{{- range $label, $name := $renamed -}}
{{- $sum = printf "label_replace(%s, %q, \"$1\", %q, \"(.*)\")" $sum $label $name -}}
{{- end -}}
{{ if $renamed }}sum{{ include "slo.by" (keys .by) }} ({{ $sum }}){{ else }}{{ $sum }}{{ end -}}
{{- end }}

{{/* The clause of an aggregation for these labels, such as ` by (code)`; nothing without labels. Argument: the labels. */}}
{{- define "slo.by" -}}
{{- with . }} by ({{ sortAlpha . | uniq | join ", " }}){{ end -}}
{{- end }}

{{/*
Recording rules for the rates of requests that fail (`outcome="bad"`) and of those that do not (`good`). Argument: a dict of
`root`, `s`, `record`, `counter` (like the service's) and `by` (see slo.sumBy).
*/}}
{{- define "slo.outcomes" -}}
{{- $s := .s -}}
{{- $argument := merge (dict "metric" .counter.name) . -}}
{{- $count := .counter.isHistogram | ternary "histogram_count(%s)" "%s" -}}
{{- $labels := keys .by | sortAlpha | join ", " -}}
{{- $bad := printf $count (include "slo.sumBy" (merge (dict "matchers" (printf "%s, %s" $s.series $s.errors)) $argument)) -}}
{{- $good := "" -}}
{{- if $s.good -}}
{{- $good = printf $count (include "slo.sumBy" (merge (dict "matchers" (printf "%s, %s" $s.series $s.good)) $argument)) -}}
{{- else -}}
{{- /* No matcher selects good requests alone: they are all but the bad ones. */}}
{{- $all := printf $count (include "slo.sumBy" (merge (dict "matchers" $s.series) $argument)) -}}
{{- $good = printf "(clamp_min(%s - on (%s) %s{outcome=\"bad\", %s}, 0) or on (%s) %s)" $all $labels .record $s.recorded $labels $all -}}
{{- end -}}
{{- range $outcome, $expr := dict "bad" $bad "good" $good -}}
{{- include "slo.record" (dict "record" $.record "labels" (merge (dict "outcome" $outcome) $s.labels)
      "expr" (include "slo.whileUp" (dict "s" $s "by" $.by "expr" $expr))) -}}
{{- end -}}
{{- end }}

{{/*
Recording rule for a quantile of the latency in seconds, if there is a histogram. Without requests it is NaN, and `>= 0`
removes it. Argument: a dict of `root`, `s`, `record`, `quantile` and `by` (see slo.sumBy).
*/}}
{{- define "slo.quantile" -}}
{{- $metrics := .s.metrics -}}
{{- if and .s.timed (ne $metrics.durationType "summary") -}}
{{- $native := eq $metrics.durationType "nativeHistogram" -}}
{{- $by := $native | ternary .by (merge (dict "le" "") .by) -}}
{{- $metric := $native | ternary $metrics.duration (printf "%s_bucket" $metrics.duration) -}}
{{- $sum := include "slo.sumBy" (mergeOverwrite (dict) . (dict "by" $by "metric" $metric "matchers" (include "slo.latencyMatchers" .s))) -}}
{{- include "slo.record" (dict "record" .record "labels" (merge (dict "quantile" .quantile "of" .s.timed) .s.labels)
      "expr" (include "slo.whileUp" (dict "s" .s "by" .by "expr" (printf "histogram_quantile(%s, %s)%s >= 0" .quantile $sum (include "slo.perSecond" .s))))) -}}
{{- end -}}
{{- end }}

{{/*
Recording rule for the mean latency in seconds, absent without requests. Argument: a dict of `root`, `s`, `record` and `by`
(see slo.sumBy).
*/}}
{{- define "slo.mean" -}}
{{- $metrics := .s.metrics -}}
{{- if .s.timed -}}
{{- $argument := merge (dict "matchers" (include "slo.latencyMatchers" .s)) . -}}
{{- $mean := "" -}}
{{- if eq $metrics.durationType "nativeHistogram" -}}
{{- $mean = printf "histogram_avg(%s)%s >= 0" (include "slo.sumBy" (merge (dict "metric" $metrics.duration) $argument)) (include "slo.perSecond" .s) -}}
{{- else -}}
{{- $mean = printf "%s\n/ (%s > 0)%s"
      (include "slo.sumBy" (merge (dict "metric" (printf "%s_sum" $metrics.duration)) $argument))
      (include "slo.sumBy" (merge (dict "metric" (printf "%s_count" $metrics.duration)) $argument)) (include "slo.perSecond" .s) -}}
{{- end -}}
{{- include "slo.record" (dict "record" .record "labels" (merge (dict "of" .s.timed) .s.labels)
      "expr" (include "slo.whileUp" (dict "s" .s "by" .by "expr" $mean))) -}}
{{- end -}}
{{- end }}

{{/* Divisor that turns a duration in the histogram's unit into seconds. Argument: a service. */}}
{{- define "slo.perSecond" -}}
{{- if eq .metrics.unit "milliseconds" }} / 1000{{ end -}}
{{- end }}

{{/*
PromQL for the per-second rate of a counter's series over a window. With `lazy`, a series that was born within the window
counts from zero if its target was scraped before: `rate` alone never sees the first error of a series that is born with
it. Argument: a dict of `root`, `s` (a service), `metric`, `matchers` and `window`.
*/}}
{{- define "slo.rate" -}}
{{- $range := include "slo.duration" (dict "root" .root "duration" .window) -}}
{{- $series := printf "%s{%s}" .metric .matchers -}}
{{- if .s.metrics.lazy -}}
(({{ $series }} unless {{ $series }} offset {{ $range }}) / {{ include "slo.scaledSeconds" (dict "root" .root "duration" .window) }} and on (namespace, job, instance) (up{ {{- .s.target -}} } offset {{ $range }} == 1) or rate({{ $series }}[{{ $range }}]))
{{- else -}}
rate({{ $series }}[{{ $range }}])
{{- end -}}
{{- end }}

{{/*
PromQL for the rate of all observations of the duration histogram. Argument: a dict of `root`, `s`, `matchers` and
`window`.
*/}}
{{- define "slo.observations" -}}
{{- if eq .s.metrics.durationType "nativeHistogram" -}}
histogram_count(sum({{ include "slo.rate" (merge (dict "metric" .s.metrics.duration) .) }}))
{{- else -}}
sum({{ include "slo.rate" (merge (dict "metric" (printf "%s_count" .s.metrics.duration)) .) }})
{{- end -}}
{{- end }}

{{/*
PromQL for the rate of observations up to the latency threshold. The share that is fast is NaN without observations, and
`>= 0` removes that, so that it does not spoil the sums over longer windows. Argument: a dict of `root`, `s`, `matchers` and
`window`.
*/}}
{{- define "slo.fastObservations" -}}
{{- $threshold := include "slo.threshold" .s -}}
{{- if eq .s.metrics.durationType "nativeHistogram" -}}
{{- $rate := printf "sum(%s)" (include "slo.rate" (merge (dict "metric" .s.metrics.duration) .)) -}}
histogram_count({{ $rate }}) * (histogram_fraction(0, {{ $threshold }}, {{ $rate }}) >= 0 or vector(0))
{{- else -}}
sum({{ include "slo.rate" (mergeOverwrite (dict) . (dict "metric" (printf "%s_bucket" .s.metrics.duration) "matchers" (printf "%s, le=~%q" .matchers (include "slo.bound" $threshold)))) }})
{{- end -}}
{{- end }}

{{/* The latency threshold in the histogram's own unit, such as 500 for 0.5 s. Argument: a service. */}}
{{- define "slo.threshold" -}}
{{- mulf .slis.latency.threshold (eq .metrics.unit "milliseconds" | ternary 1000 1) -}}
{{- end }}

{{/*
Regular expression for a bucket's label `le`: a whole number is `1` or `1.0`, and a large or small one is `1000000`,
`1000000.0` or `1e+06`, as a client writes it. Argument: the bound.
*/}}
{{- define "slo.bound" -}}
{{- $exponent := contains "e" . -}}
{{- $decimal := $exponent | ternary (regexReplaceAll "[.]?0+$" (printf (contains "e-" . | ternary "%.15f" "%.6f") (float64 .)) "") . -}}
{{- $forms := list (contains "." $decimal | ternary (regexQuoteMeta $decimal) (printf "%s(\\.0)?" $decimal)) -}}
{{- if $exponent }}{{ $forms = append $forms (regexQuoteMeta .) }}{{ end -}}
{{- join "|" $forms -}}
{{- end }}

{{/* Matchers for the requests that the latency indicator covers. Argument: a service. */}}
{{- define "slo.latencyMatchers" -}}
{{- .series }}{{ if .slis.latency.excludeErrors }}, {{ .good }}{{ end -}}
{{- end }}

{{/*
PromQL for the rate of all requests of an indicator. Argument: a dict of `root`, `s`, `indicator` (its name) and `window`.
*/}}
{{- define "slo.requests" -}}
{{- if eq .indicator "latency" -}}
{{- include "slo.observations" (merge (dict "matchers" (include "slo.latencyMatchers" .s)) .) -}}
{{- else if and (eq .s.metrics.durationType "nativeHistogram") (eq .s.metrics.requests (printf "%s_count" .s.metrics.duration)) -}}
{{- include "slo.observations" (merge (dict "matchers" .s.series) .) -}}
{{- else -}}
sum({{ include "slo.rate" (merge (dict "metric" .s.metrics.requests "matchers" .s.series) .) }})
{{- end -}}
{{- end }}

{{/*
PromQL for the rate of bad requests of an indicator: 0 while there is no series with an error. Argument: a dict of `root`,
`s`, `indicator` (its name), `sli` and `window`.
*/}}
{{- define "slo.badRequests" -}}
{{- $recorded := printf "slo:requests:rate%s{%s}" .window .sli -}}
{{- if eq .indicator "latency" -}}
clamp_min({{ $recorded }} - on () ({{ include "slo.fastObservations" (merge (dict "matchers" (include "slo.latencyMatchers" .s)) .) }}), 0)
{{- else -}}
{{- $matchers := printf "%s, %s" .s.series .s.errors -}}
{{- if and (eq .s.metrics.durationType "nativeHistogram") (eq .s.metrics.requests (printf "%s_count" .s.metrics.duration)) -}}
{{- include "slo.observations" (merge (dict "matchers" $matchers) .) -}}
{{- else -}}
sum({{ include "slo.rate" (merge (dict "metric" .s.metrics.requests "matchers" $matchers) .) }})
{{- end }} or on () 0 * {{ $recorded }}
{{- end -}}
{{- end }}

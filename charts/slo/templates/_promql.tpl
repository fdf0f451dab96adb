{{/*
PromQL for the per-second rate of a counter's series over a window. With `lazy`, a series that first appears within the
window counts from zero if its target was scraped before. `rate` alone would miss the first error if the series appears with
it, because it sees no increase. Argument: a dict of `root`, `s` (a service), `metric`, `matchers` and `window`.
*/}}
{{- define "slo.rate" -}}
{{- $range := include "slo.duration" (dict "root" .root "duration" .window) -}}
{{- $series := printf "%s{%s}" .metric .matchers -}}
{{- $rate := printf "rate(%s[%s])" $series $range -}}
{{- if .s.metrics.lazy -}}
{{- $born := printf "(%s unless %s offset %s) / %s" $series $series $range (include "slo.scaledSeconds" (dict "root" .root "duration" .window)) -}}
{{- $scraped := printf "(up{%s} offset %s == 1)" .s.target $range -}}
({{ $born }} and on (namespace, job, instance) {{ $scraped }} or {{ $rate }})
{{- else -}}
{{- $rate -}}
{{- end -}}
{{- end }}

{{/* PromQL for the rate of counted requests. Argument: a dict of `root`, `s`, `matchers` and `window`. */}}
{{- define "slo.counted" -}}
{{- if .s.counter.isHistogram -}}
{{- include "slo.observations" . -}}
{{- else -}}
sum({{ include "slo.rate" (merge (dict "metric" .s.counter.name) .) }})
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
PromQL for the rate of observations up to the latency threshold. Without observations, histogram_fraction is NaN, which would
make the sums over longer windows NaN too: `>= 0` removes it. Argument: a dict of `root`, `s`, `matchers` and `window`.
*/}}
{{- define "slo.fastObservations" -}}
{{- $threshold := include "slo.threshold" .s -}}
{{- if eq .s.metrics.durationType "nativeHistogram" -}}
{{- $rate := printf "sum(%s)" (include "slo.rate" (merge (dict "metric" .s.metrics.duration) .)) -}}
histogram_count({{ $rate }}) * (histogram_fraction(0, {{ $threshold }}, {{ $rate }}) >= 0 or vector(0))
{{- else -}}
{{- $matchers := printf "%s, le=~%q" .matchers (include "slo.bound" $threshold) -}}
sum({{ include "slo.rate" (mergeOverwrite (dict) . (dict "metric" (printf "%s_bucket" .s.metrics.duration) "matchers" $matchers)) }})
{{- end -}}
{{- end }}

{{/* The latency threshold in the histogram's own unit, such as 500 for 0.5 s. Argument: a service. */}}
{{- define "slo.threshold" -}}
{{- mulf .slis.latency.threshold (eq .metrics.unit "milliseconds" | ternary 1000 1) -}}
{{- end }}

{{/*
Regular expression for a bucket's label `le`: clients write a whole number as `1` or `1.0`, and a very large or
small one with or without an exponent (`1000000`, `1000000.0` or `1e+06`). Argument: the bound.
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
{{- else -}}
{{- include "slo.counted" (merge (dict "matchers" .s.series) .) -}}
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
{{ include "slo.counted" (merge (dict "matchers" (printf "%s, %s" .s.series .s.errors)) .) }} or on () 0 * {{ $recorded }}
{{- end -}}
{{- end }}

{{/*
Errors in the services' values, one per line: the value's path, what is wrong, and what is allowed. Argument: a dict of
`root` and `services` (a map of the entries to check).
*/}}
{{- define "slo.errors" -}}
{{- $root := .root -}}
{{- $presets := $root.Files.Get "files/presets.yaml" | fromYaml -}}
{{- $titles := dict -}}
{{- range $name, $service := .services -}}
{{- $path := printf "services.%s" $name -}}
{{- $title := $name | replace "-" "" -}}
{{- if hasKey $titles $title }}
{{ $path }}: its alert names would differ from those of {{ get $titles $title }} at most in upper and lower case; rename one of the two
{{- end }}
{{- $_ := set $titles $title $name }}
{{- $preset := $service.preset | default $root.Values.defaults.preset }}
{{- if and $preset (not (hasKey $presets $preset)) }}
{{ $path }}.preset: {{ quote $preset }} is unknown; use one of {{ keys $presets | sortAlpha | join ", " }}, or leave it empty and set metrics
{{- else }}
{{ include "slo.errors.service" (dict "root" $root "path" $path "s" (include "slo.service" (dict "root" $root "name" $name "service" $service) | fromJson)) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Errors in one service whose preset is known. Argument: a dict of `root`, `path` and `s` (the service). */}}
{{- define "slo.errors.service" -}}
{{- $path := .path -}}
{{- $s := .s -}}
{{- $latency := $s.slis.latency -}}
{{- if not $s.metrics.requests }}
{{ $path }}.metrics.requests: empty; set it to the counter of all requests, such as http_requests_total, or set preset
{{- end }}
{{- if not $s.errors }}
{{ $path }}.metrics.errors: empty; set labels that only failed requests have, such as {regexMatch: {code: "5.."}}, or set preset
{{- end }}
{{- if and $s.version.metric (not $s.version.label) }}
{{ $path }}.version.label: empty; set it to the label of {{ $s.version.metric }} that has the version, or leave version.metric empty to take the version from the image
{{- else if and $s.version.label (not $s.version.metric) }}
{{ $path }}.version.metric: empty; set it to the metric that has the label {{ $s.version.label }}, or leave version.label empty to take the version from the image
{{- end }}
{{- if not $s.indicators }}
{{ $path }}.slis: no indicator is enabled; set slis.availability.enabled or slis.latency.enabled to true
{{- end }}
{{- range $name, $sli := $s.slis }}
{{- $objective := float64 $sli.objective }}
{{- if or (le $objective 0.0) (ge $objective 100.0) }}
{{ $path }}.slis.{{ $name }}.objective: {{ $sli.objective }} is not allowed; use a percentage above 0 and below 100, such as 99.9
{{- end }}
{{- end }}
{{- if regexMatch "_(bucket|count|sum)$" $s.metrics.duration }}
{{ $path }}.metrics.duration: {{ $s.metrics.duration }} is one series of a histogram; set the name without its suffix, {{ regexReplaceAll "_(bucket|count|sum)$" $s.metrics.duration "" }}
{{- end }}
{{- if $latency.enabled }}
{{- if not $s.metrics.duration }}
{{ $path }}.slis.latency.enabled: true, but there is no histogram; set metrics.duration, such as http_request_duration_seconds, or set slis.latency.enabled to false
{{- else if eq $s.metrics.durationType "summary" }}
{{ $path }}.slis.latency.enabled: true, but {{ $s.metrics.duration }} is a summary, whose quantiles cannot be added up; expose a histogram, or set slis.latency.enabled to false
{{- end }}
{{- $threshold := include "slo.threshold" $s | float64 }}
{{- $bounds := $s.metrics.bounds }}
{{- if le $threshold 0.0 }}
{{ $path }}.slis.latency.threshold: {{ $latency.threshold }} is not allowed; use seconds above 0, such as 0.5
{{- else if and $bounds (eq $s.metrics.durationType "histogram") }}
{{- $known := false }}
{{- range $bounds }}{{ $known = or $known (eq (float64 .) $threshold) }}{{ end }}
{{- if not $known }}
{{ $path }}.slis.latency.threshold: the histogram has no bucket at {{ $latency.threshold }} s; use one of its bounds ({{ join ", " $bounds }} {{ $s.metrics.unit }}), or set metrics.bounds if it has others
{{- end }}
{{- end }}
{{- if and $latency.excludeErrors (not $s.good) }}
{{ $path }}.slis.latency.excludeErrors: true, but metrics.errors has several matchers, and PromQL cannot exclude their combination; set it to false
{{- else if and $latency.excludeErrors (not $s.metrics.durationHasErrors) }}
{{ $path }}.slis.latency.excludeErrors: true, but {{ $s.metrics.duration }} lacks the label that tells errors from successes; set it to false
{{- end }}
{{- end }}
{{- range $map, $matchers := dict "regexMatch" $s.regexMatch "excludeRegex" $s.excludeRegex "metrics.errors.regexMatch" ($s.metrics.errors.regexMatch | default dict) }}
{{- range $label, $pattern := $matchers }}
{{- if or (hasPrefix "^" $pattern) (and (hasSuffix "$" $pattern) (not (hasSuffix "\\$" $pattern))) }}
{{ $path }}.{{ $map }}.{{ $label }}: {{ quote $pattern }} has an anchor; leave out ^ and $, because Prometheus always matches the whole value
{{- end }}
{{- end }}
{{- end }}
{{- if has $s.scrape.kind (list "ServiceMonitor" "PodMonitor") }}
{{- if and $s.scrape.scrapeTimeout (gt (include "slo.seconds" $s.scrape.scrapeTimeout | int64) (include "slo.seconds" $s.scrape.interval | int64)) }}
{{ $path }}.scrape.scrapeTimeout: {{ $s.scrape.scrapeTimeout }} is longer than the interval of {{ $s.scrape.interval }}; use at most the interval
{{- end }}
{{- if ne ($s.match.job | default $s.name) $s.name }}
{{ $path }}.match.job: {{ quote $s.match.job }}, but the {{ $s.scrape.kind }} of this chart sets the job label to {{ $s.name }}; leave it out, or set scrape.kind to existing
{{- end }}
{{- end }}
{{- end }}

{{/* Errors in the period and in the windows of the burn rates, one per line. Argument: the root. */}}
{{- define "slo.errors.windows" -}}
{{- $period := include "slo.seconds" .Values.period | int64 -}}
{{- if ne .Values.period (include "slo.usualDuration" .Values.period) }}
period: {{ .Values.period }} is part of the rules' names; write it as {{ include "slo.usualDuration" .Values.period }}
{{- end }}
{{- range $severity, $rates := .Values.burnRates }}
{{- range $number, $rate := $rates }}
{{- $path := printf "burnRates.%s[%d]" $severity $number }}
{{- $long := include "slo.seconds" .long | int64 }}
{{- if ge (include "slo.seconds" .short | int64) $long }}
{{ $path }}.short: {{ .short }} is not shorter than the long window of {{ .long }}; use about a twelfth of it
{{- end }}
{{- range $key := list "long" "short" }}
{{- $usual := include "slo.usualDuration" (get $rate $key) }}
{{- if ne $usual (get $rate $key) }}
{{ $path }}.{{ $key }}: {{ get $rate $key }} is part of the rules' names; write it as {{ $usual }}
{{- end }}
{{- end }}
{{- if ge $long $period }}
{{ $path }}.long: {{ .long }} is not shorter than the period of {{ $.Values.period }}; use a shorter window
{{- end }}
{{- end }}
{{- end }}
{{- end }}

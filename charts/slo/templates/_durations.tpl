{{/* Seconds of a duration with one unit, such as 300 for 5m. Argument: the duration. */}}
{{- define "slo.seconds" -}}
{{- $factor := get (dict "s" 1 "m" 60 "h" 3600 "d" 86400 "w" 604800) (regexFind "[a-z]$" .) -}}
{{- mul (regexFind "^[0-9]+" . | int64) $factor -}}
{{- end }}

{{/* The usual way to write a duration, such as 1h for 60m or 3600s: windows are parts of names. Argument: the duration. */}}
{{- define "slo.usualDuration" -}}
{{- $seconds := include "slo.seconds" . | int64 -}}
{{- $unit := 0 | eq (mod $seconds 60) | ternary "m" "s" -}}
{{- if eq (mod $seconds 3600) 0 }}{{ $unit = "h" }}{{ end -}}
{{- if eq (mod $seconds 86400) 0 }}{{ $unit = "d" }}{{ end -}}
{{- printf "%d%s" (div $seconds (include "slo.seconds" (printf "1%s" $unit))) $unit -}}
{{- end }}

{{/*
A duration as rules use it: the given one, or a `speed`-th of it in milliseconds. Argument: a dict of `root` and
`duration`.
*/}}
{{- define "slo.duration" -}}
{{- $speed := int64 .root.Values.speed -}}
{{- if eq $speed 1 }}{{ .duration }}{{ else }}{{ printf "%dms" (div (mul (include "slo.seconds" .duration) 1000) $speed) }}{{ end -}}
{{- end }}

{{/* Seconds of a duration divided by `speed`, as a decimal. Argument: a dict of `root` and `duration`. */}}
{{- define "slo.scaledSeconds" -}}
{{- divf (include "slo.seconds" .duration) .root.Values.speed -}}
{{- end }}

{{/* All windows for which ratios are recorded, as a JSON list, shortest first: those of dashboards (5m, 1h), those of alerts, the period. */}}
{{- define "slo.windows" -}}
{{- $windows := list "5m" "1h" -}}
{{- range concat .Values.burnRates.critical .Values.burnRates.warning -}}
{{- $windows = append $windows .short | concat (list .long) -}}
{{- end -}}
{{- $bySeconds := dict -}}
{{- range append $windows .Values.period }}{{ $_ := set $bySeconds (printf "%012d" (include "slo.seconds" . | int64)) . }}{{ end -}}
{{- $sorted := list -}}
{{- range $bySeconds }}{{ $sorted = append $sorted . }}{{ end -}}
{{- toJson $sorted -}}
{{- end }}

{{/*
The windows of a kind, as a JSON list. Argument: a dict of `root` and `kind`: `raw` (up to 1h, from the service's own
series), `fast` (up to 6h, from the recorded rates of 5m) or `slow` (all longer ones).
*/}}
{{- define "slo.windowsOf" -}}
{{- $found := list -}}
{{- range include "slo.windows" .root | fromJsonArray -}}
{{- $seconds := include "slo.seconds" . | int64 -}}
{{- $kind := le $seconds 3600 | ternary "raw" (le $seconds 21600 | ternary "fast" "slow") -}}
{{- if eq $kind $.kind }}{{ $found = append $found . }}{{ end -}}
{{- end -}}
{{- toJson $found -}}
{{- end }}

{{/* Seconds of a Prometheus duration of seconds or more, such as 5400 for 1h30m. Argument: the duration. */}}
{{- define "slo.seconds" -}}
{{- $factors := dict "s" 1 "m" 60 "h" 3600 "d" 86400 "w" 604800 "y" 31536000 -}}
{{- $seconds := 0 -}}
{{- range regexFindAll "[0-9]+[a-z]+" . -1 -}}
{{- $seconds = add $seconds (mul (regexFind "^[0-9]+" . | int64) (get $factors (regexFind "[a-z]+$" .) | default 0)) -}}
{{- end -}}
{{- $seconds -}}
{{- end }}

{{/*
global.monitoring.speed, or 1 if it is not set. The chart storage-api has copies of this template and of slo.duration, and
the platform has one of slo.duration: each of the charts also works without the others. Argument: the root.
*/}}
{{- define "slo.speed" -}}
{{- $speed := dig "monitoring" "speed" 1 (.Values.global | default dict) -}}
{{- if not (and (regexMatch "^[1-9][0-9]*$" (toString $speed)) (le (int64 $speed) 3600)) -}}
{{- fail (printf "global.monitoring.speed: %v is not allowed; use a whole number from 1 to 3600" $speed) -}}
{{- end -}}
{{- $speed -}}
{{- end }}

{{/*
A duration in its largest whole unit, such as 1h for 60m or 3600s. The names of rules contain windows, so only this form is
allowed for them. Argument: the duration.
*/}}
{{- define "slo.usualDuration" -}}
{{- $seconds := include "slo.seconds" . | int64 -}}
{{- $unit := 0 | eq (mod $seconds 60) | ternary "m" "s" -}}
{{- if eq (mod $seconds 3600) 0 }}{{ $unit = "h" }}{{ end -}}
{{- if eq (mod $seconds 86400) 0 }}{{ $unit = "d" }}{{ end -}}
{{- printf "%d%s" (div $seconds (include "slo.seconds" (printf "1%s" $unit))) $unit -}}
{{- end }}

{{/*
A duration as rules use it: the given one, or the `speed`-th part of it in milliseconds. Argument: a dict of `root` and
`duration`.
*/}}
{{- define "slo.duration" -}}
{{- $speed := include "slo.speed" .root | int64 -}}
{{- if eq $speed 1 }}{{ .duration }}{{ else }}{{ printf "%dms" (div (mul (include "slo.seconds" .duration) 1000) $speed) }}{{ end -}}
{{- end }}

{{/* Seconds of a duration divided by global.monitoring.speed, as a decimal. Argument: a dict of `root` and `duration`. */}}
{{- define "slo.scaledSeconds" -}}
{{- divf (include "slo.seconds" .duration) (include "slo.speed" .root) -}}
{{- end }}

{{/*
All windows for which ratios are recorded, as a JSON list, shortest first: those that dashboards show (5m and 1h), those of
the burn rates, and the period. Argument: the root.
*/}}
{{- define "slo.windows" -}}
{{- $windows := list "5m" "1h" .Values.period -}}
{{- range concat .Values.burnRates.critical .Values.burnRates.warning -}}
{{- $windows = append (append $windows .long) .short -}}
{{- end -}}
{{- /* `range` visits the keys of a dict in the order of their text. */}}
{{- $bySeconds := dict -}}
{{- range $windows }}{{ $_ := set $bySeconds (printf "%012d" (include "slo.seconds" . | int64)) . }}{{ end -}}
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

{{/* The longest window of the alerts, such as 3d: Prometheus must keep samples for that long. Argument: the root. */}}
{{- define "slo.longestWindow" -}}
{{- without (include "slo.windows" . | fromJsonArray) .Values.period | last -}}
{{- end }}

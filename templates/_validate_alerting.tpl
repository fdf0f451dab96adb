{{/* Errors in `alerting`, one per line. */}}
{{- define "observability-platform.errors.alerting" -}}
{{- $alerting := .Values.alerting -}}
{{- $receivers := include "observability-platform.receivers" . | fromJson -}}
{{- $names := keys $receivers | sortAlpha | join ", " | default "none yet" -}}
{{- if not (kindIs "map" $alerting.receivers) }}
alerting.receivers: a list, the format of older versions; write a map by name, such as {default: {config: {webhookConfigs: [...]}}} (see docs/upgrade.md)
{{- end }}
{{- if hasKey $alerting "route" }}
alerting.route: replaced; name the receivers in alerting.critical and alerting.warning, and move other routes to alerting.extraRoutes (see docs/upgrade.md)
{{- end }}
{{- range $name, $receiver := $receivers }}
{{- $path := printf "alerting.receivers.%s" $name }}
{{- if eq $name "null" }}
{{ $path }}: this name is reserved for alerts that notify nobody; choose another name
{{- end }}
{{- if not $receiver }}
{{ $path }}: empty; set one or more of webhook, slack, pagerduty, email, opsgenie and config
{{- end }}
{{- with $receiver.email }}
{{- if and (or .key .username) (not .secret) }}
{{ $path }}.email.secret: empty, but key or username is set; set it to the Secret with the password, or remove both for a server without login
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $mute := $alerting.muteTimes }}
{{- range $interval := $mute.timeIntervals }}
{{- if not (values $interval | compact) }}
alerting.muteTimes.{{ $name }}.timeIntervals: an empty interval would mute alerts at all times; set one of times, weekdays, daysOfMonth, months and years
{{- end }}
{{- range $interval.times }}
{{- if ge .startTime .endTime }}
alerting.muteTimes.{{ $name }}.timeIntervals: {{ .startTime }} is not before {{ .endTime }}; write a night as two times, {startTime: {{ quote .startTime }}, endTime: "24:00"} and {startTime: "00:00", endTime: {{ quote .endTime }}}
{{- end }}
{{- end }}
{{- range $field, $order := include "observability-platform.calendar" $ | fromYaml }}
{{- range get $interval $field | default list }}
{{- $ends := splitList ":" . }}
{{- $start := include "observability-platform.position" (dict "order" $order "value" (first $ends)) | int }}
{{- $end := include "observability-platform.position" (dict "order" $order "value" (last $ends)) | int }}
{{- if gt $start $end }}
alerting.muteTimes.{{ $name }}.timeIntervals: the {{ $field }} {{ . }} end before they begin; write two spans
{{- end }}
{{- end }}
{{- end }}
{{- range $interval.daysOfMonth }}
{{- $start := int .start }}
{{- $end := int .end }}
{{- if or (eq 0 $start) (eq 0 $end) (and (lt $start 0) (gt $end 0)) (and (gt $start $end) (or (lt $start 0) (gt $end 0))) }}
alerting.muteTimes.{{ $name }}.timeIntervals: the daysOfMonth {{ .start }} to {{ .end }} are not allowed; use 1 to 31, or -31 to -1 counted from the end, the earlier day first
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if and $alerting.enabled (kindIs "map" $alerting.receivers) }}
{{- if not $alerting.critical }}
alerting.critical: empty, so nobody would be notified of critical alerts; set it to a name in alerting.receivers ({{ $names }})
{{- end }}
{{- range $role := list "critical" "warning" "info" "heartbeat" }}
{{- with get $alerting $role }}
{{- if not (hasKey $receivers .) }}
alerting.{{ $role }}: {{ quote . }} is not in alerting.receivers; use one of its names ({{ $names }})
{{- end }}
{{- end }}
{{- end }}
{{- range $route := $alerting.extraRoutes }}
{{- range $field, $known := dict "receiver" (append (keys $receivers) "null") "muteTimeIntervals" (keys $alerting.muteTimes) "activeTimeIntervals" (keys $alerting.muteTimes) }}
{{- range include "observability-platform.routeNames" (dict "route" $route "field" $field) | splitList "\n" | compact | uniq }}
{{- if not (has . $known) }}
alerting.extraRoutes: {{ quote . }} in {{ $field }} is not in alerting.{{ eq $field "receiver" | ternary "receivers" "muteTimes" }}; use one of its names ({{ without $known "null" | sortAlpha | join ", " | default "none yet" }})
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/*
Names in one field (receiver, muteTimeIntervals or activeTimeIntervals) of a route and its child routes, one per line.
Argument: a dict of `route` and `field`.
*/}}
{{- define "observability-platform.routeNames" -}}
{{- range kindIs "slice" (get .route .field) | ternary (get .route .field) (list (get .route .field)) }}{{ . }}{{ "\n" }}{{ end -}}
{{- range .route.routes }}{{ include "observability-platform.routeNames" (dict "route" . "field" $.field) }}{{ end -}}
{{- end }}

{{/* The fields of a time interval that have spans, and their values in order; years are numbers. */}}
{{- define "observability-platform.calendar" -}}
weekdays: [sunday, monday, tuesday, wednesday, thursday, friday, saturday]
months: ["", january, february, march, april, may, june, july, august, september, october, november, december]
years: []
{{- end }}

{{/* Position of a value in a list, or the value itself if it is a number. Argument: a dict of `order` and `value`. */}}
{{- define "observability-platform.position" -}}
{{- $position := .value -}}
{{- range $index, $word := .order }}{{ if eq $word $.value }}{{ $position = $index }}{{ end }}{{ end -}}
{{- $position -}}
{{- end }}

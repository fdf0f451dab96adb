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
{{- if hasKey ($receiver.config | default dict) "name" }}
{{ $path }}.config.name: not allowed, because the receiver's name is {{ $name }} already; remove it
{{- end }}
{{- with $receiver.email }}
{{- if and (or .key .username) (not .secret) }}
{{ $path }}.email.secret: empty, but key or username is set; set it to the Secret with the password, or remove both for a server without login
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
{{- range $number, $route := $alerting.extraRoutes }}
{{- range $field, $known := dict "receiver" (append (keys $receivers) "null") "muteTimeIntervals" (keys $alerting.muteTimes) "activeTimeIntervals" (keys $alerting.muteTimes) }}
{{- range include "observability-platform.routeNames" (dict "route" $route "field" $field) | splitList "\n" | compact | uniq }}
{{- if not (has . $known) }}
alerting.extraRoutes[{{ $number }}].{{ $field }}: {{ quote . }} is not in alerting.{{ eq $field "receiver" | ternary "receivers" "muteTimes" }}; use one of its names ({{ without $known "null" | sortAlpha | join ", " | default "none yet" }})
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

{{/* The spec of the AlertmanagerConfig: receivers, routes by severity, inhibition, mute times. */}}
{{- define "observability-platform.alertmanagerConfigSpec" -}}
{{- $alerting := .Values.alerting -}}
{{- $receivers := list (dict "name" "null") -}}
{{- range $name, $receiver := include "observability-platform.receivers" . | fromJson -}}
{{- $receivers = append $receivers (include "observability-platform.receiver" (dict "root" $ "name" $name "receiver" $receiver) | fromJson) -}}
{{- end -}}
{{- $muted := list -}}
{{- range $name, $mute := $alerting.muteTimes -}}
{{- $muted = append $muted (dict "name" $name "timeIntervals" $mute.timeIntervals) -}}
{{- end -}}
{{- $spec := dict
      "route" (include "observability-platform.alertingRoute" . | fromJson)
      "receivers" $receivers
      "inhibitRules" (include "observability-platform.inhibitRules" . | fromYamlArray) -}}
{{- with $muted }}{{ $_ := set $spec "muteTimeIntervals" . }}{{ end -}}
{{- toYaml $spec -}}
{{- end }}

{{/* The receivers by name, as JSON. Empty if they are a list, the format of old versions, which validation refuses. */}}
{{- define "observability-platform.receivers" -}}
{{- kindIs "map" .Values.alerting.receivers | ternary .Values.alerting.receivers dict | toJson -}}
{{- end }}

{{/*
A receiver in the format of AlertmanagerConfig, as JSON. Argument: a dict of `root`, `name` and `receiver` (its entry in
alerting.receivers).
*/}}
{{- define "observability-platform.receiver" -}}
{{- $texts := .root.Files.Get "files/alert-messages.yaml" | fromYaml -}}
{{- $made := merge (dict "name" .name) (deepCopy (.receiver.config | default dict)) -}}
{{- range $kind, $field := include "observability-platform.receiverKinds" . | fromYaml -}}
{{- with get $.receiver $kind -}}
{{- $settings := dict "sendResolved" (dig "sendResolved" true .) -}}
{{- with .secret }}{{ $_ := set $settings $field.secret (dict "name" . "key" ((get $.receiver $kind).key | default $field.key)) }}{{ end -}}
{{- if eq $kind "email" -}}
{{- $_ := set $settings "smarthost" .smarthost -}}
{{- $_ := set $settings "from" .from -}}
{{- $_ := set $settings "to" .to -}}
{{- if .secret }}{{ $_ := set $settings "authUsername" (.username | default .from) }}{{ end -}}
{{- else if eq $kind "slack" -}}
{{- with .channel }}{{ $_ := set $settings "channel" . }}{{ end -}}
{{- else if eq $kind "opsgenie" -}}
{{- with .url }}{{ $_ := set $settings "apiURL" . }}{{ end -}}
{{- end -}}
{{- $settings = merge $settings (get $texts $kind | default dict) -}}
{{- $_ := set $made $field.list (append (get $made $field.list | default list) $settings) -}}
{{- end -}}
{{- end -}}
{{- toJson $made -}}
{{- end }}

{{/* For each kind of receiver: its list in AlertmanagerConfig, the field there that names the Secret, and the default key. */}}
{{- define "observability-platform.receiverKinds" -}}
webhook: {list: webhookConfigs, secret: urlSecret, key: url}
slack: {list: slackConfigs, secret: apiURL, key: url}
pagerduty: {list: pagerdutyConfigs, secret: routingKey, key: routingKey}
email: {list: emailConfigs, secret: authPassword, key: password}
opsgenie: {list: opsgenieConfigs, secret: apiKey, key: apiKey}
{{- end }}

{{/*
The routing tree, as JSON. An alert without a known severity goes to the receiver of warnings, so that it is not lost.
InfoInhibitor only mutes other alerts, so it notifies nobody. The alerts of one service are grouped into one notification,
because an outage fires several of them.
*/}}
{{- define "observability-platform.alertingRoute" -}}
{{- $alerting := .Values.alerting -}}
{{- $routes := list -}}
{{- with $alerting.heartbeat -}}
{{- $watchdog := dict "name" "alertname" "matchType" "=" "value" "Watchdog" -}}
{{- $routes = append $routes (dict "receiver" . "matchers" (list $watchdog) "groupInterval" "1m" "repeatInterval" "1m") -}}
{{- end -}}
{{- $routes = append $routes (dict "receiver" "null" "matchers" (list (dict "name" "alertname" "matchType" "=~" "value" "Watchdog|InfoInhibitor"))) -}}
{{- $routes = concat $routes $alerting.extraRoutes -}}
{{- $none := dict "name" "severity" "matchType" "=" "value" "none" -}}
{{- $routes = append $routes (dict "receiver" "null" "matchers" (list $none)) -}}
{{- range $severity := list "critical" "info" "warning" -}}
{{- $muted := list -}}
{{- range $name, $mute := $alerting.muteTimes -}}
{{- if has $severity ($mute.severities | default (list "warning" "info")) }}{{ $muted = append $muted $name }}{{ end -}}
{{- end -}}
{{- range $groupBy := list "slo_service" "alertname" -}}
{{- $matchers := list -}}
{{- if ne $severity "warning" }}{{ $matchers = append $matchers (dict "name" "severity" "matchType" "=" "value" $severity) }}{{ end -}}
{{- if eq $groupBy "slo_service" }}{{ $matchers = append $matchers (dict "name" "slo_service" "matchType" "=~" "value" ".+") }}{{ end -}}
{{- $route := dict "receiver" (get $alerting $severity | default "null") "groupBy" (list "namespace" $groupBy) -}}
{{- with $matchers }}{{ $_ := set $route "matchers" . }}{{ end -}}
{{- with $muted }}{{ $_ := set $route "muteTimeIntervals" . }}{{ end -}}
{{- $routes = append $routes $route -}}
{{- end -}}
{{- end -}}
{{- dict "receiver" "null" "groupBy" (list "namespace" "alertname") "routes" $routes | toJson -}}
{{- end }}

{{/*
Inhibition: which firing alerts silence which others. It only concerns the alerts that this chart creates, which have the
label runbook. The alert that a service is down does not silence its alerts on error budgets, because only those say that
users are affected.
*/}}
{{- define "observability-platform.inhibitRules" -}}
# The critical alert says more than the warning of the same name.
- sourceMatch:
    - {name: runbook, matchType: "=~", value: ".+"}
    - {name: severity, matchType: "=", value: critical}
  targetMatch:
    - {name: runbook, matchType: "=~", value: ".+"}
    - {name: severity, matchType: "=~", value: warning|info}
  equal: [namespace, alertname, slo_service]
# A service without targets has no metrics either.
- sourceMatch:
    - {name: runbook, matchType: "=", value: target-down}
  targetMatch:
    - {name: runbook, matchType: "=~", value: metrics-missing|indicator-broken|traffic-missing}
  equal: [namespace, slo_service]
{{- end }}

{{/* Secrets that the receivers need, except for those in `config`, as a JSON list of texts such as `slack (url)`. */}}
{{- define "observability-platform.alertingSecrets" -}}
{{- $secrets := list -}}
{{- $kinds := include "observability-platform.receiverKinds" . | fromYaml -}}
{{- range include "observability-platform.receivers" . | fromJson -}}
{{- range $kind, $settings := omit . "config" -}}
{{- with $settings.secret }}{{ $secrets = append $secrets (printf "%s (%s)" . ($settings.key | default (get $kinds $kind).key)) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- $secrets | uniq | sortAlpha | toJson -}}
{{- end }}

{{/*
Words for the alerts that an Alertmanager does not deliver with the operator's default strategy, OnNamespace: those whose
label namespace is not that of the AlertmanagerConfig, and Watchdog, which has none. Nothing if it delivers all our alerts.
*/}}
{{- define "observability-platform.alertsElsewhere" -}}
{{- $namespaces := list .Release.Namespace -}}
{{- with .Subcharts.slo -}}
{{- $root := . -}}
{{- range $name, $service := include "slo.ownServices" . | fromJson -}}
{{- $namespaces = append $namespaces (include "slo.service" (dict "root" $root "name" $name "service" $service) | fromJson).namespace -}}
{{- end -}}
{{- end -}}
{{- $others := without ($namespaces | uniq | sortAlpha) (include "observability-platform.alertingNamespace" .) -}}
{{- $lost := list -}}
{{- if .Values.alerting.heartbeat }}{{ $lost = append $lost "Watchdog" }}{{ end -}}
{{- with $others }}{{ $lost = append $lost (printf "the alerts of %s" (join ", " .)) }}{{ end -}}
{{- join " and " $lost -}}
{{- end }}

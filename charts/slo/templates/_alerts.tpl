{{/*
What alerts have in common: labels and links. Argument: a dict of `root`, `labels`, `severity` and `runbook` (the name of
its page in docs/runbooks).
*/}}
{{- define "slo.alertLabels" -}}
{{- merge (dict "severity" .severity "runbook" .runbook) .labels | toYaml -}}
{{- end }}

{{/* Matchers as text in an annotation, where Prometheus expands templates. Argument: the matchers. */}}
{{- define "slo.quotedText" -}}
{{- replace "\"" "'" . | replace "{{" "{ {" -}}
{{- end }}

{{- define "slo.alertLinks" -}}
{{- $monitoring := dig "monitoring" dict (.root.Values.global | default dict) -}}
{{- with $monitoring.runbookUrl }}
runbook_url: {{ printf "%s/%s" (trimSuffix "/" .) $.runbook | quote }}
{{- end }}
{{- with $monitoring.grafanaUrl }}
dashboard_url: {{ printf "%s/d/observability-platform-service?var-namespace=%s&var-service=%s" (trimSuffix "/" .) $.labels.namespace $.labels.slo_service | quote }}
{{- end }}
{{- end }}

{{/*
One alert. Argument: a dict of `root`, `alert`, `expr`, `for` or `keepFiringFor`, `labels`, `severity`, `runbook`,
`summary` and `description`.
*/}}
{{- define "slo.alert" }}
- alert: {{ .alert }}
  expr: |-
    {{- .expr | trim | nindent 4 }}
  {{- with .for }}
  for: {{ include "slo.duration" (dict "root" $.root "duration" .) }}
  {{- end }}
  {{- with .keepFiringFor }}
  keep_firing_for: {{ include "slo.duration" (dict "root" $.root "duration" .) }}
  {{- end }}
  labels:
    {{- include "slo.alertLabels" . | nindent 4 }}
  annotations:
    summary: {{ .summary | quote }}
    description: {{ .description | quote }}
    {{- with include "slo.alertLinks" . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
{{- end }}

{{/* Thresholds, progress and alerts of an indicator's burn rates. Argument: a dict of `root`, `s` and `i` (the indicator). */}}
{{- define "slo.burnRules" -}}
{{- $i := .i -}}
{{- $s := .s -}}
{{- $root := .root -}}
{{- $alerts := dict -}}
{{- range $severity := list "critical" "warning" -}}
{{- $conditions := list -}}
{{- $windows := list -}}
{{- range get $root.Values.burnRates $severity -}}
{{- $labels := merge (dict "severity" $severity "long" .long "short" .short) $i.labels -}}
{{- $threshold := include "slo.burnThreshold" (dict "root" $root "rate" . "budget" $i.budget) -}}
{{- $long := printf "slo:bad_requests_per_requests:ratio_rate%s{%s}" .long $i.sli -}}
{{- $short := printf "slo:bad_requests_per_requests:ratio_rate%s{%s}" .short $i.sli -}}
{{- include "slo.record" (dict "record" "slo:burn_threshold:ratio" "labels" $labels "expr" (printf "vector(%s)" $threshold)) -}}
{{- /* How near the alert is: 1 and more fires it, once enough requests are bad. */}}
{{- include "slo.record" (dict "record" "slo:alert_progress:ratio" "labels" $labels "expr" (printf "(%s < %s or %s) / %s" $long $short $short $threshold)) -}}
{{- $bad := include "slo.badCount" (dict "root" $root "window" .long "sli" $i.sli) -}}
{{- $conditions = append $conditions (printf "(\n  %s > %s\n  and %s > %s\n  and %s > %v\n)" $long $threshold $short $threshold $bad (subf $s.minBadRequests 0.5)) -}}
{{- $windows = append $windows .long -}}
{{- end -}}
{{- $_ := set $alerts $severity (dict "expr" (join "\nor\n" $conditions) "windows" (join " or " $windows)) -}}
{{- end -}}
{{- range $severity := list "critical" "warning" -}}
{{- $alert := get $alerts $severity -}}
{{- if $alert.expr -}}
{{- include "slo.alert" (dict "root" $root "labels" $i.labels "severity" $severity
      "alert" (printf "%s%sBudgetBurn" $s.title $i.title)
      "runbook" (printf "%s-budget-burn" $i.name)
      "keepFiringFor" $s.keepFiringFor
      "expr" $alert.expr
      "summary" (printf "%s/%s: {{ $value | humanizePercentage }} of requests %s, too many for the objective of %v%%." $s.namespace $s.name (eq $i.name "latency" | ternary (printf "take longer than %v s" $s.slis.latency.threshold) "fail") (mulf $i.objective 100))
      "description" (printf "Measured over %s; at most %v%% may do so over %s. Left of that error budget: {{ with query `slo:error_budget_remaining:ratio{%s}` }}{{ . | first | value | humanizePercentage }}{{ else }}unknown{{ end }}." $alert.windows (mulf $i.budget 100) $root.Values.period $i.sli)) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/*
Ratio of bad requests at which a burn rate fires: the rate that uses up its share of the budget within the long window. It is
at most 0.9, which a total outage exceeds whatever the objective, but never less than the budget itself. Argument: a dict of
`root`, `rate` and `budget`.
*/}}
{{- define "slo.burnThreshold" -}}
{{- $factor := mulf (divf .rate.budgetPercent 100) (divf (include "slo.seconds" .root.Values.period) (include "slo.seconds" .rate.long)) -}}
{{- maxf .budget (minf 0.9 (mulf $factor .budget)) -}}
{{- end }}

{{/*
Number of bad requests in a window: few bad requests of a quiet service are no outage. Argument: a dict of `root`, `window`
and `sli`.
*/}}
{{- define "slo.badCount" -}}
{{- if le (include "slo.seconds" .window | int64) 3600 -}}
slo:bad_requests:rate{{ .window }}{ {{- .sli -}} } * {{ include "slo.scaledSeconds" (dict "root" .root "duration" .window) }}
{{- else -}}
sum_over_time(slo:bad_requests:rate5m{ {{- .sli -}} }[{{ include "slo.duration" (dict "root" .root "duration" .window) }}]) * {{ include "slo.seconds" .root.Values.interval }}
{{- end -}}
{{- end }}

{{/* Alerts for what is missing: targets, metrics, an indicator's series, traffic. Argument: a dict of `root` and `s`. */}}
{{- define "slo.absenceAlerts" -}}
{{- $s := .s -}}
{{- $root := .root -}}
{{- $where := printf "%s/%s" $s.namespace $s.name -}}
{{- $first := first $s.indicators -}}
{{- with $s.alerts.down -}}
{{- if .enabled -}}
{{- include "slo.alert" (dict "root" $root "labels" $s.labels "severity" .severity "for" .for "runbook" "target-down"
      "alert" (printf "%sDown" $s.title)
      "expr" (printf "service:targets:up{%s} == 0" $s.recorded)
      "summary" (printf "%s: Prometheus can scrape none of its targets." $where)
      "description" (printf "For %s, {{ with query `service:targets:expected{%s}` }}{{ . | first | value }}{{ end }} targets were known and none answered. Targets are selected by `up{%s}`." .for $s.recorded (include "slo.quotedText" $s.target))) -}}
{{- end -}}
{{- end -}}
{{- with $s.alerts.metricsMissing -}}
{{- if .enabled -}}
{{- /* Series that are born with the first request may be missing for good reason: only if there was traffic at this time
yesterday, or if the targets have been up for a day without any request. */}}
{{- $day := include "slo.duration" (dict "root" $root "duration" "1d") -}}
{{- $expected := $s.metrics.lazy | ternary (printf "\nand on (namespace, slo_service) (\n  slo:requests:rate1h{%s} offset %s > 0.1\n  or service:targets:up{%s} offset %s > 0 unless on (namespace, slo_service) present_over_time(slo:requests:rate5m{%s}[%s])\n)" $first.sli $day $s.recorded $day $first.sli $day) "" -}}
{{- include "slo.alert" (dict "root" $root "labels" $s.labels "severity" .severity "for" .for "runbook" "metrics-missing"
      "alert" (printf "%sMetricsMissing" $s.title)
      "expr" (printf "service:targets:up{%s} > 0\nunless on (namespace, slo_service) slo:requests:rate5m{%s}%s" $s.recorded $first.sli $expected)
      "summary" (printf "%s: its targets answer, but without the metrics of its service levels." $where)
      "description" (printf "For %s, {{ $value }} targets were up and none had `%s` with the labels {%s}." .for $s.metrics.requests (include "slo.quotedText" $s.series))) -}}
{{- end -}}
{{- end -}}
{{- with $s.alerts.indicatorBroken -}}
{{- if .enabled -}}
{{- range $s.indicators -}}
{{- $alert := dict "root" $root "labels" .labels "severity" $s.alerts.indicatorBroken.severity "for" $s.alerts.indicatorBroken.for "runbook" "indicator-broken" "alert" (printf "%s%sIndicatorBroken" $s.title .title) -}}
{{- if eq .name "latency" -}}
{{- /* If requests succeed, there are durations: also if the whole histogram is missing. */}}
{{- $measurable := printf "slo:requests:rate5m{%s} > 0" .sli -}}
{{- if eq $first.name "availability" -}}
{{- $measurable = printf "(%s or on (namespace, slo_service) slo:bad_requests_per_requests:ratio_rate5m{%s} < 0.5)" $measurable $first.sli -}}
{{- end -}}
{{- include "slo.alert" (merge $alert (dict
      "expr" (printf "%s\nunless on (namespace, slo_service) slo:bad_requests:rate5m{%s}" $measurable .sli)
      "summary" (printf "%s: no latency can be measured, because the histogram is missing or lacks the threshold %v s." $where $s.slis.latency.threshold)
      "description" (printf "`%s` is missing or has no bucket at %s (%s); set slis.latency.threshold to a bound that it has, or slis.latency.enabled to false." $s.metrics.duration (include "slo.threshold" $s) $s.metrics.unit))) -}}
{{- else if $s.metrics.errorLabelOnSuccess -}}
{{- $label := concat (keys ($s.metrics.errors.match | default dict)) (keys ($s.metrics.errors.regexMatch | default dict)) | sortAlpha | first -}}
{{- include "slo.alert" (merge $alert (dict
      "expr" (printf "slo:requests:rate5m{%s} > 0\nunless on () group(%s{%s, %s!=\"\"})" .sli ((eq $s.metrics.durationType "nativeHistogram") | ternary (trimSuffix "_count" $s.metrics.requests) $s.metrics.requests) $s.series $label)
      "summary" (printf "%s: no error can be seen, because its metric lacks the label %s." $where $label)
      "description" (printf "No series of `%s` has the label %s that tells errors from successes." $s.metrics.requests $label))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with $s.alerts.trafficMissing -}}
{{- if .enabled -}}
{{- /* A service whose series are gone has no traffic either. Chance alone empties an hour of a service that had fewer than
36 requests in it. */}}
{{- $lastWeek := printf "slo:requests:rate1h{%s} offset %s" $first.sli (include "slo.duration" (dict "root" $root "duration" "1w")) -}}
{{- include "slo.alert" (dict "root" $root "labels" $s.labels "severity" .severity "for" .for "runbook" "traffic-missing"
      "alert" (printf "%sTrafficMissing" $s.title)
      "expr" (printf "sum by (namespace, slo_service) (\n  (slo:requests:rate1h{%s} or 0 * %s)\n  < 0.1 * (%s > 0.01)\n)" $first.sli $lastWeek $lastWeek)
      "summary" (printf "%s: {{ $value | printf \"%%.3g\" }} requests per second, less than a tenth of a week ago." $where)
      "description" (printf "A week ago there were {{ with query `%s` }}{{ . | first | value | printf \"%%.3g\" }}{{ end }} requests per second in the same hour." $lastWeek)) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Alerts for what is missing: targets, metrics, an indicator's series, traffic. Argument: a dict of `root` and `s`. */}}
{{- define "slo.absenceAlerts" -}}
{{- $s := .s -}}
{{- $root := .root -}}
{{- $where := printf "%s/%s" $s.namespace $s.name -}}
{{- $first := first $s.indicators -}}
{{- with $s.alerts.down -}}
{{- if .enabled -}}
{{- include "slo.alert" (dict "root" $root "s" $s "labels" $s.labels "severity" .severity "for" .for "runbook" "target-down"
      "alert" (printf "%sDown" $s.title)
      "expr" (printf "service:targets:up{%s} == 0" $s.recorded)
      "summary" (printf "%s: none of its {{ with query `service:targets:expected{%s}` }}{{ . | first | value }}{{ end }} targets can be scraped." $where $s.recorded)
      "description" (printf "For %s, {{ with query `service:targets:expected{%s}` }}{{ . | first | value }}{{ end }} targets were expected and none answered. Targets are selected by `up{%s}`." .for $s.recorded (include "slo.quotedText" $s.target))) -}}
{{- end -}}
{{- end -}}
{{- with $s.alerts.metricsMissing -}}
{{- if .enabled -}}
{{- /* With `lazy`, a service without requests rightly has no series. Then the alert fires only if there was traffic at this
time yesterday, or if the targets have been up for a day in which no series appeared. */}}
{{- $day := include "slo.duration" (dict "root" $root "duration" "1d") -}}
{{- $lines := list
      (printf "service:targets:up{%s} > 0" $s.recorded)
      (printf "unless on (namespace, slo_service) slo:requests:rate5m{%s}" $first.sli) -}}
{{- if $s.metrics.lazy -}}
{{- $never := printf "unless on (namespace, slo_service) present_over_time(slo:requests:rate5m{%s}[%s])" $first.sli $day -}}
{{- $lines = concat $lines (list
      "and on (namespace, slo_service) ("
      (printf "  slo:requests:rate1h{%s} offset %s > 0.1" $first.sli $day)
      (printf "  or service:targets:up{%s} offset %s > 0 %s" $s.recorded $day $never)
      ")") -}}
{{- end -}}
{{- include "slo.alert" (dict "root" $root "s" $s "labels" $s.labels "severity" .severity "for" .for "runbook" "metrics-missing"
      "alert" (printf "%sMetricsMissing" $s.title)
      "expr" (join "\n" $lines)
      "summary" (printf "%s: {{ $value }} of its targets answer, but without the metrics of its service levels." $where)
      "description" (printf "For %s, {{ $value }} targets were up and none had `%s` with the labels {%s}." .for $s.metrics.requests (include "slo.quotedText" $s.series))) -}}
{{- end -}}
{{- end -}}
{{- $broken := $s.alerts.indicatorBroken -}}
{{- if $broken.enabled -}}
{{- range $s.indicators -}}
{{- $alert := dict "root" $root "s" $s "labels" .labels "severity" $broken.severity "for" $broken.for "runbook" "indicator-broken"
      "alert" (printf "%s%sIndicatorBroken" $s.title .title) -}}
{{- if eq .name "latency" -}}
{{- /* If most requests succeed, durations must be recorded. The availability indicator is asked as well, because the latency
indicator counts no requests if the whole histogram is missing. */}}
{{- $measurable := printf "slo:requests:rate5m{%s} > 0" .sli -}}
{{- if eq $first.name "availability" -}}
{{- $measurable = printf "(%s or on (namespace, slo_service) slo:bad_requests_per_requests:ratio_rate5m{%s} < 0.5)" $measurable $first.sli -}}
{{- end -}}
{{- include "slo.alert" (merge $alert (dict
      "expr" (printf "%s\nunless on (namespace, slo_service) slo:bad_requests:rate5m{%s}" $measurable .sli)
      "summary" (printf "%s: no latency can be measured, because the histogram is missing or lacks the threshold %v s." $where $s.slis.latency.threshold)
      "description" (printf "`%s` is missing or has no bucket at %s (%s); set slis.latency.threshold to a bound that it has, or slis.latency.enabled to false." $s.metrics.duration (include "slo.threshold" $s) $s.metrics.unit))) -}}
{{- else if $s.metrics.errorLabelOnSuccess -}}
{{- /* `service:targets:up > 0`: the rate goes on for minutes after the last target has died with its series. */}}
{{- $label := concat (keys ($s.metrics.errors.match | default dict)) (keys ($s.metrics.errors.regexMatch | default dict)) | sortAlpha | first -}}
{{- include "slo.alert" (merge $alert (dict
      "expr" (printf "slo:requests:rate5m{%s} > 0\nand on (namespace, slo_service) service:targets:up{%s} > 0\nunless on () group(%s{%s, %s!=\"\"})" .sli $s.recorded $s.counter.name $s.series $label)
      "summary" (printf "%s: %s requests per second, but no error can be seen: the metric lacks the label %s." $where (include "slo.figure" "$value") $label)
      "description" (printf "No series of `%s` has the label %s that tells errors from successes." $s.metrics.requests $label))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with $s.alerts.trafficMissing -}}
{{- if .enabled -}}
{{- /* `or 0 *`: without series there is no traffic either. `> 0.01`: fewer than 36 requests in the hour a week ago are too
few, because an hour of such a service may have none by chance. */}}
{{- $lastWeek := printf "slo:requests:rate1h{%s} offset %s" $first.sli (include "slo.duration" (dict "root" $root "duration" "1w")) -}}
{{- include "slo.alert" (dict "root" $root "s" $s "labels" $s.labels "severity" .severity "for" .for "runbook" "traffic-missing"
      "alert" (printf "%sTrafficMissing" $s.title)
      "expr" (printf "sum by (namespace, slo_service) (\n  (slo:requests:rate1h{%s} or 0 * %s)\n  < 0.1 * (%s > 0.01)\n)" $first.sli $lastWeek $lastWeek)
      "summary" (printf "%s: %s requests per second, less than a tenth of a week ago." $where (include "slo.figure" "$value"))
      "description" (printf "A week ago there were {{ with query `%s` }}{{ $rate := . | first | value }}%s{{ end }} requests per second in the same hour." $lastWeek (include "slo.figure" "$rate"))) -}}
{{- end -}}
{{- end -}}
{{- end }}

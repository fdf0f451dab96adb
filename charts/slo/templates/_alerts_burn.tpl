{{/*
For each burn rate of an indicator, recording rules for its threshold and for how near the alert is; for each severity, an
alert. Argument: a dict of `root`, `s` and `i` (the indicator).
*/}}
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
{{- /* The smaller of both ratios, as a share of the threshold. Above 1 the alert fires, once enough requests are bad. */}}
{{- include "slo.record" (dict "record" "slo:alert_progress:ratio" "labels" $labels
      "expr" (printf "(%s < %s or %s) / %s" $long $short $short $threshold)) -}}
{{- $bad := include "slo.badCount" (dict "root" $root "window" .long "sli" $i.sli) -}}
{{- $conditions = append $conditions (printf "(\n  %s > %s\n  and %s > %s\n  and %s > %v\n)" $long $threshold $short $threshold $bad (subf $s.minBadRequests 0.5)) -}}
{{- $windows = append $windows .long -}}
{{- end -}}
{{- $_ := set $alerts $severity (dict "expr" (join "\nor\n" $conditions) "windows" (join " or " $windows)) -}}
{{- end -}}
{{- $bad := eq $i.name "latency" | ternary (printf "take longer than %v s" $s.slis.latency.threshold) "fail" -}}
{{- /* Overdrawn tenfold or more, as a number of times: humanizePercentage would write 2.5e+04%. */}}
{{- $over := printf "{{ if ge $used 10.0 }}%s times over{{ else }}{{ humanizePercentage $used }}{{ end }}" (include "slo.figure" "$used") -}}
{{- $used := printf "{{ with query `1 - slo:error_budget_remaining:ratio{%s}` }}{{ $used := . | first | value }}%s{{ else }}unknown{{ end }}" $i.sli $over -}}
{{- range $severity := list "critical" "warning" -}}
{{- $alert := get $alerts $severity -}}
{{- if $alert.expr -}}
{{- include "slo.alert" (dict "root" $root "s" $s "labels" $i.labels "severity" $severity
      "alert" (printf "%s%sBudgetBurn" $s.title $i.title)
      "runbook" (printf "%s-budget-burn" $i.name)
      "keepFiringFor" $s.keepFiringFor
      "expr" $alert.expr
      "summary" (printf "%s/%s: {{ $value | humanizePercentage }} of requests %s, too many for the objective of %v%%." $s.namespace $s.name $bad (mulf $i.objective 100))
      "description" (printf "Measured over %s; at most %v%% may do so over %s. Used of that error budget: %s." $alert.windows (mulf $i.budget 100) $root.Values.period $used)) -}}
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
PromQL for the number of bad requests in a window. The alerts ask for a minimum, because a few failures of a quiet service are
no outage. Argument: a dict of `root`, `window` and `sli`.
*/}}
{{- define "slo.badCount" -}}
{{- if le (include "slo.seconds" .window | int64) 3600 -}}
{{- printf "slo:bad_requests:rate%s{%s} * %s" .window .sli (include "slo.scaledSeconds" (dict "root" .root "duration" .window)) -}}
{{- else -}}
{{- /* Rates are recorded over windows of up to 1h only. Here each sample of the recorded rate counts for one evaluation interval. */}}
{{- $range := include "slo.duration" (dict "root" .root "duration" .window) -}}
{{- printf "sum_over_time(slo:bad_requests:rate5m{%s}[%s]) * %s" .sli $range (include "slo.seconds" .root.Values.interval) -}}
{{- end -}}
{{- end }}

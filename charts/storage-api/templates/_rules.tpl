{{/* Rule groups: the spec of the PrometheusRule, and what `helm test` of the platform expects. A group has at least one rule. */}}
{{- define "storage-api.ruleGroups" -}}
{{- $records := include "storage-api.records" . | trim -}}
{{- $alerts := include "storage-api.alerts" . | trim -}}
{{- if or $records $alerts -}}
groups:
  {{- with $records }}
  - name: {{ include "storage-api.fullname" $ }}.records
    rules:
      {{- . | nindent 6 }}
  {{- end }}
  {{- with $alerts }}
  - name: {{ include "storage-api.fullname" $ }}.alerts
    rules:
      {{- . | nindent 6 }}
  {{- end }}
{{- else -}}
groups: []
{{- end -}}
{{- end }}

{{/*
As YAML, for each alert's key in prometheusRule.alerts the metric families of the service that the alert reads, under their
names in config.metricsDisabled. The alert on the disk reads metrics of the kubelet only.
*/}}
{{- define "storage-api.alertMetrics" -}}
saturated: [http_server_busy_threads, http_server_queued_requests, http_server_threads]
notReady: [http_request_count]
storeErrors: [storage_operations]
storeFull: [http_request_count]
diskFilling: []
objectsNotServed: [http_request_count]
{{- end }}

{{/* Name of an alert. Argument: its key in prometheusRule.alerts. */}}
{{- define "storage-api.alertName" -}}
{{- printf "StorageApi%s%s" (substr 0 1 . | upper) (substr 1 -1 .) -}}
{{- end }}

{{/* Keys of the alerts that are enabled but read a disabled metric, as a JSON list: they are left out. */}}
{{- define "storage-api.alertsWithoutMetrics" -}}
{{- $keys := list -}}
{{- range $key, $families := include "storage-api.alertMetrics" . | fromYaml -}}
{{- if (get $.Values.prometheusRule.alerts $key).enabled -}}
{{- range $families -}}
{{- if has . $.Values.config.metricsDisabled }}{{ $keys = append $keys $key | uniq }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $keys -}}
{{- end }}

{{/*
global.monitoring.speed, or 1 if it is not set. This template and storage-api.duration are copies of those of charts/slo,
because each chart also works without the other. Argument: the root.
*/}}
{{- define "storage-api.speed" -}}
{{- $speed := dig "monitoring" "speed" 1 (.Values.global | default dict) -}}
{{- if not (and (regexMatch "^[1-9][0-9]*$" (toString $speed)) (le (int64 $speed) 3600)) -}}
{{- fail (printf "global.monitoring.speed: %v is not allowed; use a whole number from 1 to 3600" $speed) -}}
{{- end -}}
{{- $speed -}}
{{- end }}

{{/*
A duration as rules use it: the given one, or the `speed`-th part of it in milliseconds. Argument: a dict of `root` and
`duration`.
*/}}
{{- define "storage-api.duration" -}}
{{- $speed := include "storage-api.speed" .root | int64 -}}
{{- if eq $speed 1 }}{{ .duration }}{{ else }}{{ printf "%dms" (divf (mulf (include "storage-api.seconds" .duration) 1000) $speed | int64) }}{{ end -}}
{{- end }}

{{/*
One alert, or nothing if it is disabled or reads a disabled metric. Argument: a dict of `root`, `key` (in
prometheusRule.alerts), `expr`, `summary` and `description`.
*/}}
{{- define "storage-api.alert" -}}
{{- $alert := get .root.Values.prometheusRule.alerts .key -}}
{{- $monitoring := dig "monitoring" dict (.root.Values.global | default dict) -}}
{{- $name := include "storage-api.alertName" .key -}}
{{- $job := include "storage-api.fullname" .root -}}
{{- $where := printf "%s/%s" .root.Release.Namespace $job -}}
{{- if and $alert.enabled (not (has .key (include "storage-api.alertsWithoutMetrics" .root | fromJsonArray))) }}
- alert: {{ $name }}
  expr: |-
    {{- .expr | trim | nindent 4 }}
  for: {{ include "storage-api.duration" (dict "root" .root "duration" $alert.for) }}
  labels:
    namespace: {{ .root.Release.Namespace | quote }}
    job: {{ $job | quote }}
    slo_service: {{ $job | quote }}
    severity: {{ $alert.severity }}
    runbook: {{ kebabcase $name }}
  annotations:
    summary: {{ printf "%s: %s" $where .summary | quote }}
    description: {{ .description | quote }}
    {{- with $monitoring.runbookUrl }}
    runbook_url: {{ printf "%s/%s" (trimSuffix "/" .) (kebabcase $name) | quote }}
    {{- end }}
    {{- with $monitoring.grafanaUrl }}
    dashboard_url: {{ printf "%s/d/observability-platform-storage-api?var-namespace=%s&var-service=%s" (trimSuffix "/" .) $.root.Release.Namespace $job | quote }}
    {{- end }}
{{- end -}}
{{- end }}

{{/*
The alerts on causes that only the service itself knows, such as a full store. Those on their effects (requests that fail or
are slow, and missing targets or metrics) are in charts/slo. Each alert aggregates all pods of the release to one series.
*/}}
{{- define "storage-api.alerts" -}}
{{- $alerts := .Values.prometheusRule.alerts -}}
{{- $target := printf "namespace=%q, job=%q" .Release.Namespace (include "storage-api.fullname" .) -}}
{{- $m5 := include "storage-api.duration" (dict "root" . "duration" "5m") -}}
{{- $m15 := include "storage-api.duration" (dict "root" . "duration" "15m") -}}
{{- /* A format: `printf $requests MATCHERS` is a selector of this release's requests. */}}
{{- $requests := printf "http_request_count_total{%s, %%s}" $target -}}

{{- /* Averages, because a gauge is read only once per scrape: a single sample may miss the queue, or catch a short one. */ -}}
{{- $waiting := printf "{{ with query `sum(http_server_queued_requests{%s})` }}{{ . | first | value }}{{ end }}" $target -}}
{{- include "storage-api.alert" (dict "root" . "key" "saturated"
      "expr" (join "\n" (list
        "count by (namespace, job) ("
        (printf "  avg_over_time(http_server_busy_threads{%s}[%s]) >= 0.9 * http_server_threads{%s}" $target $m5 $target)
        (printf "  and avg_over_time(http_server_queued_requests{%s}[%s]) >= %v" $target $m5 $alerts.saturated.queuedRequests)
        ")"))
      "summary" "no free thread, and requests wait, in {{ $value }} of its pods."
      "description" (printf "Over the last 5m, at least 90%% of the threads of each such pod were busy, and on average %v or more requests waited. Waiting now: %s requests." $alerts.saturated.queuedRequests $waiting)) -}}

{{- /* A pod that is not ready receives no requests, so none fail: the indicators of charts/slo cannot see it. */ -}}
{{- $ready := printf $requests "path=\"/readyz\", status=\"%s\"" -}}
{{- include "storage-api.alert" (dict "root" . "key" "notReady"
      "expr" (printf "sum by (namespace, job) (increase(%s[%s])) > 0\nunless sum by (namespace, job) (increase(%s[%s])) > 0" (printf $ready "503") $m5 (printf $ready "200") $m5)
      "summary" "no pod is ready; in the last 5m /readyz answered 503 {{ printf `%.0f` $value }} times and 200 never."
      "description" "No request reaches the service, so none fails, and the alerts of its service levels may stay silent. Ask /readyz for the reason: an unavailable store, or too little free space.") -}}

{{- /* `> 2.5`: with one or two failed operations of a quiet service, the alert stays silent. */ -}}
{{- $operations := printf "sum by (namespace, job) (%%s(storage_operations_total{%s%%s}[%s]))" $target $m5 -}}
{{- $failed := ", outcome=\"error\"" -}}
{{- $byOperation := printf "sum by (operation) (increase(storage_operations_total{%s%s}[%s])) > 0" $target $failed $m5 -}}
{{- include "storage-api.alert" (dict "root" . "key" "storeErrors"
      "expr" (printf "%s / %s > %v\nand %s > 2.5" (printf $operations "rate" $failed) (printf $operations "rate" "") $alerts.storeErrors.ratio (printf $operations "increase" $failed))
      "summary" "{{ $value | humanizePercentage }} of the store's operations fail."
      "description" (printf "Over the last 5m; the threshold is {{ %v | humanizePercentage }}. The store is %s. Failed:{{ range query `%s` | sortByLabel \"operation\" }} {{ printf `%%.0f` .Value }} {{ .Labels.operation }}{{ end }}." $alerts.storeErrors.ratio .Values.store.type $byOperation)) -}}

{{- include "storage-api.alert" (dict "root" . "key" "storeFull"
      "expr" (printf "sum by (namespace, job) (increase(%s[%s])) > 0" (printf $requests "status=\"507\"") $m5)
      "summary" "{{ printf `%.0f` $value }} uploads were refused in the last 5m because the store is full."
      "description" "They were answered with 507. Stored objects can still be read and deleted.") -}}

{{- /* Both windows predict a full volume: the 1h window, so that the alert resolves within an hour of the end of a bulk load. The
subqueries aggregate, because the volume becomes a new series when its pod moves to another node with another kubelet. */ -}}
{{- if and (eq .Values.store.type "filesystem") .Values.store.persistence.enabled -}}
{{- $claim := default (include "storage-api.fullname" .) .Values.store.persistence.existingClaim -}}
{{- $free := printf "min by (namespace, persistentvolumeclaim) (kubelet_volume_stats_available_bytes{namespace=%q, persistentvolumeclaim=%q})" .Release.Namespace $claim -}}
{{- $ahead := divf (include "storage-api.seconds" $alerts.diskFilling.within) (include "storage-api.speed" .) -}}
{{- $limit := int64 .Values.store.minFreeBytes -}}
{{- $conditions := list $free -}}
{{- range list "6h" "1h" -}}
{{- $range := include "storage-api.duration" (dict "root" $ "duration" .) -}}
{{- $conditions = append $conditions (printf "predict_linear((%s)[%s:%s], %v) < %d" $free $range $m5 $ahead $limit) -}}
{{- end -}}
{{- include "storage-api.alert" (dict "root" . "key" "diskFilling"
      "expr" (join "\nand " $conditions)
      "summary" (printf "{{ $value | humanize1024 }}B are free, and the volume will be full within %s." $alerts.diskFilling.within)
      "description" (printf "At the pace of the last 6h and of the last hour, the claim %s will have less than {{ %d | humanize1024 }}B, with which the pod is no longer ready, within %s." $claim $limit $alerts.diskFilling.within)) -}}
{{- end -}}

{{- /* A damaged object fails each time it is read, while other requests succeed. If those fail too, the cause is not the object. */ -}}
{{- $errors := "status=~\"500|503\"" -}}
{{- $reads := printf $requests (printf "path=\"/api/buckets/<id>\", method=\"GET\", %s" $errors) -}}
{{- $others := printf $requests (printf "path=~\"/api/buckets|/api/buckets/<id>\", method!=\"GET\", %s" $errors) -}}
{{- include "storage-api.alert" (dict "root" . "key" "objectsNotServed"
      "expr" (printf "sum by (namespace, job) (increase(%s[%s])) > %v\nunless sum by (namespace, job) (increase(%s[%s])) > 0" $reads $m15 (subf $alerts.objectsNotServed.reads 0.5) $others $m15)
      "summary" "{{ printf `%.0f` $value }} reads of objects failed while everything else worked."
      "description" "In the last 15m, that many GETs of objects were answered with 500 or 503 or cut off. Objects may be damaged; the log names each one.") -}}
{{- end }}

{{/*
The values of kube-prometheus-stack, as JSON: the given ones above those of files/stack-defaults.yaml. Every template
reads them from here: without the dependency's package its own defaults are missing from .Values.
*/}}
{{- define "observability-platform.stack" -}}
{{- $defaults := index (.Files.Get "files/stack-defaults.yaml" | fromYaml) "kube-prometheus-stack" -}}
{{- $given := pick (index .Values "kube-prometheus-stack") "enabled" "fullnameOverride" "namespaceOverride" "prometheus" "alertmanager" "prometheusOperator" "grafana" -}}
{{- mergeOverwrite $defaults (deepCopy $given) | toJson -}}
{{- end }}

{{/*
The namespace of a part (prometheus, alertmanager, grafana), by the dependency's rules: Grafana does not follow the
stack's namespaceOverride, and Prometheus has none of its own. Argument: a dict of `root` and `part`.
*/}}
{{- define "observability-platform.namespace" -}}
{{- $stack := include "observability-platform.stack" .root | fromJson -}}
{{- if eq .part "grafana" -}}
{{- $stack.grafana.namespaceOverride | default .root.Release.Namespace -}}
{{- else if eq .part "alertmanager" -}}
{{- $stack.alertmanager.namespaceOverride | default $stack.namespaceOverride | default .root.Release.Namespace -}}
{{- else -}}
{{- $stack.namespaceOverride | default .root.Release.Namespace -}}
{{- end -}}
{{- end }}

{{/* The name of a part's Service. Argument: a dict of `root` and `part`. */}}
{{- define "observability-platform.service" -}}
{{- $stack := index .root.Values "kube-prometheus-stack" -}}
{{- eq .part "grafana" | ternary $stack.grafana.fullnameOverride (printf "%s-%s" $stack.fullnameOverride .part) -}}
{{- end }}

{{/* The port of a part's Service. Argument: a dict of `root` and `part`. */}}
{{- define "observability-platform.port" -}}
{{- (index (include "observability-platform.stack" .root | fromJson) .part).service.port -}}
{{- end }}

{{/* The path below which a part serves its API, such as `/prometheus`; empty at the root. Argument: a dict of `root` and `part`. */}}
{{- define "observability-platform.path" -}}
{{- $stack := include "observability-platform.stack" .root | fromJson -}}
{{- if eq .part "grafana" -}}
{{- $server := $stack.grafana | dig "grafana.ini" "server" dict -}}
{{- $env := $stack.grafana.env -}}
{{- if eq ($env.GF_SERVER_SERVE_FROM_SUB_PATH | default $server.serve_from_sub_path | toString) "true" -}}
{{- $env.GF_SERVER_ROOT_URL | default $server.root_url | default "" | regexFind "//[^/]+(/.*)?$" | trimPrefix "//" | regexFind "/.*$" | trimSuffix "/" -}}
{{- end -}}
{{- else -}}
{{- (index $stack .part (printf "%sSpec" .part)).routePrefix | default "" | trimSuffix "/" -}}
{{- end -}}
{{- end }}

{{/*
The address at which `helm test` asks a part: the given one, else that of the bundled stack, or nothing where neither
is there. Argument: a dict of `root` and `part`.
*/}}
{{- define "observability-platform.url" -}}
{{- $stack := index .root.Values "kube-prometheus-stack" -}}
{{- if index .root.Values.tests (printf "%sUrl" .part) -}}
{{- index .root.Values.tests (printf "%sUrl" .part) -}}
{{- else if and $stack.enabled (index $stack .part).enabled -}}
{{- printf "http://%s.%s:%s%s" (include "observability-platform.service" .) (include "observability-platform.namespace" .) (include "observability-platform.port" .) (include "observability-platform.path" .) -}}
{{- end -}}
{{- end }}

{{/* Whether dashboards are made: `true` or nothing. */}}
{{- define "observability-platform.dashboards" -}}
{{- $stack := index .Values "kube-prometheus-stack" -}}
{{- if eq (.Values.dashboards.enabled | toString) "auto" -}}
{{- and $stack.enabled $stack.grafana.enabled | ternary "true" "" -}}
{{- else -}}
{{- .Values.dashboards.enabled | ternary "true" "" -}}
{{- end -}}
{{- end }}

{{/*
Whether a label selector selects labels: `true` or nothing. Argument: a dict of `root`, `selector`, `labels` and
`partly`, which is true where other labels than these may be there, as a namespace's are.
*/}}
{{- define "observability-platform.selects" -}}
{{- $labels := .labels -}}
{{- $selector := tpl (toYaml .selector) (index .root.Subcharts "kube-prometheus-stack") | fromYaml -}}
{{- $rules := $selector.matchExpressions | default list -}}
{{- range $key, $value := $selector.matchLabels -}}
{{- $rules = append $rules (dict "key" $key "operator" "In" "values" (list $value)) -}}
{{- end -}}
{{- $all := true -}}
{{- range $rules -}}
{{- $there := hasKey $labels .key -}}
{{- $in := and $there (has (get $labels .key) (.values | default list)) -}}
{{- $holds := get (dict "In" $in "NotIn" (not $in) "Exists" $there "DoesNotExist" (not $there)) .operator -}}
{{- $all = and $all (or $holds (and $.partly (not $there))) -}}
{{- end -}}
{{- $all | ternary "true" "" -}}
{{- end }}

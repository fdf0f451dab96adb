{{/*
Values of kube-prometheus-stack, as JSON: the given values, merged over files/stack-defaults.yaml. All templates read them
from here, because .Values lacks the defaults of kube-prometheus-stack if its package is not in charts/. They are merged
once and kept in the root context, which all templates of the chart share: to merge them at each call took a third of the
time of a render.
*/}}
{{- define "observability-platform.stack" -}}
{{- if not (hasKey . "StackValues") -}}
{{- $defaults := index (.Files.Get "files/stack-defaults.yaml" | fromYaml) "kube-prometheus-stack" -}}
{{- $given := pick (index .Values "kube-prometheus-stack") "enabled" "fullnameOverride" "namespaceOverride" "prometheus" "alertmanager" "prometheusOperator" "grafana" -}}
{{- $_ := set . "StackValues" (mergeOverwrite $defaults (deepCopy $given) | toJson) -}}
{{- end -}}
{{- .StackValues -}}
{{- end }}

{{/*
Namespace of a part (prometheus, alertmanager or grafana), by the rules of kube-prometheus-stack: its namespaceOverride
does not apply to Grafana, and Prometheus has no namespaceOverride of its own. Argument: a dict of `root` and `part`.
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

{{/* Name of a part's Service. Argument: a dict of `root` and `part`. */}}
{{- define "observability-platform.service" -}}
{{- $stack := index .root.Values "kube-prometheus-stack" -}}
{{- eq .part "grafana" | ternary $stack.grafana.fullnameOverride (printf "%s-%s" $stack.fullnameOverride .part) -}}
{{- end }}

{{/* Port of a part's Service. Argument: a dict of `root` and `part`. */}}
{{- define "observability-platform.port" -}}
{{- (index (include "observability-platform.stack" .root | fromJson) .part).service.port -}}
{{- end }}

{{/* Path prefix of a part's API, such as `/prometheus`; empty if there is none. Argument: a dict of `root` and `part`. */}}
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
URL at which `helm test` reaches a part: the given one, that of the bundled stack, or nothing if there is neither.
Argument: a dict of `root` and `part`.
*/}}
{{- define "observability-platform.url" -}}
{{- $stack := index .root.Values "kube-prometheus-stack" -}}
{{- if index .root.Values.tests (printf "%sUrl" .part) -}}
{{- index .root.Values.tests (printf "%sUrl" .part) -}}
{{- else if and $stack.enabled (index $stack .part).enabled -}}
{{- printf "http://%s.%s:%s%s" (include "observability-platform.service" .) (include "observability-platform.namespace" .) (include "observability-platform.port" .) (include "observability-platform.path" .) -}}
{{- end -}}
{{- end }}

{{/*
`true` if a label selector matches labels, else nothing. Argument: a dict of `root`, `selector`, `labels` and `partly`.
With `partly`, the object may have more labels than `labels`, as a namespace has: rules about those are taken to match.
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

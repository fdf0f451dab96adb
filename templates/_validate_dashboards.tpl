{{/* Errors that would keep the dashboards from appearing in the bundled Grafana, one per line. */}}
{{- define "observability-platform.errors.dashboards" -}}
{{- $stack := include "observability-platform.stack" . | fromJson -}}
{{- if and $stack.enabled $stack.grafana.enabled (or (include "observability-platform.dashboards" .) .Values.dashboards.extra) }}
{{- $ours := .Values.dashboards }}
{{- $sidecar := $stack.grafana.sidecar.dashboards }}
{{- $at := "kube-prometheus-stack.grafana.sidecar.dashboards" }}
{{- $without := empty $ours.extra | ternary "or set dashboards.enabled to false" "or set dashboards.enabled to false and remove dashboards.extra" }}
{{- if not $sidecar.enabled }}
{{ $at }}.enabled: false, so the chart's dashboards would not be loaded; set it to true, {{ $without }}
{{- end }}
{{- if not $sidecar.SCProvider }}
{{ $at }}.SCProvider: false, so Grafana would not read the sidecar's folder; set it to true, {{ $without }}
{{- end }}
{{- if eq $sidecar.resource "secret" }}
{{ $at }}.resource: secret, but the chart's dashboards are ConfigMaps; set it to both, {{ $without }}
{{- end }}
{{- if $sidecar.resourceName }}
{{ $at }}.resourceName: set, so the sidecar would not read the chart's dashboards; remove it, {{ $without }}
{{- end }}
{{- $label := $sidecar.label }}
{{- $value := $sidecar.labelValue | toString }}
{{- if not (hasKey $ours.labels $label) }}
dashboards.labels: {{ $label }} is missing, but Grafana's sidecar looks for this label; add it{{ with $value }} with the value {{ quote . }}{{ end }}
{{- else if and $value (ne (get $ours.labels $label) $value) }}
dashboards.labels: {{ $label }} must be {{ quote $value }}, the value that Grafana's sidecar looks for
{{- end }}
{{- if ne $ours.folderAnnotation $sidecar.folderAnnotation }}
dashboards.folderAnnotation: must be {{ $sidecar.folderAnnotation }}, the annotation that Grafana's sidecar reads ({{ $at }}.folderAnnotation)
{{- end }}
{{- if not $sidecar.provider.foldersFromFilesStructure }}
{{ $at }}.provider.foldersFromFilesStructure: false, so Grafana would ignore dashboards.folder; set it to true, {{ $without }}
{{- end }}
{{- $grafanaNamespace := include "observability-platform.namespace" (dict "root" . "part" "grafana") }}
{{- $searched := kindIs "slice" $sidecar.searchNamespace | ternary $sidecar.searchNamespace (splitList "," ($sidecar.searchNamespace | default "" | toString)) | compact | default (list $grafanaNamespace) }}
{{- if not (or (has "ALL" $searched) (has .Release.Namespace $searched)) }}
{{ $at }}.searchNamespace: does not contain {{ .Release.Namespace }}, the namespace of the chart's dashboards; add it, {{ $without }}
{{- end }}
{{- $rbac := $stack.grafana.rbac }}
{{- if and $rbac.namespaced (not (has .Release.Namespace (append $rbac.namespaces $grafanaNamespace))) }}
kube-prometheus-stack.grafana.rbac.namespaces: does not contain {{ .Release.Namespace }}, the namespace of the chart's dashboards, which the sidecar cannot read with rbac.namespaced; add it, {{ $without }}
{{- end }}
{{- end }}
{{- end }}

{{/*
Errors in the user's own dashboards (dashboards.extra), one per line. Grafana stops updating all dashboards of its sidecar if two
have the same uid, or the same title in one folder.
*/}}
{{- define "observability-platform.errors.extraDashboards" -}}
{{- $values := .Values.dashboards }}
{{- if $values.extra }}
{{- $stack := include "observability-platform.stack" . | fromJson }}
{{- /* Owner of each uid, and of each title in its folder. */}}
{{- $taken := dict }}
{{- range $file, $_ := .Files.Glob "dashboards/*.json" }}
{{- $dashboard := $.Files.Get $file | fromJson }}
{{- $owner := printf "this chart's dashboard %s" $dashboard.title }}
{{- $_ := set $taken (printf "uid %s" $dashboard.uid) $owner }}
{{- $_ := set $taken (printf "title %s/%s" $values.folder $dashboard.title) $owner }}
{{- end }}
{{- if and $stack.enabled $stack.grafana.defaultDashboardsEnabled (or $stack.grafana.enabled $stack.grafana.forceDeployDashboards) }}
{{- $folder := get $stack.grafana.sidecar.dashboards.annotations $stack.grafana.sidecar.dashboards.folderAnnotation }}
{{- range $uid, $title := .Files.Get "files/stack-dashboards.yaml" | fromYaml }}
{{- $owner := printf "kube-prometheus-stack's dashboard %s" $title }}
{{- $_ := set $taken (printf "uid %s" $uid) $owner }}
{{- $_ := set $taken (printf "title %s/%s" $folder $title) $owner }}
{{- end }}
{{- end }}
{{- range $name, $extra := $values.extra }}
{{- $at := printf "dashboards.extra.%s.json" $name }}
{{- $folder := $extra.folder | default $values.folder }}
{{- $dashboard := fromJson $extra.json }}
{{- $title := $dashboard.title }}
{{- $uid := $dashboard.uid }}
{{- if and (hasKey $dashboard "Error") (not $title) }}
{{ $at }}: not a JSON object ({{ $dashboard.Error }}); set it to the JSON of one dashboard
{{- else if not (and $title (kindIs "string" $title)) }}
{{ $at }}: has no title; in Grafana's export, choose the model Classic
{{- else if not (and $uid (kindIs "string" $uid)) }}
{{ $at }}: has no uid, so Grafana would give the dashboard a new address with each new pod; set the field `uid`
{{- else if not (regexMatch "^[-_A-Za-z0-9]{1,40}$" $uid) }}
{{ $at }}: Grafana does not accept the uid {{ quote $uid }}; use at most 40 letters, digits, - and _
{{- else }}
{{- $owner := get $taken (printf "uid %s" $uid) }}
{{- if $owner }}
{{ $at }}: the uid {{ $uid }} is also that of {{ $owner }}, so Grafana would stop updating all dashboards; choose another uid
{{- end }}
{{- $owner = get $taken (printf "title %s/%s" $folder $title) }}
{{- if $owner }}
{{ $at }}: the title {{ quote $title }} is also that of {{ $owner }} in the folder {{ quote $folder }}, so Grafana would stop updating all dashboards; choose another title or folder
{{- end }}
{{- $_ := set $taken (printf "uid %s" $uid) (printf "dashboards.extra.%s" $name) }}
{{- $_ := set $taken (printf "title %s/%s" $folder $title) (printf "dashboards.extra.%s" $name) }}
{{- end }}
{{- if $dashboard.__inputs }}
{{ $at }}: was exported for sharing, so its panels would have no datasource (`__inputs`); export it without that option
{{- end }}
{{- $size := len $extra.json }}
{{- if gt (add $size (len (include "observability-platform.extraDashboardKey" $name))) 1048576 }}
{{ $at }}: has {{ $size }} bytes, more than fit in a ConfigMap (1 MiB); shorten it, or split the dashboard
{{- end }}
{{- end }}
{{- end }}
{{- $folders := dict "dashboards.folder" $values.folder }}
{{- range $name, $extra := $values.extra }}
{{- $_ := set $folders (printf "dashboards.extra.%s.folder" $name) ($extra.folder | default "") }}
{{- end }}
{{- range $at, $folder := $folders }}
{{- if eq (lower $folder) "general" }}
{{ $at }}: Grafana reserves the name {{ $folder }} and would load no dashboard at all; choose another folder
{{- end }}
{{- end }}
{{- end }}

{{/*
Errors in the page with which the bundled Grafana opens, one per line. It is an address, not the file of a dashboard, so it stays
right whatever the dashboard's folder is.
*/}}
{{- define "observability-platform.errors.home" -}}
{{- $stack := include "observability-platform.stack" . | fromJson }}
{{- if and $stack.enabled $stack.grafana.enabled }}
{{- $env := $stack.grafana.env }}
{{- $ini := index $stack.grafana "grafana.ini" }}
{{- $at := "kube-prometheus-stack.grafana.grafana.ini.users.home_page" }}
{{- $page := $ini.users.home_page | default "" }}
{{- if hasKey $env "GF_USERS_HOME_PAGE" }}
{{- $at = "kube-prometheus-stack.grafana.env.GF_USERS_HOME_PAGE" }}
{{- $page = $env.GF_USERS_HOME_PAGE }}
{{- end }}
{{- $file := $env.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH | default $ini.dashboards.default_home_dashboard_path }}
{{- if and $page $file }}
{{ $at }}: is {{ $page }}, so Grafana would ignore its home dashboard {{ $file }}; set it to ""
{{- end }}
{{- $uid := regexFind "^/d/observability-platform-[-a-z]+$" $page | trimPrefix "/d/" }}
{{- if and $uid (not (hasKey (include "observability-platform.installedDashboards" . | fromJson) $uid)) }}
{{ $at }}: leads to {{ $page }}, but this dashboard is not installed{{ if not (include "observability-platform.dashboards" .) }} with dashboards.enabled: false{{ end }}; set it to "" for Grafana's own page, or to the address of another dashboard
{{- end }}
{{- end }}
{{- end }}

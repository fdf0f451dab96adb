{{- define "storage-api.name" -}}
{{- default .Chart.Name .Values.nameOverride -}}
{{- end }}

{{/*
The name of every object: `<release>-storage-api`, or the release's own name where it holds that already.
What is no DNS label, or leaves suffixes no room in 63 characters, is made one, and unique by a hash.
*/}}
{{- define "storage-api.fullname" -}}
{{- $name := include "storage-api.name" . -}}
{{- $full := default (contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name)) .Values.fullnameOverride -}}
{{- if and (le (len $full) 50) (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $full) -}}
{{- $full -}}
{{- else -}}
{{- $label := regexReplaceAll "[^-a-z0-9]" $full "-" -}}
{{- printf "%s-%s" (printf "r-%s" $label | trimPrefix (regexMatch "^[a-z]" $label | ternary "r-" "") | trunc 41 | trimSuffix "-") (sha256sum $full | trunc 8) -}}
{{- end -}}
{{- end }}

{{/* What a Service, a monitor or a policy selects our pods by: never changed, it is immutable in a workload. */}}
{{- define "storage-api.selectorLabels" -}}
app.kubernetes.io/name: {{ include "storage-api.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: api
{{- end }}

{{/* The labels of our pods: without the chart's version, which would restart them at every release of it. */}}
{{- define "storage-api.podLabels" -}}
{{- $ours := include "storage-api.selectorLabels" . | fromYaml -}}
{{- $_ := set $ours "app.kubernetes.io/version" (.Chart.AppVersion | toString) -}}
{{- $_ := set $ours "app.kubernetes.io/part-of" "observability-platform" -}}
{{- $_ := set $ours "app.kubernetes.io/managed-by" .Release.Service -}}
{{- toYaml (merge $ours .Values.podLabels .Values.commonLabels) -}}
{{- end }}

{{/* The labels of every object; no value may replace one of ours. Argument: a dict of `root`, `component` and `extra`. */}}
{{- define "storage-api.labelsWith" -}}
{{- $ours := dict
      "app.kubernetes.io/name" (include "storage-api.name" .root)
      "app.kubernetes.io/instance" .root.Release.Name
      "app.kubernetes.io/component" .component
      "app.kubernetes.io/version" (.root.Chart.AppVersion | toString)
      "app.kubernetes.io/part-of" "observability-platform"
      "app.kubernetes.io/managed-by" .root.Release.Service
      "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_") -}}
{{- toYaml (merge $ours .extra .root.Values.commonLabels) -}}
{{- end }}

{{- define "storage-api.labels" -}}
{{- include "storage-api.labelsWith" (dict "root" . "component" "api" "extra" dict) -}}
{{- end }}

{{/*
The labels of a monitor or rule, with those by which an operator's selector finds it: the object's own, then
global.monitoring.labels, then `release`. Argument: a dict of `root` and `labels`.
*/}}
{{- define "storage-api.monitoringLabels" -}}
{{- $global := dig "monitoring" "labels" dict (.root.Values.global | default dict) -}}
{{- $extra := merge dict .labels $global (dict "release" .root.Release.Name) -}}
{{- include "storage-api.labelsWith" (dict "root" .root "component" "api" "extra" $extra) -}}
{{- end }}

{{- define "storage-api.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "storage-api.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{/* registry/repository:tag, or @digest; global.imageRegistry reaches every image of the platform. */}}
{{- define "storage-api.image" -}}
{{- $registry := default .Values.image.registry (.Values.global | default dict).imageRegistry -}}
{{- $version := .Values.image.digest | empty | ternary (printf ":%s" (default .Chart.AppVersion .Values.image.tag)) (printf "@%s" .Values.image.digest) -}}
{{- printf "%s%s%s" (empty $registry | ternary "" (printf "%s/" $registry)) .Values.image.repository $version -}}
{{- end }}

{{/* The pull secrets of a pod spec, or nothing; the global list holds names or {name: ...}. */}}
{{- define "storage-api.imagePullSecrets" -}}
{{- with concat .Values.imagePullSecrets ((.Values.global | default dict).imagePullSecrets | default list) -}}
imagePullSecrets:
  {{- range . }}
  - name: {{ kindIs "map" . | ternary (get (kindIs "map" . | ternary . dict) "name") . | quote }}
  {{- end }}
{{- end -}}
{{- end }}

{{/* The pod's security context; an id of 0 is left to the platform. */}}
{{- define "storage-api.podSecurityContext" -}}
runAsNonRoot: true
{{- with .Values.podSecurity.runAsUser }}
runAsUser: {{ int64 . }}
{{- end }}
{{- with .Values.podSecurity.runAsGroup }}
runAsGroup: {{ int64 . }}
{{- end }}
{{- with .Values.podSecurity.fsGroup }}
fsGroup: {{ int64 . }}
fsGroupChangePolicy: OnRootMismatch
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "storage-api.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* The Secret with the object store's credentials, or nothing where the pod's own identity is used. */}}
{{- define "storage-api.storeSecret" -}}
{{- $store := get .Values.store .Values.store.type | default dict -}}
{{- if $store.existingSecret -}}
{{- $store.existingSecret -}}
{{- else if $store.accessKeyId -}}
{{- include "storage-api.fullname" . -}}
{{- end -}}
{{- end }}

{{/* Whether objects are kept in a store that several pods share: `true` or nothing. */}}
{{- define "storage-api.sharedStore" -}}
{{- has .Values.store.type (list "s3" "gcs" "azure") | ternary "true" "" -}}
{{- end }}

{{/*
The link-local servers that pods without a Secret get their cloud credentials from, as a JSON object of addresses and
ports; an empty one where a Secret is given or no cloud is asked. 169.254.169.254 (fd00:ec2::254) is the node's metadata
server, 169.254.170.23 (fd00:ec2::23) the agent of EKS Pod Identity, port 988 GKE's own metadata server.
*/}}
{{- define "storage-api.identityServers" -}}
{{- $servers := dict
      "s3" (dict "ports" (list 80) "addresses" (list
        "169.254.169.254/32" "fd00:ec2::254/128" "169.254.170.23/32" "fd00:ec2::23/128"))
      "gcs" (dict "ports" (list 80 988) "addresses" (list "169.254.169.254/32" "169.254.169.252/32"))
      "azure" (dict "ports" (list 80) "addresses" (list "169.254.169.254/32")) -}}
{{- empty (include "storage-api.storeSecret" .) | ternary (get $servers .Values.store.type | default dict) dict | toJson -}}
{{- end }}

{{/* The file of the bearer tokens: a folder is mounted, as a file alone would not follow its Secret. */}}
{{- define "storage-api.tokensFile" -}}
/etc/storage-api/auth/tokens
{{- end }}

{{- define "storage-api.tokensVolume" -}}
- name: auth
  secret:
    secretName: {{ .Values.auth.existingSecret | quote }}
    items:
      - key: {{ .Values.auth.existingSecretKey | quote }}
        path: {{ base (include "storage-api.tokensFile" .) }}
{{- end }}

{{- define "storage-api.tokensMount" -}}
- name: auth
  mountPath: {{ dir (include "storage-api.tokensFile" .) }}
  readOnly: true
{{- end }}

{{/* The port's name at which metrics are served. */}}
{{- define "storage-api.metricsPort" -}}
{{- empty .Values.metrics.port | ternary "http" "metrics" -}}
{{- end }}

{{/* The port that a URL names or implies. */}}
{{- define "storage-api.urlPort" -}}
{{- $url := urlParse . -}}
{{- regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (eq $url.scheme "http" | ternary 80 443) -}}
{{- end }}

{{/*
The prefix that must be taken off requests to a path of Ingress or HTTPRoute, such as /storage; nothing where the path
is one of the API's own. Of a regular expression such as /storage(/|$)(.*), its literal beginning.
*/}}
{{- define "storage-api.pathPrefix" -}}
{{- $literal := regexFind "^[-A-Za-z0-9_.~%!&',;=:@/]*" . | trimSuffix "/" -}}
{{- $own := regexMatch "^(/(api(/buckets|/metrics)?|metrics|healthz|readyz|openapi\\.json|faults))?$" $literal -}}
{{- $own | ternary "" $literal -}}
{{- end }}

{{/* The path of an object behind a path of Ingress or HTTPRoute. */}}
{{- define "storage-api.objectPath" -}}
{{- printf "%s/api/buckets/<id>" (include "storage-api.pathPrefix" .) -}}
{{- end }}

{{/* The addresses of an object from outside the cluster, a line each. */}}
{{- define "storage-api.addresses" -}}
{{- $v := .Values -}}
{{- $scheme := or $v.certificate.enabled $v.ingress.tlsSecret | empty | ternary "http" "https" -}}
{{- range ($v.ingress.enabled | ternary $v.ingress.hosts list) }}
through the Ingress: {{ $scheme }}://{{ replace "*" "<name>" . }}{{ include "storage-api.objectPath" $v.ingress.path }}
{{- end }}
{{- $hosts := $v.httpRoute.hostnames | default (list "<a host of the Gateway>") }}
{{- range ($v.httpRoute.enabled | ternary $hosts list) }}
through the Gateway: {{ $v.certificate.enabled | ternary "https://" "" }}{{ replace "*" "<name>" . }}{{ include "storage-api.objectPath" $v.httpRoute.path }}
{{- end }}
{{- end }}

{{/* The hosts of Ingress and HTTPRoute, as a JSON list. */}}
{{- define "storage-api.hosts" -}}
{{- concat (.Values.ingress.enabled | ternary .Values.ingress.hosts list) (.Values.httpRoute.enabled | ternary .Values.httpRoute.hostnames list) | uniq | toJson -}}
{{- end }}

{{- define "storage-api.certificateSecret" -}}
{{- default (printf "%s-tls" (include "storage-api.fullname" .)) .Values.certificate.secretName -}}
{{- end }}

{{/* The seconds of a Prometheus duration such as 1m30s. */}}
{{- define "storage-api.seconds" -}}
{{- $units := dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0 "d" 86400.0 "w" 604800.0 "y" 31536000.0 -}}
{{- $sum := 0.0 -}}
{{- range regexFindAll "[0-9]+(ms|[smhdwy])" . -1 -}}
{{- $unit := regexFind "[a-z]+" . -}}
{{- $sum = addf $sum (mulf (trimSuffix $unit . | float64) (get $units $unit)) -}}
{{- end -}}
{{- $sum -}}
{{- end }}

{{/* The bytes of a quantity such as 10Gi. */}}
{{- define "storage-api.bytes" -}}
{{- $units := dict "" 1.0 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "Pi" 1125899906842624.0 "Ei" 1152921504606846976.0 -}}
{{- $unit := regexFind "[A-Za-z]*$" . -}}
{{- mulf (trimSuffix $unit . | float64) (get $units $unit) -}}
{{- end }}

{{/* An alert's runbook annotation, or nothing. Argument: a dict of `root` and `alert`. */}}
{{- define "storage-api.runbookUrl" -}}
{{- with .root.Values.prometheusRule.runbookUrl -}}
runbook_url: {{ printf "%s/%s" (trimSuffix "/" .) $.alert }}
{{- end -}}
{{- end }}

{{/* What a person should know of the values, a line each. */}}
{{- define "storage-api.warnings" -}}
{{- if eq .Values.store.type "memory" -}}
Objects are kept in memory: they are gone with the pod.
{{ end -}}
{{- if and (eq .Values.store.type "filesystem") (not .Values.store.persistence.enabled) -}}
Objects are kept in a folder of the pod: they are gone with it.
{{ end -}}
{{- if .Values.faults.enabled -}}
WARNING: faults.enabled is on. Whoever reaches the API{{ if .Values.auth.existingSecret }} with a token{{ end }} can make it fail: see docs/drills.md, and switch it off after the drill.
{{ end -}}
{{- $plain := and .Values.ingress.enabled (not .Values.certificate.enabled) (not .Values.ingress.tlsSecret) -}}
{{- if and .Values.auth.existingSecret (or $plain (ne .Values.service.type "ClusterIP")) -}}
Bearer tokens cross the network unencrypted unless your load balancer adds TLS: set certificate.enabled or ingress.tlsSecret.
{{ end -}}
{{- with .Values.config.metricsDisabled -}}
Metrics are switched off: panels and queries that read {{ join ", " . }} stay empty.
{{ end -}}
{{- $outside := or .Values.ingress.enabled .Values.httpRoute.enabled (ne .Values.service.type "ClusterIP") -}}
{{- if and .Values.networkPolicy.enabled $outside (eq (toJson .Values.networkPolicy.api.from) `[{"podSelector":{}}]`) -}}
The NetworkPolicy lets in the pods of this namespace only: name who else may in networkPolicy.api.from.
{{ end -}}
{{- end }}

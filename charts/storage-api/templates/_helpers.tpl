{{- define "storage-api.name" -}}
{{- default .Chart.Name .Values.nameOverride -}}
{{- end }}

{{/*
The name of all objects: `<release>-storage-api`, or only the release's name if that already contains `storage-api`.
A name that is not a DNS label, or has more than 50 characters and so leaves no room for suffixes, is shortened or
adapted, with a hash at its end to keep it unique.
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

{{/* Labels by which Services, monitors and policies select our pods. Never change them: a workload's selector is immutable. */}}
{{- define "storage-api.selectorLabels" -}}
app.kubernetes.io/name: {{ include "storage-api.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: api
{{- end }}

{{/* Labels of our pods. Without the chart's version, because each new version would then restart the pods. */}}
{{- define "storage-api.podLabels" -}}
{{- $ours := include "storage-api.selectorLabels" . | fromYaml -}}
{{- $_ := set $ours "app.kubernetes.io/version" (.Chart.AppVersion | toString) -}}
{{- $_ := set $ours "app.kubernetes.io/part-of" "observability-platform" -}}
{{- $_ := set $ours "app.kubernetes.io/managed-by" .Release.Service -}}
{{- toYaml (merge $ours .Values.podLabels .Values.commonLabels) -}}
{{- end }}

{{/* Labels of all objects. Extra labels cannot replace ours. Argument: a dict of `root`, `component` and `extra`. */}}
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
Labels of a ServiceMonitor or PrometheusRule, including those that the operator's selectors ask for. The object's own
labels win over global.monitoring.labels, and those over `release`. Argument: a dict of `root` and `labels`.
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

{{/* The image: registry/repository:tag, or registry/repository@digest. global.imageRegistry wins over image.registry. */}}
{{- define "storage-api.image" -}}
{{- $registry := default .Values.image.registry (.Values.global | default dict).imageRegistry -}}
{{- $version := .Values.image.digest | empty | ternary (printf ":%s" (default .Chart.AppVersion .Values.image.tag)) (printf "@%s" .Values.image.digest) -}}
{{- printf "%s%s%s" (empty $registry | ternary "" (printf "%s/" $registry)) .Values.image.repository $version -}}
{{- end }}

{{/* The imagePullSecrets of a pod, or nothing. Items of the global list are names or {name: ...}. */}}
{{- define "storage-api.imagePullSecrets" -}}
{{- with concat .Values.imagePullSecrets ((.Values.global | default dict).imagePullSecrets | default list) -}}
imagePullSecrets:
  {{- range . }}
  - name: {{ kindIs "map" . | ternary (get (kindIs "map" . | ternary . dict) "name") . | quote }}
  {{- end }}
{{- end -}}
{{- end }}

{{/* The security context of a pod. An ID of 0 is left out, so that the platform chooses it. */}}
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

{{/* Name of the Secret with the object store's credentials, or nothing if the pod uses its own identity. */}}
{{- define "storage-api.storeSecret" -}}
{{- $store := get .Values.store .Values.store.type | default dict -}}
{{- if $store.existingSecret -}}
{{- $store.existingSecret -}}
{{- else if $store.accessKeyId -}}
{{- include "storage-api.fullname" . -}}
{{- end -}}
{{- end }}

{{/* `true` if several pods can share the store, else nothing. */}}
{{- define "storage-api.sharedStore" -}}
{{- has .Values.store.type (list "s3" "gcs" "azure") | ternary "true" "" -}}
{{- end }}

{{/*
Link-local servers from which pods without a Secret get their cloud credentials, as a JSON object of addresses and
ports. Empty if there is a Secret or the store is not in a cloud. 169.254.169.254 (fd00:ec2::254) is the node's metadata
server, 169.254.170.23 (fd00:ec2::23) the agent of EKS Pod Identity, and port 988 GKE's metadata server.
*/}}
{{- define "storage-api.identityServers" -}}
{{- $servers := dict
      "s3" (dict "ports" (list 80) "addresses" (list
        "169.254.169.254/32" "fd00:ec2::254/128" "169.254.170.23/32" "fd00:ec2::23/128"))
      "gcs" (dict "ports" (list 80 988) "addresses" (list "169.254.169.254/32" "169.254.169.252/32"))
      "azure" (dict "ports" (list 80) "addresses" (list "169.254.169.254/32")) -}}
{{- empty (include "storage-api.storeSecret" .) | ternary (get $servers .Values.store.type | default dict) dict | toJson -}}
{{- end }}

{{/* Path of the file with the bearer tokens. Its folder is mounted: a file mounted alone (subPath) is never updated. */}}
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

{{/* Name of the port that serves metrics. */}}
{{- define "storage-api.metricsPort" -}}
{{- empty .Values.metrics.port | ternary "http" "metrics" -}}
{{- end }}

{{/* Port of a URL: the explicit one, or the default of its scheme. */}}
{{- define "storage-api.urlPort" -}}
{{- $url := urlParse . -}}
{{- regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (eq $url.scheme "http" | ternary 80 443) -}}
{{- end }}

{{/*
Prefix to remove from requests to a path of the Ingress or HTTPRoute, such as /storage, or nothing if the path is one of
the API's own. For a regular expression such as /storage(/|$)(.*), its literal beginning.
*/}}
{{- define "storage-api.pathPrefix" -}}
{{- $literal := regexFind "^[-A-Za-z0-9_.~%!&',;=:@/]*" . | trimSuffix "/" -}}
{{- $own := regexMatch "^(/(api(/buckets|/metrics)?|metrics|healthz|readyz|openapi\\.json|faults))?$" $literal -}}
{{- $own | ternary "" $literal -}}
{{- end }}

{{/* Public path of an object. Argument: the path of the Ingress or HTTPRoute. */}}
{{- define "storage-api.objectPath" -}}
{{- printf "%s/api/buckets/<id>" (include "storage-api.pathPrefix" .) -}}
{{- end }}

{{/* Addresses of an object from outside the cluster, one per line. */}}
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

{{/* All hosts of the Ingress and the HTTPRoute, as a JSON list. */}}
{{- define "storage-api.hosts" -}}
{{- concat (.Values.ingress.enabled | ternary .Values.ingress.hosts list) (.Values.httpRoute.enabled | ternary .Values.httpRoute.hostnames list) | uniq | toJson -}}
{{- end }}

{{- define "storage-api.certificateSecret" -}}
{{- default (printf "%s-tls" (include "storage-api.fullname" .)) .Values.certificate.secretName -}}
{{- end }}

{{/* Seconds in a Prometheus duration: 90 for 1m30s. */}}
{{- define "storage-api.seconds" -}}
{{- $units := dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0 "d" 86400.0 "w" 604800.0 "y" 31536000.0 -}}
{{- $sum := 0.0 -}}
{{- range regexFindAll "[0-9]+(ms|[smhdwy])" . -1 -}}
{{- $unit := regexFind "[a-z]+" . -}}
{{- $sum = addf $sum (mulf (trimSuffix $unit . | float64) (get $units $unit)) -}}
{{- end -}}
{{- $sum -}}
{{- end }}

{{/* Bytes in a quantity: 1024 for 1Ki. */}}
{{- define "storage-api.bytes" -}}
{{- $units := dict "" 1.0 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "Pi" 1125899906842624.0 "Ei" 1152921504606846976.0 -}}
{{- $unit := regexFind "[A-Za-z]*$" . -}}
{{- mulf (trimSuffix $unit . | float64) (get $units $unit) -}}
{{- end }}

{{/* Warnings about the given values, one per line. */}}
{{- define "storage-api.warnings" -}}
{{- if eq .Values.store.type "memory" -}}
Objects are stored in memory: they are lost when the pod is replaced.
{{ end -}}
{{- if and (eq .Values.store.type "filesystem") (not .Values.store.persistence.enabled) -}}
Objects are stored in the pod, without a volume: they are lost when the pod is replaced.
{{ end -}}
{{- if .Values.faults.enabled -}}
WARNING: faults.enabled is true. Anyone who can reach the API{{ if .Values.auth.existingSecret }} with a token{{ end }} can make it fail: see docs/drills.md. Set it to false after the drill.
{{ end -}}
{{- $plain := and .Values.ingress.enabled (not .Values.certificate.enabled) (not .Values.ingress.tlsSecret) -}}
{{- if and .Values.auth.existingSecret (or $plain (ne .Values.service.type "ClusterIP")) -}}
Bearer tokens are sent unencrypted unless your load balancer terminates TLS: set certificate.enabled or ingress.tlsSecret.
{{ end -}}
{{- with .Values.config.metricsDisabled -}}
Some metrics are disabled: panels and queries that use {{ join ", " . }} stay empty.
{{ end -}}
{{- with include "storage-api.alertsWithoutMetrics" . | fromJsonArray -}}
{{- if $.Values.prometheusRule.enabled -}}
Alerts that read disabled metrics are left out:{{ range . }} {{ include "storage-api.alertName" . }}{{ end }}.
{{ end -}}
{{ end -}}
{{- $outside := or .Values.ingress.enabled .Values.httpRoute.enabled (ne .Values.service.type "ClusterIP") -}}
{{- if and .Values.networkPolicy.enabled $outside (eq (toJson .Values.networkPolicy.api.from) `[{"podSelector":{}}]`) -}}
The NetworkPolicy only admits pods of this namespace: add other clients to networkPolicy.api.from.
{{ end -}}
{{- end }}

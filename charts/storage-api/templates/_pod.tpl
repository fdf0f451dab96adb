{{/* Part of the pod spec that all our pods share, including those of `helm test`: scheduling and security context. */}}
{{- define "storage-api.podSpec" -}}
automountServiceAccountToken: false
# With service links, a Service named `metrics` would set METRICS_PORT=tcp://..., which the storage API rejects.
enableServiceLinks: false
{{- with include "storage-api.imagePullSecrets" . }}
{{ . }}
{{- end }}
securityContext:
  {{- include "storage-api.podSecurityContext" . | nindent 2 }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Spec of a `helm test` pod, without its containers. Only node affinity applies: pod affinity concerns the API's pods. */}}
{{- define "storage-api.testPodSpec" -}}
restartPolicy: Never
{{ include "storage-api.podSpec" . }}
{{- with dig "nodeAffinity" dict (.Values.affinity | default dict) }}
affinity:
  nodeAffinity:
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- end }}

{{/* Pod template of the Deployment and the StatefulSet. */}}
{{- define "storage-api.podTemplate" -}}
metadata:
  labels:
    {{- include "storage-api.podLabels" . | nindent 4 }}
  annotations:
    # Restarts the pods if a setting changes.
    checksum/config: {{ include (print $.Template.BasePath "/configmap.yaml") . | sha256sum }}
    {{- if .Values.store.s3.secretAccessKey }}
    checksum/secret: {{ include (print $.Template.BasePath "/secret.yaml") . | sha256sum }}
    {{- end }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "storage-api.serviceAccountName" . | quote }}
  {{- include "storage-api.podSpec" . | nindent 2 }}
  # The delay, the time for requests in progress, and 5 seconds to spare.
  terminationGracePeriodSeconds: {{ add .Values.config.shutdownDelaySeconds .Values.config.shutdownTimeoutSeconds 5 }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- $ours := dict "labelSelector" (dict "matchLabels" (include "storage-api.selectorLabels" $ | fromYaml)) }}
    {{- range . }}
    {{- list (merge dict . $ours) | toYaml | nindent 4 }}
    {{- end }}
  {{- end }}
  containers:
    - name: storage-api
      image: {{ include "storage-api.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      envFrom:
        - configMapRef:
            name: {{ include "storage-api.fullname" . | quote }}
        {{- with include "storage-api.storeSecret" . }}
        - secretRef:
            name: {{ . | quote }}
        {{- end }}
        {{- with .Values.extraEnvFrom }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with .Values.extraEnv }}
      env:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - name: http
          containerPort: 5000
        {{- with .Values.metrics.port }}
        - name: metrics
          containerPort: {{ int . }}
        {{- end }}
      startupProbe:
        httpGet: {path: /healthz, port: http}
        {{- toYaml .Values.probes.startup | nindent 8 }}
      livenessProbe:
        httpGet: {path: /healthz, port: http}
        {{- toYaml .Values.probes.liveness | nindent 8 }}
      readinessProbe:
        httpGet: {path: /readyz, port: http}
        {{- toYaml .Values.probes.readiness | nindent 8 }}
      {{- with .Values.lifecycle }}
      lifecycle:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- include "storage-api.containerSecurityContext" . | nindent 8 }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
        {{- if eq .Values.store.type "filesystem" }}
        - name: data
          mountPath: /data
        {{- end }}
        {{- if .Values.auth.existingSecret }}
        {{- include "storage-api.tokensMount" . | nindent 8 }}
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    # Spool for large request bodies: the root filesystem is read-only.
    - name: tmp
      emptyDir: {}
    {{- if eq .Values.store.type "filesystem" }}
    - name: data
      {{- if .Values.store.persistence.enabled }}
      persistentVolumeClaim:
        claimName: {{ default (include "storage-api.fullname" .) .Values.store.persistence.existingClaim | quote }}
      {{- else }}
      emptyDir: {}
      {{- end }}
    {{- end }}
    {{- if .Values.auth.existingSecret }}
    {{- include "storage-api.tokensVolume" . | nindent 4 }}
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

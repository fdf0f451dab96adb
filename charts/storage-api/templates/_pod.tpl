{{/* The pod template that the Deployment and the StatefulSet share. */}}
{{- define "storage-api.podTemplate" -}}
metadata:
  labels:
    {{- include "storage-api.podLabels" . | nindent 4 }}
  annotations:
    # A changed setting restarts the pods.
    checksum/config: {{ include (print $.Template.BasePath "/configmap.yaml") . | sha256sum }}
spec:
  serviceAccountName: {{ include "storage-api.serviceAccountName" . }}
  automountServiceAccountToken: false
  {{- with concat .Values.imagePullSecrets ((.Values.global | default dict).imagePullSecrets | default list) }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ kindIs "map" . | ternary .name . }}
    {{- end }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: storage-api
      image: {{ include "storage-api.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      envFrom:
        - configMapRef:
            name: {{ include "storage-api.fullname" . }}
      ports:
        - name: http
          containerPort: 5000
      startupProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 1
        failureThreshold: 60
      livenessProbe:
        httpGet: {path: /healthz, port: http}
      readinessProbe:
        httpGet: {path: /readyz, port: http}
        periodSeconds: 5
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      volumeMounts:
        - name: tmp
          mountPath: /tmp
        {{- if eq .Values.store.type "filesystem" }}
        - name: data
          mountPath: /data
        {{- end }}
  volumes:
    # Large bodies are spooled here while the root filesystem is read-only.
    - name: tmp
      emptyDir: {}
    {{- if eq .Values.store.type "filesystem" }}
    - name: data
      {{- if .Values.store.persistence.enabled }}
      persistentVolumeClaim:
        claimName: {{ default (include "storage-api.fullname" .) .Values.store.persistence.existingClaim }}
      {{- else }}
      emptyDir: {}
      {{- end }}
    {{- end }}
{{- end }}

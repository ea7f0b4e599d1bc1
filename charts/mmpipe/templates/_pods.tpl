{{/* Images: give it (list $ image). */}}
{{- define "mmpipe.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- $registry := $root.Values.global.imageRegistry | default $image.registry -}}
{{- $name := $registry | empty | ternary $image.repository (printf "%s/%s" $registry $image.repository) -}}
{{- if $image.digest -}}
{{ $name }}@{{ $image.digest }}
{{- else -}}
{{ $name }}:{{ $image.tag | default $root.Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "mmpipe.imagePullSecrets" -}}
{{- with concat .Values.imagePullSecrets .Values.global.imagePullSecrets | uniq -}}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{/* Names of the secrets that pipelines' images are pulled with, with commas. */}}
{{- define "mmpipe.serviceImagePullSecrets" -}}
{{- $names := list -}}
{{- range concat .Values.serviceImage.pullSecrets .Values.global.imagePullSecrets -}}
{{- $names = append $names .name -}}
{{- end -}}
{{ $names | uniq | join "," }}
{{- end -}}

{{/* What every container of the chart runs with. */}}
{{- define "mmpipe.container" -}}
image: {{ include "mmpipe.image" (list . .Values.image) }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
{{- end -}}

{{/*
Of pods that run once: a test, a hook. Where they run is the operator's own, so that a tainted cluster takes them.
Service links would bring variables such as MMPIPE_OPERATOR_METRICS_PORT, which the operator takes for its settings.
*/}}
{{- define "mmpipe.oncePodSpec" -}}
restartPolicy: Never
enableServiceLinks: false
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with include "mmpipe.imagePullSecrets" . }}
{{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* What things are called. Names of cluster-wide objects hold the namespace too: releases of one name may be in several. */}}

{{- define "mmpipe.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride }}
{{- else if contains "mmpipe" .Release.Name -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-mmpipe" .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{- define "mmpipe.operator" -}}
{{ include "mmpipe.fullname" . }}-operator
{{- end -}}

{{- define "mmpipe.clusterName" -}}
{{ printf "%s:%s" .Release.Namespace (include "mmpipe.fullname" .) }}
{{- end -}}

{{- define "mmpipe.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "mmpipe.operator" .) }}
{{- else -}}
{{ required "serviceAccount.name: found nothing, expected an account that is there; name it, or let serviceAccount.create be true" .Values.serviceAccount.name }}
{{- end -}}
{{- end -}}

{{/* Labels that select the operator's pods: never more than these, as a selector can't be changed. */}}
{{- define "mmpipe.selector" -}}
app.kubernetes.io/name: mmpipe-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "mmpipe.commonLabels" -}}
app.kubernetes.io/part-of: mmpipe
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "mmpipe.labels" -}}
{{ include "mmpipe.selector" . }}
{{ include "mmpipe.commonLabels" . }}
{{- end -}}

{{/* Of hooks: what runs beside the operator must not be selected as one. Give it (list $ "component"). */}}
{{- define "mmpipe.hookLabels" -}}
app.kubernetes.io/name: mmpipe-{{ index . 1 }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{ include "mmpipe.commonLabels" (index . 0) }}
{{- end -}}

{{/* The metrics adapter: its names, its rights, and what is refused before anything is installed. */}}

{{- define "mmpipe.adapter" -}}
{{ include "mmpipe.fullname" . }}-metrics-adapter
{{- end -}}

{{/* The Secret with what it serves with: its own, or one that is there. */}}
{{- define "mmpipe.adapterSecret" -}}
{{ .Values.metricsAdapter.certificates.existingSecret | default (printf "%s-tls" (include "mmpipe.adapter" .)) }}
{{- end -}}

{{/* Of cluster-wide objects. The ClusterRole of this name owns the APIService, so that it goes with the release. */}}
{{- define "mmpipe.adapterClusterName" -}}
{{ printf "%s:%s" .Release.Namespace (include "mmpipe.adapter" .) }}
{{- end -}}

{{- define "mmpipe.adapterServiceAccount" -}}
{{- $account := .Values.metricsAdapter.serviceAccount -}}
{{- if $account.create -}}
{{ $account.name | default (include "mmpipe.adapter" .) }}
{{- else -}}
{{ required "metricsAdapter.serviceAccount.name: found nothing, expected an account that is there; name it, or let metricsAdapter.serviceAccount.create be true" $account.name }}
{{- end -}}
{{- end -}}

{{/* Labels that select the adapter's pods: never more than these, as a selector can't be changed. */}}
{{- define "mmpipe.adapterSelector" -}}
app.kubernetes.io/name: mmpipe-metrics-adapter
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: metrics-adapter
{{- end -}}

{{- define "mmpipe.adapterLabels" -}}
{{ include "mmpipe.adapterSelector" . }}
{{ include "mmpipe.commonLabels" . }}
{{- end -}}

{{/* To answer for pipelines: in the whole cluster, or in each watched namespace. */}}
{{- define "mmpipe.adapterRules" -}}
- apiGroups: [mmpipe.dev]
  resources: [multimodalpipelines]
  verbs: [get]
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
# By name, those with the credentials of a pipeline's queue.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
{{- end -}}

{{/* What is cluster-wide whatever is watched: who asks, and the APIService. */}}
{{- define "mmpipe.adapterClusterRules" -}}
# Whether a user whom the API server names may read a metric.
- apiGroups: [authorization.k8s.io]
  resources: [subjectaccessreviews]
  verbs: [create]
# The other version of the group is looked at: an adapter of somebody else may have it.
- apiGroups: [apiregistration.k8s.io]
  resources: [apiservices]
  resourceNames: [v1beta1.custom.metrics.k8s.io, v1beta2.custom.metrics.k8s.io]
  verbs: [get]
- apiGroups: [apiregistration.k8s.io]
  resources: [apiservices]
  resourceNames: [v1beta2.custom.metrics.k8s.io]
  verbs: [create, patch, delete]
# This very role: it owns the APIService, which goes with it when the release is uninstalled.
- apiGroups: [rbac.authorization.k8s.io]
  resources: [clusterroles]
  resourceNames: ["{{ include "mmpipe.adapterClusterName" . }}"]
  verbs: [get]
# Whether the adapter's own namespace is being deleted: then it takes the APIService away.
- apiGroups: [""]
  resources: [namespaces]
  resourceNames: [{{ .Release.Namespace }}]
  verbs: [get]
{{- end -}}

{{/* A cluster has one custom metrics API. Nothing is known of the cluster in `helm template`: then it is not asked. */}}
{{- define "mmpipe.refuseForeignAdapter" -}}
{{- $own := printf "%s/%s" .Release.Namespace (include "mmpipe.adapter" .) -}}
{{- range list "v1beta1" "v1beta2" -}}
{{- $name := printf "%s.custom.metrics.k8s.io" . -}}
{{- with lookup "apiregistration.k8s.io/v1" "APIService" "" $name -}}
{{- with .spec.service -}}
{{- $found := printf "%s/%s" .namespace .name -}}
{{- if ne $found $own -}}
{{- fail (printf "metricsAdapter.enabled: found APIService %s served by Service %s, expected none or %s: a cluster has one custom metrics API; set metricsAdapter.enabled=false and give pipelines scaling.mode KEDA or None, or take that adapter away first" $name $found $own) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

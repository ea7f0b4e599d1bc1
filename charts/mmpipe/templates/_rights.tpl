{{/* Rules of RBAC, each for one reason (docs/operator.md, Rights). No `*`, no list of secrets, nothing about CRDs or roles. */}}

{{- define "mmpipe.rules" -}}
{{- $children := `[get, list, watch, create, patch, delete]` -}}
{{ include "mmpipe.holdingRules" . }}
- apiGroups: [mmpipe.dev]
  resources: [multimodalpipelines/status]
  verbs: [patch]
# To be named as an owner where OwnerReferencesPermissionEnforcement is on.
- apiGroups: [mmpipe.dev]
  resources: [multimodalpipelines/finalizers]
  verbs: [update]
- apiGroups: [""]
  resources: [services, configmaps]
  verbs: {{ $children }}
# A pipeline has one as long as it lives; the garbage collector takes it.
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [get, list, watch, create, patch]
- apiGroups: [apps]
  resources: [deployments]
  verbs: {{ $children }}
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: {{ $children }}
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: {{ $children }}
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: {{ $children }}
# Patched with one annotation alone, to which a policy holds the operator (admission.yaml).
- apiGroups: [""]
  resources: [pods]
  verbs: {{ empty .Values.settings.sparingSeconds | ternary `[list, watch]` `[list, watch, patch]` }}
# By name, those that a pipeline names.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- if .Values.pipelines.keda }}
- apiGroups: [keda.sh]
  resources: [scaledobjects, triggerauthentications]
  verbs: {{ $children }}
{{- end }}
{{- if .Values.pipelines.serviceMonitors }}
- apiGroups: [monitoring.coreos.com]
  resources: [servicemonitors]
  verbs: {{ $children }}
{{- end }}
{{- end -}}

{{/* To see pipelines, to ask for one before it is written for, and to put the finalizer on them and take it off. */}}
{{- define "mmpipe.holdingRules" -}}
- apiGroups: [mmpipe.dev]
  resources: [multimodalpipelines]
  verbs: [get, list, watch, patch]
{{- end -}}

{{/* For `mmpipe-operator release`. */}}
{{- define "mmpipe.releaseRules" -}}
- apiGroups: [mmpipe.dev]
  resources: [multimodalpipelines]
  verbs: [get, list, patch]
{{- end -}}

{{/*
One set of rules bound to one account: in the whole cluster, or in each watched namespace.
Give it (dict "root" $ "name" name "account" account "rules" text "labels" text "annotations" text).
*/}}
{{- define "mmpipe.granted" -}}
{{- $subject := printf "- kind: ServiceAccount\n  name: %s\n  namespace: %s" .account .root.Release.Namespace -}}
{{- $head := printf "labels:\n  %s" (.labels | nindent 2 | trim) -}}
{{- with .annotations -}}
{{- $head = printf "%s\nannotations:\n  %s" $head (. | nindent 2 | trim) -}}
{{- end -}}
{{- $namespaces := .root.Values.watchNamespaces -}}
{{- $kind := empty $namespaces | ternary "ClusterRole" "Role" -}}
{{- $name := printf "%s:%s" .root.Release.Namespace .name -}}
{{- $rules := .rules -}}
{{- range $namespaces | default (list "") }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
metadata:
  name: {{ $name }}
  {{- with . }}
  namespace: {{ . }}
  {{- end }}
  {{- $head | nindent 2 }}
rules:
  {{- $rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  name: {{ $name }}
  {{- with . }}
  namespace: {{ . }}
  {{- end }}
  {{- $head | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $kind }}
  name: {{ $name }}
subjects:
  {{- $subject | nindent 2 }}
{{- end }}
{{- end -}}

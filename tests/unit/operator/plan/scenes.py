"""Pipelines whose manifests are looked at: in golden files, by properties, and by a real API server (e2e)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import yaml

from mmpipe.spec import MultimodalPipeline, from_object
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.plan import Context, Scaler, plan

CONTEXT = Context(uid="0a1b2c3d-0000-4000-8000-000000000001", image="mmpipe:1.0.0")
SCALER = Scaler("mmpipe-metrics-adapter.mmpipe-system.svc:6444", "-----BEGIN CERTIFICATE-----\n")
KEDA = replace(CONTEXT, apis=frozenset({"keda.sh/v1alpha1"}), scaler=SCALER)

_STORES = """
  source: {queue: {nats: {url: "nats://nats:4222"}}}
  sink:
    milvus: {uri: "http://milvus:19530"}
    objects: {uri: "s3://media"}
    metadata: {uri: "postgresql://mmpipe@db/mmpipe", passwordSecretRef: {name: db, key: password}}
"""

_SECURED = """
  modalities: [{name: text}]
  source: {queue: {nats: {url: "tls://nats-0:4222,tls://nats-1:4222", credentialsSecretRef: {name: nats, key: creds}}}}
  sink:
    milvus: {uri: "https://milvus", tokenSecretRef: {name: milvus, key: token}}
    objects: {uri: "s3://media", credentialsSecretRef: {name: s3, key: credentials.json}}
    metadata: {uri: "postgresql://mmpipe@db:6432/mmpipe", passwordSecretRef: {name: db, key: password}}
  gateway:
    service: {type: LoadBalancer, annotations: {"example.com/internal": "true"}}
    authentication: {mode: Tokens, tokensSecretRef: {name: gateway, key: tokens}}
    tls:
      certificateSecretRef: {name: gateway-tls, key: tls.crt}
      privateKeySecretRef: {name: gateway-tls, key: tls.key}
    cache: {redisUri: "rediss://cache:6380/0", passwordSecretRef: {name: cache, key: password}}
"""

_OVERRIDDEN = """
  modalities:
  - name: image
    scaling: {minReplicas: 2, maxReplicas: 8, targetQueueDepth: 1000, scaleDownStabilizationSeconds: 900}
    rollout: {strategy: Recreate}
    template:
      labels: {team: vision, empty: ""}
      annotations: {"example.com/scrape": "yes"}
      image: "registry.example.com/mmpipe:gpu"
      imagePullPolicy: Always
      imagePullSecrets: [{name: registry}]
      resources: {requests: {cpu: "3500m", memory: 6Gi}, limits: {memory: 8192Mi, "nvidia.com/gpu": "1"}}
      env:
      - {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://collector.monitoring:4317"}
      - {name: AWS_ENDPOINT_URL, value: "http://minio:9001"}
      - {name: EMPTY, value: ""}
      - {name: REGION, valueFrom: {configMapKeyRef: {name: region, key: name}}}
      - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
      - {name: EXTRA, valueFrom: {secretKeyRef: {name: extra, key: word, optional: true}}}
      volumes:
      - {name: data, persistentVolumeClaim: {claimName: media-cache}}
      - {name: models, image: {reference: "registry.example.com/models:1", pullPolicy: IfNotPresent}}
      - {name: shm, emptyDir: {medium: Memory, sizeLimit: 1024Mi}}
      - {name: certificates, secret: {secretName: certificates}}
      volumeMounts:
      - {name: models, mountPath: /models, readOnly: true}
      - {name: shm, mountPath: /dev/shm}
      - {name: certificates, mountPath: /etc/ssl/private, readOnly: true}
      nodeSelector: {accelerator: l4}
      tolerations:
      - {key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}
      - {key: spot, operator: Equal, value: "", effect: NoExecute, tolerationSeconds: 30}
      affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/arch, operator: In, values: [amd64]}]}]
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
          - weight: 50
            podAffinityTerm: {labelSelector: {matchLabels: {app: noisy}}, topologyKey: kubernetes.io/hostname}
      topologySpreadConstraints:
      - {maxSkew: 2, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule}
      runtimeClassName: gvisor
      schedulerName: volcano
"""


@dataclass(frozen=True)
class Scene:
    """An object, what a plan needs beside it, and whose manifests its golden file shows (all, where none is named)."""

    document: Manifest
    context: Context = CONTEXT
    shown: tuple[str, ...] = ()

    @cached_property
    def pipeline(self) -> MultimodalPipeline:
        """The typed object."""
        return from_object(self.document)

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """What is planned."""
        planned = plan(self.pipeline, self.context)
        assert not planned.problems
        return planned.manifests


def document(spec: str = "", *, stores: str = _STORES) -> Manifest:
    """A pipeline `media` of the namespace `team`, with this in its spec."""
    read: Manifest = yaml.safe_load(f"spec:{stores}{spec}")
    head = {"apiVersion": "mmpipe.dev/v1alpha1", "kind": "MultimodalPipeline"}
    return {**head, "metadata": {"name": "media", "namespace": "team"}, **read}


def pipeline(spec: str = "", *, stores: str = _STORES) -> MultimodalPipeline:
    """The same, typed."""
    return from_object(document(spec, stores=stores))


SCENES: Mapping[str, Scene] = {
    "one-modality": Scene(document("\n  modalities: [{name: image}]\n"), shown=("", "gateway", "image")),
    "five-modalities": Scene(document(), shown=("worker", "video")),
    "per-stage": Scene(
        document("\n  modalities: [{name: audio}, {name: image}]\n  topology: PerStage\n"),
        shown=("image-decode",),
    ),
    "paused": Scene(document("\n  modalities: [{name: image}]\n  lifecycle: {state: Paused}\n"), shown=("image",)),
    "keda": Scene(
        document(
            """
  modalities: [{name: image}, {name: text}]
  scaling: {mode: KEDA, minReplicas: 0, keda: {fallback: {replicas: 2}}}
"""
        ),
        KEDA,
        shown=("", "gateway", "image"),
    ),
    "secured": Scene(document(_SECURED, stores=""), shown=("gateway",)),
    "overridden": Scene(
        document(_OVERRIDDEN),
        replace(CONTEXT, image_pull_secrets=("pull",), digests={"Secret/extra": "1", "ConfigMap/region": "2"}),
        shown=("image",),
    ),
    "monitored-by-hand": Scene(
        document("\n  modalities: [{name: depth}]\n  scaling: {mode: None}\n  serving: {drainSeconds: 90.5}\n"),
        replace(CONTEXT, apis=frozenset({"monitoring.coreos.com/v1"}), service_monitors=True),
        shown=("", "depth"),
    ),
}

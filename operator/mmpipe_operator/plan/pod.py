"""The pod template of a process: restricted, probed, drained, spread, and rolled when what it reads changes."""

from __future__ import annotations

import hashlib
import json
import math

from mmpipe_operator import names
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.plan import files, secrets
from mmpipe_operator.plan.merging import overridden
from mmpipe_operator.plan.model import FUSE, GATEWAY, WORKER, Part

DATA = "/var/lib/mmpipe"
USER = 10_001
"""Numeric, as `runAsNonRoot` asks; the image's user."""
PRE_STOP_S = 5
"""Endpoints take a moment to lose a pod that is being stopped (both begin at once): until then it serves on."""
MARGIN_S = 13
"""Beyond preStop and drain: 2 s until callers have left, 10 s for the last batch, 1 s to go."""
STARTUP_S = 300
"""Longest start: weights are loaded and warmed up before a process listens."""

_RESOURCES = {
    GATEWAY: ("250m", "256Mi", "1Gi"),
    WORKER: ("250m", "512Mi", "2Gi"),
    FUSE: ("100m", "256Mi", "1Gi"),
    "text": ("250m", "512Mi", "2Gi"),
    "image": ("500m", "512Mi", "2Gi"),
    "audio": ("500m", "512Mi", "2Gi"),
    "video": ("1", "1Gi", "4Gi"),
    "depth": ("500m", "512Mi", "2Gi"),
}
"""CPU and memory requested, and the limit of memory. CPU has no limit: throttling would only make batches late."""
_SCRATCH, _SCRATCH_REQUEST = "24Gi", "1Gi"
"""Disk: the largest medium is 16 GiB by default (``source.references.maxBytes``)."""
_DATA_SIZE, _TMP_SIZE = "20Gi", "2Gi"


def template(part: Part) -> Manifest:
    """Metadata and spec of its pods."""
    labels = names.labels(part.pipeline.metadata.name, part.process.name)
    base = {
        "metadata": {"labels": labels, "annotations": {names.CONFIG_HASH: config_hash(part)}},
        "spec": _spec(part),
    }
    override = part.process.template.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    return overridden(base, override)


def config_hash(part: Part) -> str:
    """A digest of all that the process reads at its start: its file, and the Secrets and ConfigMaps it names."""
    read = {name: part.context.digests.get(name, "") for name in sorted(secrets.read_by(part.pipeline, part.process))}
    whole = json.dumps([files.content(part.pipeline, part.process), read])
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def grace_s(part: Part) -> int:
    """Longest time from the decision to stop a pod until it is killed."""
    return PRE_STOP_S + math.ceil(part.pipeline.spec.serving.drain_seconds) + MARGIN_S


def _spec(part: Part) -> Manifest:
    pull = {"imagePullSecrets": [{"name": name} for name in part.context.image_pull_secrets]}
    return {
        **(pull if part.context.image_pull_secrets else {}),
        "serviceAccountName": f"{part.pipeline.metadata.name}-services",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": grace_s(part),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [_spread(part)],
        "containers": [_container(part)],
        "volumes": [
            {"name": "config", "configMap": {"name": files.name_of(part)}},
            {"name": "data", "emptyDir": {"sizeLimit": _DATA_SIZE}},
            {"name": "tmp", "emptyDir": {"sizeLimit": _TMP_SIZE}},
        ],
    }


def _spread(part: Part) -> Manifest:
    return {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": part.selector},
        "matchLabelKeys": ["pod-template-hash"],
    }


def _container(part: Part) -> Manifest:
    env = secrets.environment(part)
    return {
        "name": "mmpipe",
        "image": part.context.image,
        "imagePullPolicy": part.context.image_pull_policy,
        "command": ["mmpipe"],
        "args": _arguments(part),
        **({"env": env} if env else {}),
        "ports": [
            {"name": "grpc", "containerPort": part.process.port, "protocol": "TCP"},
            {"name": "metrics", "containerPort": names.METRICS_PORT, "protocol": "TCP"},
        ],
        "resources": _resources(part),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "config", "mountPath": files.FOLDER, "readOnly": True},
            {"name": "data", "mountPath": DATA},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  # a volume of the pod's own
        ],
        **_probes(part),
        "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_S}}},
    }


def _arguments(part: Part) -> list[str]:
    command, *options = part.process.arguments
    where = ["--host", "0.0.0.0", "--port", str(part.process.port), "--metrics-port", str(names.METRICS_PORT)]  # noqa: S104  # a pod is reached from outside
    return [command, f"{files.FOLDER}/{files.NAME}", *options, *where, "--data", DATA]


def _resources(part: Part) -> Manifest:
    cpu, memory, most = _RESOURCES[part.process.modality or part.process.name]
    return {
        "requests": {"cpu": cpu, "memory": memory, "ephemeral-storage": _SCRATCH_REQUEST},
        "limits": {"memory": most, "ephemeral-storage": _SCRATCH},
    }


def _probes(part: Part) -> Manifest:
    """The kubelet speaks no TLS to a gRPC probe: a gateway with a certificate is asked for its port only."""
    has_tls = part.process.name == GATEWAY and part.pipeline.spec.gateway.tls.certificate_secret_ref is not None
    ask = {"tcpSocket": {"port": part.process.port}} if has_tls else {"grpc": {"port": part.process.port}}
    period_s = 2
    return {
        "startupProbe": ask
        | {"periodSeconds": period_s, "timeoutSeconds": 2, "failureThreshold": STARTUP_S // period_s},
        "readinessProbe": ask | {"periodSeconds": 5, "timeoutSeconds": 2, "failureThreshold": 2},
        "livenessProbe": ask | {"periodSeconds": 20, "timeoutSeconds": 5, "failureThreshold": 3},
    }

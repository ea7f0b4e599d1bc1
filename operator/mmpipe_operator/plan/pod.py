"""The pod template of a process: restricted, probed, drained, spread, and rolled when what it reads changes."""

from __future__ import annotations

import hashlib
import json
import math

from mmpipe_operator import names
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.plan import files, secrets
from mmpipe_operator.plan.merging import overridden, overrides
from mmpipe_operator.plan.model import Part
from mmpipe_operator.plan.resources import resources, threads

DATA = "/var/lib/mmpipe"
USER = 10_001
"""Numeric, as `runAsNonRoot` asks; the image's user."""
PRE_STOP_S = 5
"""Endpoints take a moment to lose a pod that is being stopped (both begin at once): until then it serves on."""
MARGIN_S = 13
"""Beyond preStop and drain: 2 s until callers have left, 10 s for the last batch, 1 s to go."""
STARTUP_S = 300
"""Longest start: weights are loaded and warmed up before a process listens."""
_SPREAD = ("topology.kubernetes.io/zone", "kubernetes.io/hostname")

_DATA_SIZE, _TMP_SIZE = "20Gi", "2Gi"
"""The folder of fetched media, and that of decoders: the root file system is read-only."""


def template(part: Part) -> Manifest:
    """Metadata and spec of its pods."""
    labels = names.labels(part.pipeline.metadata.name, part.process.name)
    base = {
        "metadata": {"labels": labels, "annotations": {names.CONFIG_HASH: config_hash(part)}},
        "spec": _spec(part),
    }
    return overridden(base, overrides(part.process.template))


def config_hash(part: Part) -> str:
    """A digest of all that the process reads at its start: its file, and the Secrets and ConfigMaps it names."""
    names_read = sorted(secrets.read_by(part.given, part.process.template))
    whole = json.dumps([part.file, {name: part.context.digests.get(name, "") for name in names_read}])
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def grace_s(part: Part) -> int:
    """Longest time from the decision to stop a pod until it is killed."""
    return PRE_STOP_S + math.ceil(part.pipeline.spec.serving.drain_seconds) + MARGIN_S


def _spec(part: Part) -> Manifest:
    pull = {"imagePullSecrets": [{"name": name} for name in part.context.image_pull_secrets]}
    return {
        **(pull if part.context.image_pull_secrets else {}),
        "serviceAccountName": names.services(part.pipeline.metadata.name),
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
        "topologySpreadConstraints": [_spread(part, key) for key in _SPREAD],
        "containers": [_container(part)],
        "volumes": [
            {"name": "config", "configMap": {"name": files.name_of(part)}},
            {"name": "data", "emptyDir": {"sizeLimit": _DATA_SIZE}},
            {"name": "tmp", "emptyDir": {"sizeLimit": _TMP_SIZE}},
        ],
    }


def _spread(part: Part, topology_key: str) -> Manifest:
    return {
        "maxSkew": 1,
        "topologyKey": topology_key,
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
        "resources": resources(part),
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
    if command == "serve":
        options += ["--threads", str(threads(part))]
    where = ["--host", "0.0.0.0", "--port", str(part.process.port), "--metrics-port", str(names.METRICS_PORT)]  # noqa: S104  # a pod is reached from outside
    return [command, f"{files.FOLDER}/{files.NAME}", *options, *where, "--data", DATA]


def _probes(part: Part) -> Manifest:
    """The kubelet speaks no TLS to a gRPC probe: a gateway with a certificate is asked for its port only.

    Liveness is asked seldom and patiently: a restart heals a deadlock and makes an overload worse.
    """
    has_tls = part.given.spec.gateway.tls.certificate_secret_ref is not None
    ask = {"tcpSocket": {"port": part.process.port}} if has_tls else {"grpc": {"port": part.process.port}}
    period_s = 2
    return {
        "startupProbe": ask
        | {"periodSeconds": period_s, "timeoutSeconds": 2, "failureThreshold": STARTUP_S // period_s},
        "readinessProbe": ask | {"periodSeconds": 5, "timeoutSeconds": 3, "failureThreshold": 2},
        "livenessProbe": ask | {"periodSeconds": 20, "timeoutSeconds": 10, "failureThreshold": 3},
    }

"""The Services of a process: headless, so that gRPC sees every replica; the gateway's own beside, as its spec says."""

from __future__ import annotations

from collections.abc import Iterator

from mmpipe_operator import names
from mmpipe_operator.kinds import SERVICE, Manifest
from mmpipe_operator.plan.model import GATEWAY, WORKER, Part, metadata_of

_GRPC = {"name": "grpc", "targetPort": "grpc", "protocol": "TCP", "appProtocol": "grpc"}
_METRICS = {"name": "metrics", "port": names.METRICS_PORT, "targetPort": "metrics", "protocol": "TCP"}


def services(part: Part) -> Iterator[Manifest]:
    """Ports by name. Metrics are never behind a Service that may be reached from outside the cluster."""
    headless = {"type": "ClusterIP", "clusterIP": "None"}
    grpc = {**_GRPC, "port": part.process.port}
    if part.process.name == GATEWAY:
        yield _door(part, grpc)
        yield _service(part, headless_name(part), {**headless, "ports": [grpc, _METRICS]})
    else:
        ports = [_METRICS] if part.process.name == WORKER else [grpc, _METRICS]
        yield _service(part, part.name, {**headless, "ports": ports})


def headless_name(part: Part) -> str:
    """The Service that names every replica: for clients with ``round_robin``, and for scrapes."""
    return f"{part.name}-headless" if part.process.name == GATEWAY else part.name


def _door(part: Part, grpc: Manifest) -> Manifest:
    options = part.pipeline.spec.gateway.service
    manifest = _service(part, part.name, {"type": options.type, "ports": [grpc]})
    if options.annotations:
        manifest["metadata"]["annotations"] = dict(options.annotations)
    return manifest


def _service(part: Part, name: str, spec: Manifest) -> Manifest:
    return {
        "apiVersion": SERVICE.api_version,
        "kind": SERVICE.kind,
        "metadata": metadata_of(part) | {"name": name},
        "spec": {"selector": part.selector, **spec},
    }

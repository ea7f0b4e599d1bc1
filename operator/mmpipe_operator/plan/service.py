"""The Service of a process: headless, so that gRPC sees every replica; the gateway's as its spec says."""

from __future__ import annotations

from mmpipe_operator import names
from mmpipe_operator.kinds import SERVICE, Manifest
from mmpipe_operator.plan.model import GATEWAY, Part, metadata_of


def service(part: Part) -> Manifest:
    """Ports by name: ``grpc``, and ``metrics`` where nobody outside the cluster could reach it."""
    door = part.process.name == GATEWAY
    options = part.pipeline.spec.gateway.service
    inside = not door or options.type == "ClusterIP"
    notes = {"annotations": dict(options.annotations)} if door and options.annotations else {}
    return {
        "apiVersion": SERVICE.api_version,
        "kind": SERVICE.kind,
        "metadata": metadata_of(part) | notes,
        "spec": {
            **({"type": options.type} if door else {"type": "ClusterIP", "clusterIP": "None"}),
            "selector": part.selector,
            "ports": [_port("grpc", part.process.port), *([_port("metrics", names.METRICS_PORT)] if inside else [])],
        },
    }


def _port(name: str, number: int) -> Manifest:
    protocol = {"appProtocol": "grpc"} if name == "grpc" else {}
    return {"name": name, "port": number, "targetPort": name, "protocol": "TCP", **protocol}

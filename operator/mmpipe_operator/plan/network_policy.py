"""The NetworkPolicy of a process: nothing but the flows that it has (DESIGN 9).

In: calls from where they come (anywhere for the gateway), and scrapes. Out: names, the processes that it calls, and the
ports of the stores that it uses; a policy knows no host names, so a store is its port.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from mmpipe_operator import names
from mmpipe_operator.kinds import NETWORK_POLICY, Manifest
from mmpipe_operator.plan.model import FUSE, GATEWAY, WORKER, Part, metadata_of

_DNS = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
_USUAL = {
    "nats": 4222,
    "tls": 4222,
    "http": 80,
    "https": 443,
    "postgresql": 5432,
    "redis": 6379,
    "rediss": 6379,
}
_OTLP = 4317


def network_policy(part: Part) -> Manifest:
    """Both directions are closed but for these."""
    return {
        "apiVersion": NETWORK_POLICY.api_version,
        "kind": NETWORK_POLICY.kind,
        "metadata": metadata_of(part),
        "spec": {
            "podSelector": {"matchLabels": part.selector},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": list(_ingress(part)),
            "egress": list(_egress(part)),
        },
    }


def _ingress(part: Part) -> Iterator[Manifest]:
    if part.process.name == GATEWAY:
        yield {"ports": [_tcp(part.process.port)]}
    elif part.process.name != WORKER:
        callers = [_pods(part, caller) for caller in (GATEWAY, WORKER)]
        yield {"from": callers, "ports": [_tcp(part.process.port)]}
    yield {"ports": [_tcp(names.METRICS_PORT)]}


def _egress(part: Part) -> Iterator[Manifest]:
    yield {"ports": _DNS}
    if part.process.name in {GATEWAY, WORKER}:
        yield {"to": [_pods(part)], "ports": [_tcp(names.STAGE_PORT)]}
    ports = sorted(set(_ports(part)))
    if ports:
        yield {"ports": [_tcp(port) for port in ports]}


def _pods(part: Part, process: str = "") -> Manifest:
    return {"podSelector": {"matchLabels": names.selector(part.pipeline.metadata.name, process)}}


def _ports(part: Part) -> Iterator[int]:
    """Of what it calls outside the pipeline."""
    yield from _collector(part)
    if part.process.name == FUSE:
        return
    spec = part.pipeline.spec
    yield from part.context.object_ports
    yield from (_USUAL[scheme] for scheme in spec.source.references.schemes)
    if part.process.modality is not None:
        return
    nats = spec.source.queue.nats.url if spec.source.queue and spec.source.queue.nats else ""
    cache = spec.gateway.cache.redis_uri if part.process.name == GATEWAY else ""
    for uris in (nats, spec.sink.milvus.uri, spec.sink.metadata.uri, cache):
        yield from (_port(uri) for uri in uris.split(",") if uri)


def _port(uri: str) -> int:
    parts = urlsplit(uri if "://" in uri else f"nats://{uri}")
    return parts.port or _USUAL.get(parts.scheme.partition("+")[0], 443)


def _collector(part: Part) -> Iterator[int]:
    """The port of the OpenTelemetry collector, where the template names one."""
    template = part.process.template.model_dump(mode="json", by_alias=True, exclude_none=True)
    for variable in template.get("env", ()):
        if variable["name"].startswith("OTEL_EXPORTER_OTLP") and "://" in variable.get("value", ""):
            yield urlsplit(variable["value"]).port or _OTLP


def _tcp(port: int) -> Manifest:
    return {"port": port, "protocol": "TCP"}

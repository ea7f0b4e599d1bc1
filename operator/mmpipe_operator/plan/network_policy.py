"""The NetworkPolicy of a process: nothing but the flows that it has (DESIGN 9).

In: calls from who makes them (anybody for the gateway), and scrapes. Out: names, the processes that it calls, and the
ports of what its file and its template name; a policy knows no host names, so a store is its port. Policies add up:
where a store is on another port than its URI says, a policy of one's own opens that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mmpipe_operator import names
from mmpipe_operator.kinds import NETWORK_POLICY, Manifest
from mmpipe_operator.plan.model import FUSE, GATEWAY, WORKER, Part, metadata_of

_DNS = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
_CALLERS = {GATEWAY: (), WORKER: (), FUSE: (WORKER,)}
"""Who calls a process of the pipeline; stage servers are called for samples and for queries."""
_WEB = {"http": 80, "https": 443}
_STORES = {"nats": 4222, "tls": 4222, "postgresql": 5432, "postgres": 5432, "redis": 6379, "rediss": 6379}
_MILVUS = {"http": 19_530, "https": 443}
"""As pymilvus takes it."""
_OBJECTS = {"s3": (443, 9000), "gs": (443,), "az": (443,)}
"""9000 is MinIO's: where an S3 store answers stands in a Secret, which a plan does not see."""
_OTLP = {"http": 4317, "https": 4317}
_PORT = re.compile(r":(\d{1,5})(?=[,/?]|$)")


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
    callers = _CALLERS.get(part.process.name, (GATEWAY, WORKER))
    if callers:
        yield {"from": [_pods(part, caller) for caller in callers], "ports": [_tcp(part.process.port)]}
    if part.process.name == GATEWAY:
        yield {"ports": [_tcp(part.process.port)]}
    yield {"ports": [_tcp(names.METRICS_PORT)]}


def _egress(part: Part) -> Iterator[Manifest]:
    yield {"ports": _DNS}
    if part.process.name in {GATEWAY, WORKER}:
        yield {"to": [_pods(part)], "ports": [_tcp(names.STAGE_PORT)]}
    ports = sorted({*_ports(part), *_of_template(part)})
    if ports:
        yield {"ports": [_tcp(port) for port in ports]}


def _pods(part: Part, process: str = "") -> Manifest:
    return {"podSelector": {"matchLabels": names.selector(part.pipeline.metadata.name, process)}}


def _ports(part: Part) -> Iterator[int]:
    """Of what its file names outside the pipeline."""
    source, sink = part.given.spec.source, part.given.spec.sink
    if part.process.fetches:
        yield from (_WEB[scheme] for scheme in source.references.schemes)
    if source.queue and source.queue.nats:
        yield from ports_of(source.queue.nats.url, _STORES)
    yield from ports_of(sink.milvus.uri, _MILVUS)
    yield from ports_of(sink.metadata.uri, _STORES)
    yield from ports_of(part.given.spec.gateway.cache.redis_uri, _STORES)
    yield from _OBJECTS.get(sink.objects.uri.partition("://")[0], ())


def _of_template(part: Part) -> Iterator[int]:
    """Of URIs in its environment: a collector, an S3 endpoint, a proxy."""
    for variable in part.process.template.env:
        usual = _OTLP if variable.name.startswith("OTEL_") else _WEB
        yield from ports_of(variable.value or "", usual)


def ports_of(uri: str, usual: dict[str, int]) -> tuple[int, ...]:
    """The ports of a URI that may name several hosts, or of several with commas; the usual one where it names none."""
    scheme, found, rest = uri.partition("://")
    if not found:
        return ()
    authority = re.sub(r"\w+://", "", rest).split("/")[0].rpartition("@")[2]
    named = tuple(int(port) for port in _PORT.findall(authority))
    return named or tuple(usual[name] for name in [scheme.partition("+")[0].lower()] if name in usual)


def _tcp(port: int) -> Manifest:
    return {"port": port, "protocol": "TCP"}

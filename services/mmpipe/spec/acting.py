"""What a valid object asks for and one machine, or a cluster, cannot do: refused or said aloud, never ignored.

Markers at the fields decide (``model.Later``, ``ClusterOnly``, ``ServicesOnly``); this module only looks for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mmpipe.spec.model import ClusterOnly, Later, ServicesOnly
from mmpipe.spec.pipeline import MultimodalPipeline, PipelineSpec
from mmpipe.spec.problems import Problem
from mmpipe.spec.sink import without_secrets
from mmpipe.spec.walk import Setting, settings


@dataclass(frozen=True, slots=True)
class SharedUri:
    """Kinds of URI that name something which all pods of a cluster share."""

    schemes: tuple[str, ...]
    expected: str


NATS_URI = SharedUri(("nats", "tls"), "a NATS server, as nats://host:4222")
MILVUS_URI = SharedUri(("http", "https"), "a Milvus server, as http://host:19530")
OBJECTS_URI = SharedUri(("s3", "gs", "az"), "an object store, as s3://bucket")
METADATA_URI = SharedUri(("postgresql", "postgres"), "a database, as postgresql://user@host/database")


def refused(pipeline: MultimodalPipeline) -> tuple[Problem, ...]:
    """Settings that are part of the object's design but do not act yet in this release."""
    return tuple(problem for setting in settings(pipeline) if (problem := _refusal(setting)))


def without_effect(pipeline: MultimodalPipeline, *, services: bool = False) -> tuple[str, ...]:
    """Paths of settings that mean nothing to `mmpipe run`, or to the ``services`` of one machine either."""
    return tuple(s.path for s in settings(pipeline) if not s.is_default and _is_idle(s, services=services))


def in_cluster(pipeline: MultimodalPipeline) -> tuple[Problem, ...]:
    """What a cluster needs and one machine has by itself: stores and a queue that all pods share."""
    return tuple(problem for problem in _shared(pipeline.spec) if problem)


def _shared(spec: PipelineSpec) -> Iterator[Problem | None]:
    sink = spec.sink
    queue = spec.source.queue
    yield _needs("spec.source.queue.nats.url", queue.nats.url if queue and queue.nats else "", NATS_URI)
    yield _needs("spec.sink.milvus.uri", sink.milvus.uri, MILVUS_URI)
    yield _needs("spec.sink.objects.uri", sink.objects.uri, OBJECTS_URI)
    yield _needs("spec.sink.metadata.uri", sink.metadata.uri, METADATA_URI)


def _needs(path: str, uri: str, shared: SharedUri) -> Problem | None:
    if uri.partition("://")[0] in shared.schemes and "://" in uri:
        return None
    found = repr(without_secrets(uri)) if uri else "nothing"
    return Problem(path, found, shared.expected, "name one: under Kubernetes all pods share it")


def _is_idle(setting: Setting, *, services: bool) -> bool:
    acts = services and setting.marker(ServicesOnly) is not None
    return setting.marker(ClusterOnly) is not None and not acts


def _refusal(setting: Setting) -> Problem | None:
    later = setting.marker(Later)
    if later is None or setting.is_default or setting.value in later.acting:
        return None
    expected = f"a value that acts in this release (default {setting.info.get_default()!r})"
    return Problem(setting.path, repr(setting.value), expected, later.sentence)

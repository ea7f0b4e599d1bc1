"""What a valid object asks for and one machine, or a cluster, cannot do: refused or said aloud, never ignored.

Markers at the fields decide (``model.Later``, ``ClusterOnly``, ``ServicesOnly``); this module only looks for them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mmpipe.spec.model import ClusterOnly, Later, ServicesOnly
from mmpipe.spec.pipeline import MultimodalPipeline, PipelineSpec
from mmpipe.spec.problems import Problem
from mmpipe.spec.sink import without_secrets
from mmpipe.spec.walk import Setting, settings


@dataclass(frozen=True, slots=True)
class SharedUri:
    """A URI that must name something which all pods of a cluster share."""

    path: str
    schemes: tuple[str, ...]
    expected: str


SHARED_URIS = (
    SharedUri("source.queue.nats.url", ("nats", "tls"), "a NATS server, as nats://host:4222"),
    SharedUri("sink.milvus.uri", ("http", "https"), "a Milvus server, as http://host:19530"),
    SharedUri("sink.objects.uri", ("s3", "gs", "az"), "an object store, as s3://bucket"),
    SharedUri("sink.metadata.uri", ("postgresql", "postgres"), "a database, as postgresql://user@host/database"),
)
"""By their place in the spec; the CRD has the same rules."""
SHARED_REMEDY = "name one: under Kubernetes all pods share it"

MAX_NAME = 40
"""Longest name of a pipeline in a cluster: `NAME-image-decode` names a Service, whose name may have 63 characters."""
NAME_PATTERN = "^[a-z]([-a-z0-9]*[a-z0-9])?$"
"""Names of pipelines in a cluster; those of Services begin with a letter (RFC 1035)."""
NAME_EXPECTED = f"at most {MAX_NAME} of lower-case letters, digits and dashes, the first a letter"
NAME_REMEDY = "make a pipeline of another name"


def refused(pipeline: MultimodalPipeline) -> tuple[Problem, ...]:
    """Settings that are part of the object's design but do not act yet in this release."""
    return tuple(problem for setting in settings(pipeline) if (problem := _refusal(setting)))


def without_effect(pipeline: MultimodalPipeline, *, services: bool = False) -> tuple[str, ...]:
    """Paths of settings that mean nothing to `mmpipe run`, or to the ``services`` of one machine either."""
    return tuple(s.path for s in settings(pipeline) if not s.is_default and _is_idle(s, services=services))


def in_cluster(pipeline: MultimodalPipeline) -> tuple[Problem, ...]:
    """What a cluster needs and one machine has by itself: stores and a queue that all pods share."""
    needs = (_needs(shared, _uri(pipeline.spec, shared.path)) for shared in SHARED_URIS)
    return tuple(problem for problem in (_name(pipeline.metadata.name), *needs) if problem)


def acting_value(default: object) -> str:
    """What is expected of a setting that does not act yet."""
    return f"a value that acts in this release (default {_in_yaml(default)})"


def _in_yaml(default: object) -> str:
    """As a user would write it; absent is ``none``."""
    if default is None:
        return "none"
    if isinstance(default, bool):
        return str(default).lower()
    return "[]" if default in ((), []) else str(default)


def _name(name: str) -> Problem | None:
    if len(name) <= MAX_NAME and re.search(NAME_PATTERN, name):
        return None
    return Problem("metadata.name", repr(name), NAME_EXPECTED, NAME_REMEDY)


def _uri(spec: PipelineSpec, path: str) -> str:
    found: object = spec
    for step in path.split("."):
        found = getattr(found, step, "")
    return str(found)


def _needs(shared: SharedUri, uri: str) -> Problem | None:
    scheme, separator, _ = uri.partition("://")
    if separator and scheme in shared.schemes:
        return None
    found = repr(without_secrets(uri)) if uri else "nothing"
    return Problem(f"spec.{shared.path}", found, shared.expected, SHARED_REMEDY)


def _is_idle(setting: Setting, *, services: bool) -> bool:
    acts = services and setting.marker(ServicesOnly) is not None
    return setting.marker(ClusterOnly) is not None and not acts


def _refusal(setting: Setting) -> Problem | None:
    later = setting.marker(Later)
    if later is None or setting.is_default or setting.value in later.acting:
        return None
    return Problem(setting.path, repr(setting.value), acting_value(setting.info.get_default()), later.sentence)

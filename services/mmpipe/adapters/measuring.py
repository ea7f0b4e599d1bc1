"""What the sink says about a write: how long it took, once, and a span of it in the trace of each sample of the group.

Samples are written together and traced apart, so each one's trace names the write that it shared.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from mmpipe import telemetry
from mmpipe.adapters.planning import Planned


@contextmanager
def metadata_written(group: Collection[Planned], system: str, operation: str) -> Iterator[None]:
    """Around one transaction of the metadata; ``system`` is `sqlite` or `postgresql`."""
    with _measured("metadata", group, db_system_name=system, db_operation_name=operation):
        yield


@contextmanager
def vectors_written(group: Collection[Planned]) -> Iterator[None]:
    """Around the upsert of a group, and the deletion of what its samples have no longer."""
    rows = [vector.modality for each in group for vector in each.vectors]
    with _measured("vectors", group, db_system_name="milvus", db_operation_name="upsert", rows=len(rows)):
        yield
    for modality in set(rows):
        telemetry.count("mmpipe.sink.rows", rows.count(modality), modality=modality)


@contextmanager
def originals_kept() -> Iterator[None]:
    """Around putting the originals of one sample, where its own span is the current one."""
    with telemetry.span("mmpipe.sink.objects"), telemetry.timed("mmpipe.sink.commit.duration", store="objects"):
        yield


@contextmanager
def _measured(store: str, group: Collection[Planned], **attributes: str | int) -> Iterator[None]:
    begun_ns = time.time_ns()
    try:
        with telemetry.timed("mmpipe.sink.commit.duration", store=store):
            yield
    finally:
        ended_ns, shared = time.time_ns(), {**attributes, "group_samples": len(group)}
        for traceparent in {each.traceparent for each in group if each.traceparent}:
            telemetry.past(f"mmpipe.sink.{store}", begun_ns, ended_ns, parent=traceparent, **shared)

"""What a stage server tells: how long items wait, how batches come together, how long a stage takes, who rejects.

Wrapped around batches and stages, which know nothing of it. A batch is shared by calls of several traces, so its spans
are written once into each of them, when they are over.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from mmpipe import telemetry
from mmpipe.records import Failed, Rejected
from mmpipe.runtimes.stage_server.batching import Batch
from mmpipe.runtimes.stage_server.work import Batchwise

_TRACES: ContextVar[tuple[str, ...]] = ContextVar("mmpipe_stage_traces", default=())
"""Of the calls whose items are computed right now."""
_LANES = {True: "query", False: "ingest"}


def computed(batch: Batch) -> Sequence[Any]:
    """Compute a batch, and say how long its calls have waited."""
    now_ns, lane = time.time_ns(), _LANES[batch.query]
    for call in batch.calls:
        waited_s = batch.begun_s - call.queued_s
        telemetry.record("mmpipe.batch.wait", waited_s, lane=lane)
        telemetry.past("mmpipe.stage.wait", now_ns - round(waited_s * 1e9), now_ns, parent=call.trace, lane=lane)
    token = _TRACES.set(tuple(call.trace for call in batch.calls))
    try:
        return batch.work(batch.items)
    finally:
        _TRACES.reset(token)


def measured(name: str, stage: Batchwise) -> Batchwise:
    """The stage, measured. What it raises passes through and counts as failed where one item alone raised it."""

    def measuring(items: Sequence[Any], /) -> Sequence[Any]:
        begun_ns = time.time_ns()
        telemetry.record("mmpipe.batch.size", len(items), stage=name)
        try:
            with telemetry.timed("mmpipe.stage.duration", stage=name):
                outcomes = stage(items)
        except Exception:
            _count(name, [Failed(name, "")] if len(items) == 1 else [])
            raise
        _count(name, outcomes)
        _trace(name, begun_ns, len(items))
        return outcomes

    return measuring


def _count(stage: str, outcomes: Sequence[object]) -> None:
    for outcome, count in Counter(map(_kind, outcomes)).items():
        telemetry.count("mmpipe.stage.items", count, stage=stage, outcome=outcome)
    for gate, count in Counter(each.gate for each in outcomes if isinstance(each, Rejected)).items():
        telemetry.count("mmpipe.stage.rejected", count, gate=gate)


def _kind(outcome: object) -> str:
    match outcome:
        case Rejected():
            return "rejected"
        case Failed():
            return "failed"
    return "passed"


def _trace(stage: str, begun_ns: int, items: int) -> None:
    for trace in _TRACES.get():
        telemetry.past("mmpipe.stage.run", begun_ns, time.time_ns(), parent=trace, stage=stage, batch_items=items)

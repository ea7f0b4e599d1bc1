"""How long an item takes in a process, from the metrics of its pods. Pure.

A stage server tells the seconds of its batches and the items in them, a worker those of the samples that it has
carried, a gateway those of the calls that it has answered: means since the pods started. How much goes on at once is
known as well, so a backlog has a time in which it would be gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kubectl_mmpipe.explanation.case import GATEWAY, WORKER
from mmpipe_operator.scaling.exposition import Sample, total

_STREAM = "/Ingest"
"""A call that lasts as long as its client likes."""


@dataclass(frozen=True, slots=True)
class ServiceTime:
    """Mean ``seconds`` of an item (a sample, a call), over ``items``, in ``pods`` that were asked.

    ``at_once`` is how many items all pods work on at a time, as far as that is known; ``why`` there is no mean.
    """

    seconds: float | None
    items: int
    unit: str
    pods: int
    at_once: float | None
    why: str = ""

    def drain_s(self, depth: float | None) -> float | None:
        """Seconds until a depth is gone, where nothing comes in and pods stay: Little's law."""
        if depth is None or self.seconds is None or not self.at_once:
            return None
        return depth * self.seconds / self.at_once


def unknown(why: str) -> ServiceTime:
    """Nobody could tell."""
    return ServiceTime(None, 0, "item", 0, None, why)


def service_time(process: str, pods: Sequence[Sequence[Sample]], ready: int, threads: int) -> ServiceTime:
    """Of the pods that have answered, at least one of those that are ``ready``.

    ``threads`` is how many batches a stage server computes at once.
    """
    samples, all_of_them = [sample for pod in pods for sample in pod], ready / len(pods)
    if process == WORKER:
        in_flight = (total(samples, "mmpipe_worker_in_flight") or 0) * all_of_them
        return _mean(*_told(samples, "mmpipe_worker_duration_seconds"), "sample", len(pods), in_flight)
    if process == GATEWAY:
        answered = [sample for sample in samples if not sample.labels.get("rpc_method", "").endswith(_STREAM)]
        in_flight = (total(samples, "mmpipe_server_in_flight") or 0) * all_of_them
        return _mean(*_told(answered, "rpc_server_call_duration_seconds"), "call", len(pods), in_flight)
    seconds = total(samples, "mmpipe_stage_duration_seconds_sum")
    return _mean(seconds, _through(samples), "item", len(pods), threads * ready)


def _told(samples: Sequence[Sample], histogram: str) -> tuple[float | None, float | None]:
    """Sum and count."""
    return total(samples, f"{histogram}_sum"), total(samples, f"{histogram}_count")


def _through(samples: Sequence[Sample]) -> float | None:
    """Items that went in: every stage has seen all, but those that one before it has rejected."""
    stages = {sample.labels.get("stage", "") for sample in samples if sample.name == "mmpipe_batch_size_sum"}
    return max((total(samples, "mmpipe_batch_size_sum", stage=stage) or 0 for stage in stages), default=None)


def _mean(seconds: float | None, items: float | None, unit: str, pods: int, at_once: float | None) -> ServiceTime:
    if seconds is None or not items:
        return ServiceTime(None, 0, unit, pods, at_once, f"no {unit} has gone through since its pods started")
    return ServiceTime(seconds / items, round(items), unit, pods, at_once)

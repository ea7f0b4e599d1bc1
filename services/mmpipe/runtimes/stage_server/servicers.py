"""The services of a stage server: every call becomes items in the queue, and every fault a status with details.

A call goes one way, whatever it asks for: read the request, hold room in the queue, get its media ready, queue what is
left, wait, answer in order.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from mmap import mmap
from typing import Any, cast

import grpc
import numpy as np
from grpc import StatusCode

from mmpipe import telemetry
from mmpipe.adapters import wire
from mmpipe.adapters.errors import StoreError
from mmpipe.adapters.rpc_faults import CallFault, abort, fault
from mmpipe.adapters.wire import WireError
from mmpipe.records import Clip, Embedding, Failed, Item, Media, Modality, Rejected, Segment
from mmpipe.runtimes.stage_server import requests
from mmpipe.runtimes.stage_server.batching import Batcher, Call, Work
from mmpipe.runtimes.stage_server.faults import Abandoned, CallError, NotHere, QueueFull, Stopping
from mmpipe.runtimes.stage_server.fetching import Readying
from mmpipe.runtimes.stage_server.lanes import Load
from mmpipe.runtimes.stage_server.work import Chained, Workshop
from mmpipe.v1 import (
    chain_pb2,
    chain_pb2_grpc,
    clean_pb2,
    clean_pb2_grpc,
    decode_pb2,
    decode_pb2_grpc,
    embed_pb2,
    embed_pb2_grpc,
    fuse_pb2,
    fuse_pb2_grpc,
    item_pb2,
)
from mmpipe.v1.error_pb2 import Reason

log = logging.getLogger(__name__)

type Ready = Callable[[], Sequence[Any]]
"""What is done between the reservation and the queue: the items, some of them outcomes already."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where calls wait for their answers: what this process has, and the queue in front of it."""

    workshop: Workshop
    batcher: Batcher
    readying: Readying
    clock: Callable[[], float] = time.monotonic

    def chained(self, context: grpc.ServicerContext, asked: requests.Asked) -> list[Chained]:
        """Items through stages."""
        work = self.workshop.chained(
            asked.modality, asked.verbs, ignore_gates=asked.ignore_gates, sound_tracks=asked.sound_tracks
        )
        items = asked.items
        ready = (lambda: self._decodable(items, asked.modality)) if asked.verbs[0] == "decode" else (lambda: items)
        answers = self._answers(context, work, _load(items), ready, query=asked.query)
        return [each if isinstance(each, Chained) else Chained(each) for each in answers]

    def segmented(self, context: grpc.ServicerContext, request: decode_pb2.SegmentRequest) -> list[Any]:
        """Media into segments, or why there are none."""
        modality, media = requests.media_to_segment(request)
        work, query = self.workshop.segmented(modality), requests.is_query(request.lane)
        return self._answers(context, work, _load(media), lambda: self.readying(media, modality), query=query)

    def fused(self, context: grpc.ServicerContext, request: fuse_pb2.FuseRequest) -> list[Any]:
        """Vectors into one for each sample."""
        samples = requests.samples_to_fuse(request)
        query = requests.is_query(request.lane)
        work = self.workshop.fused(ignore_gates=request.ignore_gates)
        return self._answers(context, work, Load(len(samples)), lambda: samples, query=query)

    def _decodable(self, items: Sequence[Item[Media]], modality: Modality) -> list[Any]:
        ready = self.readying([item.payload for item in items], modality)
        return [
            replace(item, payload=media) if isinstance(media, Media) else media
            for item, media in zip(items, ready, strict=True)
        ]

    def _answers(
        self, context: grpc.ServicerContext, work: Work, load: Load, ready: Ready, *, query: bool
    ) -> list[Any]:
        """One answer for each item: what getting ready came to, else what the work says."""
        deadline_s = self._deadline_s(context)
        with self.batcher.room(load, query=query):
            everything = list(ready())
            items = [each for each in everything if not isinstance(each, Rejected | Failed)]
            call = Call(work, items, [_size_bytes(each) for each in items], query, deadline_s, telemetry.traceparent())
            context.add_callback(lambda: self.batcher.abandon(call))
            if not context.is_active():  # it ended before there was anybody to tell
                raise Abandoned
            self.batcher.enqueue(call)
        answers = iter(self.batcher.wait(call))
        return [each if isinstance(each, Rejected | Failed) else next(answers) for each in everything]

    def _deadline_s(self, context: grpc.ServicerContext) -> float:
        remaining_s = cast("float | None", context.time_remaining())  # None without a deadline, which the stubs deny
        return math.inf if remaining_s is None else self.clock() + remaining_s


class StageServicer(
    decode_pb2_grpc.DecodeServiceServicer,
    clean_pb2_grpc.CleanServiceServicer,
    embed_pb2_grpc.EmbedServiceServicer,
    chain_pb2_grpc.ChainServiceServicer,
    fuse_pb2_grpc.FuseServiceServicer,
):
    """All five services over one desk; ``server`` registers those that have something to serve."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def Decode(self, request: decode_pb2.DecodeRequest, context: grpc.ServicerContext) -> decode_pb2.DecodeResponse:  # noqa: N802
        """See ``decode.proto``."""
        with _statuses(context):
            return decode_pb2.DecodeResponse(outcomes=self._outcomes(request, context, "decode"))

    def Segment(self, request: decode_pb2.SegmentRequest, context: grpc.ServicerContext) -> decode_pb2.SegmentResponse:  # noqa: N802
        """See ``decode.proto``."""
        with _statuses(context):
            return decode_pb2.SegmentResponse(segmented=map(_segmented, self._desk.segmented(context, request)))

    def Clean(self, request: clean_pb2.CleanRequest, context: grpc.ServicerContext) -> clean_pb2.CleanResponse:  # noqa: N802
        """See ``clean.proto``."""
        with _statuses(context):
            return clean_pb2.CleanResponse(outcomes=self._outcomes(request, context, "clean"))

    def Embed(self, request: embed_pb2.EmbedRequest, context: grpc.ServicerContext) -> embed_pb2.EmbedResponse:  # noqa: N802
        """See ``embed.proto``."""
        with _statuses(context):
            return embed_pb2.EmbedResponse(outcomes=self._outcomes(request, context, "embed"))

    def Chain(self, request: chain_pb2.ChainRequest, context: grpc.ServicerContext) -> chain_pb2.ChainResponse:  # noqa: N802
        """See ``chain.proto``."""
        with _statuses(context):
            verbs = requests.verbs_of(request.stages)
            chained = self._desk.chained(context, requests.asked_of_stages(request, *verbs))
            return chain_pb2.ChainResponse(outcomes=_outcomes(chained), sound_tracks=_sound_tracks(chained))

    def Fuse(self, request: fuse_pb2.FuseRequest, context: grpc.ServicerContext) -> fuse_pb2.FuseResponse:  # noqa: N802
        """See ``fuse.proto``."""
        with _statuses(context):
            return fuse_pb2.FuseResponse(outcomes=map(wire.encode_fusion, self._desk.fused(context, request)))

    def _outcomes(
        self, request: requests.StageRequest, context: grpc.ServicerContext, verb: str
    ) -> Iterator[item_pb2.Outcome]:
        return _outcomes(self._desk.chained(context, requests.asked_of_stages(request, verb)))


def fault_of(error: Exception) -> CallFault:
    """The status that an exception ends a call with; what nobody expected is a bug."""
    match error:
        case WireError():
            return fault(StatusCode.INVALID_ARGUMENT, Reason.REASON_BAD_FIELD, str(error), error.field)
        case NotHere():
            return fault(StatusCode.UNIMPLEMENTED, Reason.REASON_NOT_HERE, str(error))
        case QueueFull():
            after_s = error.retry_after_s
            return fault(StatusCode.RESOURCE_EXHAUSTED, Reason.REASON_QUEUE_FULL, str(error), retry_after_s=after_s)
        case Stopping():
            return fault(StatusCode.UNAVAILABLE, Reason.REASON_NOT_SERVING, str(error))
        case StoreError():
            dependency = {"dependency": "objects"}
            return fault(StatusCode.UNAVAILABLE, Reason.REASON_DEPENDENCY_DOWN, str(error), metadata=dependency)
    return fault(StatusCode.INTERNAL, Reason.REASON_BUG, "stage server: a bug; its log has the rest")


@contextmanager
def _statuses(context: grpc.ServicerContext) -> Iterator[None]:
    """End the call with a status where the block raises."""
    try:
        yield
    except Abandoned as gone:
        context.abort(StatusCode.CANCELLED, str(gone))
    except (CallError, WireError, StoreError) as error:
        abort(context, fault_of(error))
    except Exception as error:
        log.exception("a call failed")
        abort(context, fault_of(error))


def _outcomes(chained: Sequence[Chained]) -> Iterator[item_pb2.Outcome]:
    return (wire.encode_fate(each.fate) for each in chained)


def _sound_tracks(chained: Sequence[Chained]) -> Iterator[chain_pb2.SoundTrack]:
    for position, each in enumerate(chained):
        if each.sound is not None:
            yield chain_pb2.SoundTrack(position=position, audio=wire.encode_tensor(each.sound))


def _segmented(cut: tuple[Segment | None, ...] | Rejected | Failed) -> decode_pb2.Segmented:
    match cut:
        case Rejected():
            return decode_pb2.Segmented(rejected=wire.encode_rejected(cut))
        case Failed():
            return decode_pb2.Segmented(failed=wire.encode_failed(cut))
    return decode_pb2.Segmented(segments=[wire.encode_segment(segment) for segment in cut if segment])


def _load(items: Sequence[object]) -> Load:
    return Load(len(items), sum(map(_size_bytes, items)))


def _size_bytes(item: object) -> int:
    """Bytes of memory that an item holds; pages of a mapped file are the kernel's to keep or not."""
    payload = item.payload if isinstance(item, Item) else item
    match payload:
        case Media():
            return 0 if isinstance(payload.content, mmap) else len(payload.content)
        case str():
            return len(payload)
        case np.ndarray():
            return payload.nbytes
        case Clip():
            return payload.frames.nbytes + (0 if payload.audio is None else payload.audio.nbytes)
        case Embedding():
            return payload.vector.nbytes
    return 0

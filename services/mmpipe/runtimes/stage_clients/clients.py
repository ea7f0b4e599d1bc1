"""The stages of a pipeline over gRPC, with the services of a modality in one place or one for each stage.

A batch goes out as protos and comes back as records; what an item's outcome is, the service said. ``PerModality`` sends
a batch once and gets vectors back; ``PerStage`` sends it from service to service. Both answer alike.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from mmpipe.adapters import wire
from mmpipe.adapters.channels import Credentials
from mmpipe.records import Embedding, Failed, Fate, Floats, Fusion, Item, Media, Modality, Rejected, Segment
from mmpipe.resilience.breaker import Breakers
from mmpipe.runtimes.parts import has_sound
from mmpipe.runtimes.stage_clients.dependency import Dependency
from mmpipe.runtimes.stage_clients.endpoints import FUSE, STAGES, Endpoints
from mmpipe.runtimes.stage_clients.errors import StageUnavailable
from mmpipe.spec import PipelineSpec
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

type Lane = Literal["ingest", "query"]
type Segments = tuple[Segment | None, ...]

_LANES = {"ingest": item_pb2.LANE_INGEST, "query": item_pb2.LANE_QUERY}
_PROTO_STAGES = dict(zip(STAGES, (chain_pb2.STAGE_DECODE, chain_pb2.STAGE_CLEAN, chain_pb2.STAGE_EMBED), strict=True))


@dataclass(frozen=True, slots=True)
class Asked:
    """How a batch is to be taken: who waits, and whether its gates may reject."""

    lane: Lane = "ingest"
    ignore_gates: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Chained:
    """One fate for each item, in order, and the sound of those films that have one, by their position."""

    fates: tuple[Fate, ...]
    sound_tracks: Mapping[int, Floats]


class Stages(Protocol):
    """The stages of a pipeline, wherever they run. All methods raise StageError where a call has no answer."""

    async def segments(self, modality: Modality, media: Media, asked: Asked) -> Segments | Fate:
        """The stretches that a long medium is decoded in, or why it is not."""
        ...

    async def chain(self, modality: Modality, items: Sequence[Item[Media]], asked: Asked, *, sound: bool) -> Chained:
        """Undecoded media through all stages of their modality; ``sound`` asks for the sound tracks of films."""
        ...

    async def finish(self, modality: Modality, items: Sequence[Item[Any]], asked: Asked) -> tuple[Fate, ...]:
        """Decoded payloads through the rest of the stages."""
        ...

    async def fuse(self, parts: Mapping[Modality, Sequence[Item[Embedding]]], asked: Asked) -> Fusion | Rejected | None:
        """The vectors of one sample as one."""
        ...


class StageClients:
    """The services of a pipeline by their endpoints. For one event loop; ``close`` when done."""

    def __init__(
        self,
        spec: PipelineSpec,
        endpoints: Endpoints,
        credentials: Credentials | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.breakers = Breakers(spec.reliability.breaker, clock)
        self._spec, self._endpoints, self._credentials = spec, endpoints, credentials
        self._per_stage = spec.topology == "PerStage"
        self._dependencies: dict[str, Dependency] = {}

    async def close(self) -> None:
        """End all connections."""
        await asyncio.gather(*(dependency.close() for dependency in self._dependencies.values()))

    async def segments(self, modality: Modality, media: Media, asked: Asked) -> Segments | Fate:
        """See :class:`Stages`."""
        request = decode_pb2.SegmentRequest(
            modality=wire.encode_modality(modality), media=[wire.encode_media(media)], lane=_LANES[asked.lane]
        )
        service = self._service(modality, "decode")
        answer = await service.call(lambda c: decode_pb2_grpc.DecodeServiceStub(c).Segment, request)
        (segmented,) = answer.segmented
        return _segments(segmented)

    async def chain(self, modality: Modality, items: Sequence[Item[Media]], asked: Asked, *, sound: bool) -> Chained:
        """See :class:`Stages`."""
        if self._per_stage:
            return await self._stage_by_stage(modality, items, asked, sound=sound)
        answer = await self._chain(modality, items, asked, STAGES, sound=sound)
        tracks = {track.position: wire.decode_tensor(track.audio, "soundTracks") for track in answer.sound_tracks}
        return Chained(_fates(answer.outcomes), tracks)

    async def finish(self, modality: Modality, items: Sequence[Item[Any]], asked: Asked) -> tuple[Fate, ...]:
        """See :class:`Stages`."""
        if self._per_stage:
            return await self._clean_and_embed(modality, items, asked)
        answer = await self._chain(modality, items, asked, STAGES[1:], sound=False)
        return _fates(answer.outcomes)

    async def fuse(self, parts: Mapping[Modality, Sequence[Item[Embedding]]], asked: Asked) -> Fusion | Rejected | None:
        """See :class:`Stages`."""
        modalities = [
            fuse_pb2.ModalityItems(modality=wire.encode_modality(modality), items=map(wire.encode_item, items))
            for modality, items in parts.items()
        ]
        request = fuse_pb2.FuseRequest(
            inputs=[fuse_pb2.FuseInput(modalities=modalities)],
            lane=_LANES[asked.lane],
            ignore_gates=asked.ignore_gates,
        )
        service = self._dependency(FUSE)
        answer = await service.call(lambda c: fuse_pb2_grpc.FuseServiceStub(c).Fuse, request)
        (outcome,) = answer.outcomes
        fused = wire.decode_fusion(outcome, "outcomes[0]")
        if isinstance(fused, Failed):
            raise StageUnavailable(FUSE, fused.reason, reached=True)
        return fused

    async def _chain(
        self, modality: Modality, items: Sequence[Item[Any]], asked: Asked, stages: Sequence[str], *, sound: bool
    ) -> chain_pb2.ChainResponse:
        request = chain_pb2.ChainRequest(
            modality=wire.encode_modality(modality),
            items=map(wire.encode_item, items),
            stages=[_PROTO_STAGES[stage] for stage in stages],
            lane=_LANES[asked.lane],
            sound_tracks=sound,
            ignore_gates=asked.ignore_gates,
        )
        service = self._dependency(modality)
        return await service.call(lambda c: chain_pb2_grpc.ChainServiceStub(c).Chain, request)

    async def _stage_by_stage(
        self, modality: Modality, items: Sequence[Item[Media]], asked: Asked, *, sound: bool
    ) -> Chained:
        request = decode_pb2.DecodeRequest(
            modality=wire.encode_modality(modality), items=map(wire.encode_item, items), lane=_LANES[asked.lane]
        )
        service = self._dependency(f"{modality}.decode")
        answer = await service.call(lambda c: decode_pb2_grpc.DecodeServiceStub(c).Decode, request)
        decoded = _fates(answer.outcomes)
        tracks = {
            at: fate.payload.audio
            for at, fate in enumerate(decoded)
            if sound and isinstance(fate, Item) and has_sound(fate.payload)
        }
        return Chained(await self._rest(modality, decoded, asked), tracks)

    async def _rest(self, modality: Modality, decoded: Sequence[Fate], asked: Asked) -> tuple[Fate, ...]:
        alive = [fate for fate in decoded if isinstance(fate, Item)]
        ends = iter(await self._clean_and_embed(modality, alive, asked))
        return tuple(next(ends) if isinstance(fate, Item) else fate for fate in decoded)

    async def _clean_and_embed(self, modality: Modality, items: Sequence[Item[Any]], asked: Asked) -> tuple[Fate, ...]:
        cleaned = await self._clean(modality, items, asked)
        alive = [fate for fate in cleaned if isinstance(fate, Item)]
        ends = iter(await self._embed(modality, alive, asked))
        return tuple(next(ends) if isinstance(fate, Item) else fate for fate in cleaned)

    async def _clean(self, modality: Modality, items: Sequence[Item[Any]], asked: Asked) -> tuple[Fate, ...]:
        if not items:
            return ()
        request = clean_pb2.CleanRequest(
            modality=wire.encode_modality(modality),
            items=map(wire.encode_item, items),
            lane=_LANES[asked.lane],
            ignore_gates=asked.ignore_gates,
        )
        service = self._dependency(f"{modality}.clean")
        answer = await service.call(lambda c: clean_pb2_grpc.CleanServiceStub(c).Clean, request)
        return _fates(answer.outcomes)

    async def _embed(self, modality: Modality, items: Sequence[Item[Any]], asked: Asked) -> tuple[Fate, ...]:
        if not items:
            return ()
        request = embed_pb2.EmbedRequest(
            modality=wire.encode_modality(modality), items=map(wire.encode_item, items), lane=_LANES[asked.lane]
        )
        service = self._dependency(f"{modality}.embed")
        answer = await service.call(lambda c: embed_pb2_grpc.EmbedServiceStub(c).Embed, request)
        return _fates(answer.outcomes)

    def _service(self, modality: Modality, stage: str) -> Dependency:
        return self._dependency(f"{modality}.{stage}" if self._per_stage else modality)

    def _dependency(self, name: str) -> Dependency:
        if name not in self._dependencies:
            address, options = self._endpoints.of(name), self._spec.reliability
            self._dependencies[name] = Dependency(name, address, options, self.breakers.of(name), self._credentials)
        return self._dependencies[name]


def _fates(outcomes: Sequence[item_pb2.Outcome]) -> tuple[Fate, ...]:
    return tuple(wire.decode_fate(outcome, f"outcomes[{at}]") for at, outcome in enumerate(outcomes))


def _segments(segmented: decode_pb2.Segmented) -> Segments | Fate:
    if segmented.HasField("rejected"):
        return wire.decode_fate(item_pb2.Outcome(rejected=segmented.rejected), "segmented.rejected")
    if segmented.HasField("failed"):
        return wire.decode_fate(item_pb2.Outcome(failed=segmented.failed), "segmented.failed")
    return tuple(wire.decode_segment(segment, "segments") for segment in segmented.segments) or (None,)

"""What a call asks for, checked: pure, from a request to records. Raises WireError with the field that is wrong.

Whether this process has what is asked for is not its business (``work.Workshop``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmpipe.adapters import wire
from mmpipe.adapters.wire import WireError, within
from mmpipe.records import Clip, Embedding, Item, Media, Modality
from mmpipe.runtimes.chain import VERBS
from mmpipe.runtimes.stage_server.work import Parts
from mmpipe.v1 import chain_pb2, clean_pb2, decode_pb2, embed_pb2, fuse_pb2, item_pb2

MAX_ITEMS = 1024
"""Most items of one call."""

type StageRequest = decode_pb2.DecodeRequest | clean_pb2.CleanRequest | embed_pb2.EmbedRequest | chain_pb2.ChainRequest

_VERBS: dict[int, str] = dict(
    zip((chain_pb2.STAGE_DECODE, chain_pb2.STAGE_CLEAN, chain_pb2.STAGE_EMBED), VERBS, strict=True)
)


@dataclass(frozen=True, slots=True)
class Asked:
    """Items of one modality, and through which stages they are to go. ``query``: a person waits."""

    modality: Modality
    verbs: tuple[str, ...]
    items: Sequence[Item[Any]]
    query: bool
    ignore_gates: bool = False
    sound_tracks: bool = False


def asked_of_stages(request: StageRequest, *verbs: str) -> Asked:
    """What a call of Decode, Clean, Embed or Chain asks for."""
    modality = wire.decode_modality(request.modality, "modality")
    return Asked(
        modality=modality,
        verbs=verbs,
        items=_items(request.items, modality, decoded=verbs[0] != VERBS[0]),
        query=is_query(request.lane),
        ignore_gates=getattr(request, "ignore_gates", False),
        sound_tracks=getattr(request, "sound_tracks", False),
    )


def verbs_of(stages: Sequence[int]) -> tuple[str, ...]:
    """The stages of a Chain call: in order and without a gap, all three where none is named."""
    verbs = tuple(_verb(stage, f"stages[{at}]") for at, stage in enumerate(stages)) or VERBS
    first = VERBS.index(verbs[0])
    if verbs != VERBS[first : first + len(verbs)]:
        found, expected = ", ".join(verbs), f"some of {', '.join(VERBS)}, in order and without a gap"
        raise WireError("stages", found, expected, "name the first to the last")
    return verbs


def media_to_segment(request: decode_pb2.SegmentRequest) -> tuple[Modality, list[Media]]:
    """Whole media: a segment of their own is left out."""
    modality = wire.decode_modality(request.modality, "modality")
    _check_count(len(request.media), "media")
    media = [wire.decode_media(each, f"media[{at}]") for at, each in enumerate(request.media)]
    return modality, [Media(each.content, each.format, None, each.reference) for each in media]


def samples_to_fuse(request: fuse_pb2.FuseRequest) -> list[Parts]:
    """The vectors of each sample by modality; a modality without any is left out."""
    _check_count(len(request.inputs), "inputs")
    return [_sample(each, f"inputs[{at}]") for at, each in enumerate(request.inputs)]


def is_query(lane: int) -> bool:
    """Whether a person waits."""
    if lane not in item_pb2.Lane.values():
        raise WireError("lane", str(lane), "LANE_INGEST or LANE_QUERY", "name one, or leave it out")
    return lane == item_pb2.LANE_QUERY


def _verb(stage: int, field: str) -> str:
    verb = _VERBS.get(stage)
    if verb is None:
        raise WireError(field, str(stage), "STAGE_DECODE to STAGE_EMBED", "name the stage")
    return verb


def _items(messages: Sequence[item_pb2.Item], modality: Modality, *, decoded: bool) -> list[Item[Any]]:
    _check_count(len(messages), "items")
    items = [wire.decode_item(message, f"items[{at}]") for at, message in enumerate(messages)]
    for at, item in enumerate(items):
        _check_payload(item.payload, modality if decoded else None, f"items[{at}]")
    return items


def _check_count(count: int, field: str) -> None:
    if not 1 <= count <= MAX_ITEMS:
        raise WireError(field, str(count), f"1 to {MAX_ITEMS}", "send fewer in each call, and none of nothing")


def _check_payload(payload: object, modality: Modality | None, field: str) -> None:
    """Media where nothing is decoded yet, else what the modality's decode stage answers."""
    expected, fits = ("media", _is_media) if modality is None else _PAYLOADS[modality]
    if not fits(payload):
        raise WireError(field, _described(payload), expected, "send what the stage before answered")


def _is_media(payload: object) -> bool:
    return isinstance(payload, Media)


def _is_array(kind: type[np.generic], axes: int) -> Callable[[object], bool]:
    return lambda payload: isinstance(payload, np.ndarray) and payload.dtype == kind and payload.ndim == axes


_PAYLOADS: dict[Modality, tuple[str, Callable[[object], bool]]] = {
    Modality.TEXT: ("a text", lambda payload: isinstance(payload, str)),
    Modality.IMAGE: ("a uint8 tensor [height, width, 3]", _is_array(np.uint8, 3)),
    Modality.AUDIO: ("a float32 tensor [samples]", _is_array(np.float32, 1)),
    Modality.VIDEO: ("a clip", lambda payload: isinstance(payload, Clip)),
    Modality.DEPTH: ("a float32 tensor [height, width]", _is_array(np.float32, 2)),
}


def _described(payload: object) -> str:
    if isinstance(payload, np.ndarray):
        return f"a {payload.dtype} tensor {list(payload.shape)}"
    return "a text" if isinstance(payload, str) else f"{type(payload).__name__.lower()}"


def _sample(message: fuse_pb2.FuseInput, field: str) -> Parts:
    parts: dict[Modality, list[Item[Embedding]]] = {}
    for at, group in enumerate(message.modalities):
        path = f"{within(field, 'modalities')}[{at}]"
        modality = wire.decode_modality(group.modality, within(path, "modality"))
        if modality in parts:
            raise WireError(within(path, "modality"), f"{modality} twice", "each modality once", "merge the two")
        items = [_embedded(item, f"{within(path, 'items')}[{number}]") for number, item in enumerate(group.items)]
        parts.update({modality: items} if items else {})
    _check_one_space(parts, field)
    return parts


def _check_one_space(parts: Parts, field: str) -> None:
    """Vectors of different models have nothing to do with each other, as while a new model is rolled out."""
    embeddings = [item.payload for items in parts.values() for item in items]
    spaces = sorted({f"{each.model} [{len(each.vector)}]" for each in embeddings})
    if len(spaces) > 1:
        raise WireError(field, " and ".join(spaces), "vectors of one model", "embed all parts of the sample anew")


def _embedded(message: item_pb2.Item, field: str) -> Item[Embedding]:
    item = wire.decode_item(message, field)
    if not isinstance(item.payload, Embedding):
        raise WireError(field, _described(item.payload), "an embedding", "send what embed answered")
    return item

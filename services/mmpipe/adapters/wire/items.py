"""Items, and what becomes of them: the next payload, a verdict, or a fault."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mmpipe.adapters.wire.errors import WireError, checked_share, checked_text, within
from mmpipe.adapters.wire.facts import decode_facts, encode_facts
from mmpipe.adapters.wire.media import decode_media, encode_media
from mmpipe.adapters.wire.tensors import (
    Array,
    decode_clip,
    decode_embedding,
    decode_tensor,
    encode_clip,
    encode_embedding,
    encode_tensor,
    finite,
    is_pixels,
)
from mmpipe.records import Clip, Embedding, Failed, Fate, Item, Media, Rejected
from mmpipe.v1 import item_pb2, media_pb2

_PIXELS_AXES, _SOUND_AXES, _DEPTH_AXES = 3, 1, 2


def encode_item(item: Item[Any]) -> item_pb2.Item:
    """An item at any point of its way. Raises TypeError for a payload that no stage has."""
    message = item_pb2.Item(id=item.id, quality=item.quality, facts=encode_facts(item.facts))
    match item.payload:
        case str():
            message.text = item.payload
        case np.ndarray():
            message.tensor.MergeFrom(encode_tensor(item.payload))
        case Media():
            message.media.MergeFrom(encode_media(item.payload))
        case Clip():
            message.clip.MergeFrom(encode_clip(item.payload))
        case Embedding():
            message.embedding.MergeFrom(encode_embedding(item.payload))
        case stranger:
            raise TypeError(f"{item.id}: found a payload of {type(stranger).__name__}, expected one of records")
    return message


def decode_item(message: item_pb2.Item, field: str) -> Item[Any]:
    """An item with whichever payload it has; without a ``quality`` nothing speaks against it."""
    return Item(
        checked_text(message.id, within(field, "id")),
        _payload(message, field),
        checked_share(message.quality, within(field, "quality")) if message.HasField("quality") else 1.0,
        decode_facts(message.facts, within(field, "facts")),
    )


def encode_fate(fate: Fate) -> item_pb2.Outcome:
    """What became of an item."""
    match fate:
        case Item():
            return item_pb2.Outcome(item=encode_item(fate))
        case Rejected():
            return item_pb2.Outcome(rejected=encode_rejected(fate))
        case Failed():
            return item_pb2.Outcome(failed=encode_failed(fate))


def decode_fate(message: item_pb2.Outcome, field: str = "outcome") -> Fate:
    """What became of an item; exactly one of the three."""
    match message.WhichOneof("kind"):
        case "item":
            return decode_item(message.item, within(field, "item"))
        case "rejected":
            return decode_rejected(message.rejected, within(field, "rejected"))
        case "failed":
            return decode_failed(message.failed, within(field, "failed"))
    raise WireError(field, "no outcome", "item, rejected or failed", "the two sides are of different releases")


def encode_rejected(rejected: Rejected) -> item_pb2.Rejected:
    """A verdict."""
    return item_pb2.Rejected(
        gate=rejected.gate, reason=rejected.reason, score=rejected.score, threshold=rejected.threshold
    )


def decode_rejected(message: item_pb2.Rejected, field: str) -> Rejected:
    """A verdict that names its gate."""
    gate = checked_text(message.gate, within(field, "gate"))
    score = _measured(message.score, within(field, "score")) if message.HasField("score") else None
    threshold = _measured(message.threshold, within(field, "threshold")) if message.HasField("threshold") else None
    return Rejected(gate, message.reason, score, threshold)


def encode_failed(failed: Failed) -> item_pb2.Failed:
    """A fault."""
    return item_pb2.Failed(stage=failed.stage, reason=failed.reason)


def decode_failed(message: item_pb2.Failed, field: str) -> Failed:
    """A fault that names its place."""
    return Failed(checked_text(message.stage, within(field, "stage")), message.reason)


def _payload(message: item_pb2.Item, field: str) -> Media | str | Array | Clip | Embedding:
    match message.WhichOneof("payload"):
        case "media":
            return decode_media(message.media, within(field, "media"))
        case "text":
            return message.text
        case "tensor":
            return _decoded(message.tensor, within(field, "tensor"))
        case "clip":
            return decode_clip(message.clip, within(field, "clip"))
        case "embedding":
            return decode_embedding(message.embedding, within(field, "embedding"))
    raise WireError(field, "no payload", "media, text, tensor, clip or embedding", "fill in what the stage takes")


def _decoded(message: media_pb2.Tensor, field: str) -> Array:
    """A picture, a recording or a depth map: told by their axes, and only the last may hold NaN."""
    array = decode_tensor(message, field)
    if array.dtype == np.float32 and array.ndim == _SOUND_AXES:
        return finite(array, field)
    if is_pixels(array, _PIXELS_AXES) or (array.dtype == np.float32 and array.ndim == _DEPTH_AXES and array.size):
        return array
    expected = "uint8 [height, width, 3], float32 [samples] or float32 [height, width]"
    found = f"{array.dtype} {list(array.shape)}"
    raise WireError(field, found, expected, "send what decode answered")


def _measured(value: float, field: str) -> float:
    if math.isnan(value):
        raise WireError(field, "NaN", "a number", "leave it out where nothing was measured")
    return value

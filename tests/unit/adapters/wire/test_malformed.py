"""What cannot be meant is a WireError that names the field, never an exception of numpy or a spoilt batch."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest
from google.protobuf.struct_pb2 import ListValue, Struct, Value

from mmpipe.adapters import wire
from mmpipe.adapters.wire import WireError
from mmpipe.adapters.wire.facts import decode_attributes
from mmpipe.records import Clip, Embedding, Fusion, Item, Modality
from mmpipe.v1 import fuse_pb2, item_pb2, media_pb2, sample_pb2

NAN = float("nan")
DIGEST = "ab" * 32
UINT8, FLOAT32 = media_pb2.Tensor.TYPE_UINT8, media_pb2.Tensor.TYPE_FLOAT32


def floats(*values: float) -> media_pb2.Tensor:
    return media_pb2.Tensor(type=FLOAT32, shape=[len(values)], data=struct.pack(f"<{len(values)}f", *values))


def pixels(*shape: int) -> media_pb2.Tensor:
    return media_pb2.Tensor(type=UINT8, shape=shape, data=bytes(int(np.prod(shape))))


def an_item(**fields: object) -> item_pb2.Item:
    return item_pb2.Item(**{"id": "a", "text": "x", **fields})  # type: ignore[arg-type]


def with_media(**fields: object) -> item_pb2.Item:
    return item_pb2.Item(id="a", media=media_pb2.Media(**fields))  # type: ignore[arg-type]


def with_reference(**fields: object) -> item_pb2.Item:
    return with_media(reference=media_pb2.Reference(**fields))  # type: ignore[arg-type]


def with_tensor(**fields: object) -> item_pb2.Item:
    return item_pb2.Item(id="a", tensor=media_pb2.Tensor(**fields))  # type: ignore[arg-type]


def with_clip(**fields: media_pb2.Tensor) -> item_pb2.Item:
    whole = {"frames": pixels(2, 4, 4, 3), "timestamps_s": floats(0, 1), **fields}
    return item_pb2.Item(id="a", clip=media_pb2.Clip(**whole))


ITEMS: dict[str, tuple[item_pb2.Item, str]] = {
    "no id": (item_pb2.Item(text="x"), "id"),
    "no payload": (item_pb2.Item(id="a"), ""),
    "a quality that is no number": (an_item(quality=NAN), "quality"),
    "a quality above 1": (an_item(quality=1.1), "quality"),
    "a fact that is a list": (an_item(facts={"a": Value(list_value=ListValue())}), "facts['a']"),
    "a fact without a value": (an_item(facts={"a": Value()}), "facts['a']"),
    "a fact that is no number": (an_item(facts={"a": Value(number_value=NAN)}), "facts['a']"),
    "media without a source": (with_media(format="jpeg"), "media"),
    "a segment that ends before it begins": (
        with_media(content=b"x", segment=media_pb2.Segment(start_s=2, end_s=1)),
        "media.segment",
    ),
    "a segment before the beginning": (
        with_media(content=b"x", segment=media_pb2.Segment(start_s=-1, end_s=1)),
        "media.segment",
    ),
    "a segment that is no number": (
        with_media(content=b"x", segment=media_pb2.Segment(start_s=0, end_s=NAN)),
        "media.segment",
    ),
    "a segment without an end": (
        with_media(content=b"x", segment=media_pb2.Segment(start_s=0, end_s=float("inf"))),
        "media.segment",
    ),
    "text that is a picture": (with_media(text="x", format="jpeg"), "media.format"),
    "a reference to nowhere": (with_reference(sha256=DIGEST), "media.reference.uri"),
    "a digest that is none": (with_reference(uri="https://a/b", sha256="AB"), "media.reference.sha256"),
    "an object without a digest": (with_reference(uri="object:"), "media.reference.sha256"),
    "an object of two digests": (
        with_reference(uri=f"object:{DIGEST}", sha256="cd" * 32),
        "media.reference.sha256",
    ),
    "an unknown element type": (with_tensor(shape=[1], data=b"x"), "tensor.type"),
    "an element type of the future": (with_tensor(type=9, shape=[1], data=b"x"), "tensor.type"),
    "no shape": (with_tensor(type=FLOAT32, data=b"0000"), "tensor.data"),
    "too few bytes": (with_tensor(type=FLOAT32, shape=[2], data=b"0000"), "tensor.data"),
    "too many bytes": (with_tensor(type=UINT8, shape=[1, 1, 3], data=b"0000"), "tensor.data"),
    "a shape beyond all memory": (with_tensor(type=UINT8, shape=[2**32 - 1] * 9, data=b"0"), "tensor.data"),
    "pixels of four colours": (item_pb2.Item(id="a", tensor=pixels(2, 2, 4)), "tensor"),
    "pixels without any": (item_pb2.Item(id="a", tensor=pixels(0, 2, 3)), "tensor"),
    "uint8 without an axis of colours": (item_pb2.Item(id="a", tensor=pixels(2, 2)), "tensor"),
    "sound that is no number": (item_pb2.Item(id="a", tensor=floats(0.5, NAN)), "tensor"),
    "more times than frames": (with_clip(timestamps_s=floats(0, 1, 2)), "clip.timestamps_s"),
    "times that are no numbers": (with_clip(timestamps_s=floats(0, NAN)), "clip.timestamps_s"),
    "frames that are one picture": (with_clip(frames=pixels(2, 2, 3)), "clip.frames"),
    "frames that are missing": (item_pb2.Item(id="a", clip=media_pb2.Clip()), "clip.frames.type"),
    "a sound track of pixels": (with_clip(audio=pixels(2, 2, 3)), "clip.audio"),
    "a vector without components": (
        item_pb2.Item(id="a", embedding=media_pb2.Embedding(vector=floats(), model="m")),
        "embedding.vector",
    ),
    "a vector that is no number": (
        item_pb2.Item(id="a", embedding=media_pb2.Embedding(vector=floats(NAN), model="m")),
        "embedding.vector",
    ),
    "a vector of no model": (
        item_pb2.Item(id="a", embedding=media_pb2.Embedding(vector=floats(1))),
        "embedding.model",
    ),
}


@pytest.mark.parametrize(("message", "field"), ITEMS.values(), ids=ITEMS.keys())
def test_a_malformed_item_names_its_field(message: item_pb2.Item, field: str) -> None:
    with pytest.raises(WireError) as raised:
        wire.decode_item(message, "items[3]")
    assert raised.value.field == (f"items[3].{field}" if field else "items[3]")
    assert str(raised.value).startswith(f"{raised.value.field}: found ")


def a_fusion(**fields: object) -> Callable[[], object]:
    embedding = Embedding(np.ones(1, np.float32), "m")
    whole = wire.encode_fusion(Fusion(embedding, {Modality.TEXT: 1.0}, (), 1.0, 1.0))
    whole.fusion.ClearField("weights") if "weights" in fields else None
    whole.fusion.MergeFrom(fuse_pb2.Fusion(**fields))  # type: ignore[arg-type]
    return lambda: wire.decode_fusion(whole)


OTHERS: dict[str, tuple[Callable[[], object], str]] = {
    "an unspecified modality": (lambda: wire.decode_modality(0, "modality"), "modality"),
    "a modality of the future": (lambda: wire.decode_modality(9, "modality"), "modality"),
    "an outcome that is none": (lambda: wire.decode_fate(item_pb2.Outcome(), "outcomes[0]"), "outcomes[0]"),
    "a verdict without a gate": (
        lambda: wire.decode_fate(item_pb2.Outcome(rejected=item_pb2.Rejected(reason="r"))),
        "outcome.rejected.gate",
    ),
    "a score that is no number": (
        lambda: wire.decode_fate(item_pb2.Outcome(rejected=item_pb2.Rejected(gate="g", score=NAN))),
        "outcome.rejected.score",
    ),
    "a fault without a place": (
        lambda: wire.decode_fate(item_pb2.Outcome(failed=item_pb2.Failed(reason="r"))),
        "outcome.failed.stage",
    ),
    "weights that sum to less": (
        a_fusion(weights=[fuse_pb2.Weight(modality=media_pb2.MODALITY_TEXT, weight=0.5)]),
        "outcome.fusion.weights",
    ),
    "one modality weighed twice": (
        a_fusion(weights=[fuse_pb2.Weight(modality=media_pb2.MODALITY_TEXT, weight=0.5)] * 2),
        "outcome.fusion.weights",
    ),
    "a confidence above 1": (a_fusion(alignment_confidence=1.5), "outcome.fusion.alignment_confidence"),
    "missing modalities of no name": (
        a_fusion(missing=[media_pb2.MODALITY_UNSPECIFIED]),
        "outcome.fusion.missing[0]",
    ),
    "an attribute deep down that is no number": (
        lambda: decode_attributes(Struct(fields={"a": _nested(Value(number_value=NAN))}), "attributes"),
        "attributes.a.b[0]",
    ),
    "a sample without parts": (lambda: wire.decode_sample(sample_pb2.Sample(id="s")), "parts"),
}


def _nested(value: Value) -> Value:
    return Value(struct_value=Struct(fields={"b": Value(list_value=ListValue(values=[value]))}))


@pytest.mark.parametrize(("decode", "field"), OTHERS.values(), ids=OTHERS.keys())
def test_any_other_malformed_message_names_its_field(decode: Callable[[], object], field: str) -> None:
    with pytest.raises(WireError) as raised:
        decode()
    assert raised.value.field == field


def test_depth_may_be_unknown() -> None:
    depth = np.array([[1, np.nan]], np.float32)
    item = wire.decode_item(wire.encode_item(Item("a", depth)), "items[0]")
    np.testing.assert_array_equal(item.payload, depth)


def test_decoded_arrays_cannot_be_written_to() -> None:
    clip = Clip(np.zeros((1, 2, 2, 3), np.uint8), np.zeros(1, np.float32))
    item = wire.decode_item(wire.encode_item(Item("a", clip)), "items[0]")
    assert not item.payload.frames.flags.writeable


@pytest.mark.parametrize("payload", [np.zeros(3), object()], ids=["float64", "a stranger"])
def test_a_payload_that_no_stage_has_is_a_bug(payload: object) -> None:
    with pytest.raises(TypeError, match="expected"):
        wire.encode_item(Item("a", payload))

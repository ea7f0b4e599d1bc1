"""Every record that travels comes back as it was, whatever it holds: the contract of ``mmpipe.adapters.wire``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mmpipe.adapters import wire
from mmpipe.records import (
    Clip,
    Embedding,
    Failed,
    Fusion,
    Item,
    Media,
    Modality,
    Part,
    Reference,
    Rejected,
    Sample,
    Segment,
)

SHARES = st.floats(0, 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | TEXTS | st.integers(-(2**53), 2**53) | FINITE
FACTS = st.dictionaries(NAMES, SCALARS, max_size=4)
ATTRIBUTES = st.dictionaries(
    NAMES, st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3))
)
SHA256 = st.text("0123456789abcdef", min_size=64, max_size=64)


def floats(*axes: int, nan: bool = False) -> st.SearchStrategy[np.ndarray[Any, Any]]:
    elements = st.floats(width=32, allow_nan=nan, allow_infinity=False)
    return arrays.arrays(np.float32, axes, elements=elements)


PIXELS = st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(lambda size: arrays.arrays(np.uint8, (*size, 3)))
SOUND = st.integers(0, 9).flatmap(floats)
DEPTH = st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(lambda size: floats(*size, nan=True))
EMBEDDINGS = st.builds(Embedding, st.integers(1, 9).flatmap(floats), NAMES)
CLIPS = st.integers(1, 3).flatmap(
    lambda count: st.builds(
        Clip, arrays.arrays(np.uint8, (count, 2, 3, 3)), floats(count), st.none() | st.integers(0, 5).flatmap(floats)
    )
)
SEGMENTS = st.tuples(st.floats(0, 1e6), st.floats(1e-3, 1e6)).map(lambda pair: Segment(pair[0], sum(pair)))
REFERENCES = st.builds(Reference, NAMES.map("https://host/".__add__), st.just("") | SHA256, st.integers(0, 2**40)) | (
    SHA256.map(lambda digest: Reference(f"object:{digest}", digest, 7))
)
INLINE = st.builds(Media, st.binary(max_size=20), st.sampled_from(["jpeg", "wav", "txt", ""]), st.none() | SEGMENTS)
ELSEWHERE = st.builds(Media, st.just(b""), st.sampled_from(["jpeg", ""]), st.none() | SEGMENTS, REFERENCES)
PAYLOADS = st.one_of(TEXTS, PIXELS, SOUND, DEPTH, EMBEDDINGS, CLIPS, INLINE, ELSEWHERE)
ITEMS: st.SearchStrategy[Item[Any]] = st.builds(Item, NAMES, PAYLOADS, SHARES, FACTS)
MEASURED = st.none() | st.floats(allow_nan=False)
REJECTED = st.builds(Rejected, NAMES, TEXTS, MEASURED, MEASURED)
FAILED = st.builds(Failed, NAMES, TEXTS)
WEIGHTS = st.dictionaries(st.sampled_from(Modality), st.integers(1, 9), min_size=1).map(
    lambda raw: {modality: weight / sum(raw.values()) for modality, weight in raw.items()}
)
MISSING = st.lists(st.sampled_from(Modality), unique=True).map(tuple)
FUSIONS = st.builds(Fusion, EMBEDDINGS, WEIGHTS, MISSING, SHARES, SHARES)


def travelled[M: Message](message: M) -> M:
    """As the other side reads it."""
    return type(message).FromString(message.SerializeToString())


def comparable(value: object) -> object:
    """A record as something that ``==`` compares: arrays by type, shape and bytes, so that NaN equals NaN."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if hasattr(value, "__dataclass_fields__"):
        return type(value), [comparable(getattr(value, name)) for name in value.__dataclass_fields__]
    return value


@given(ITEMS | REJECTED | FAILED)
def test_what_became_of_an_item_comes_back(fate: Item[Any] | Rejected | Failed) -> None:
    assert comparable(wire.decode_fate(travelled(wire.encode_fate(fate)))) == comparable(fate)


@given(st.none() | FUSIONS | REJECTED | FAILED)
def test_what_became_of_a_sample_comes_back(fusion: Fusion | Rejected | Failed | None) -> None:
    assert comparable(wire.decode_fusion(travelled(wire.encode_fusion(fusion)))) == comparable(fusion)


@given(SEGMENTS)
def test_a_segment_comes_back(segment: Segment) -> None:
    assert wire.decode_segment(travelled(wire.encode_segment(segment)), "segment") == segment


@pytest.mark.parametrize("modality", Modality)
def test_a_modality_comes_back(modality: Modality) -> None:
    assert wire.decode_modality(wire.encode_modality(modality), "modality") is modality


PARTS = st.one_of(
    st.builds(Part, st.just(Modality.IMAGE), ELSEWHERE, NAMES, FACTS),
    st.builds(Part, st.just(Modality.TEXT), TEXTS.map(lambda text: Media(text.encode(), "txt")), NAMES, FACTS),
    st.builds(Part, st.just(Modality.IMAGE), st.just(Media(b"\xff\xd8\xff\xe0JFIF", "jpeg")), st.just("u"), FACTS),
)


@given(st.builds(Sample, TEXTS, st.lists(PARTS, min_size=1, max_size=3).map(tuple), ATTRIBUTES))
def test_a_sample_comes_back(sample: Sample) -> None:
    returned = wire.decode_sample(travelled(wire.encode_sample(sample)))
    assert comparable(returned) == comparable(sample)


@pytest.mark.parametrize(
    "make", [np.asfortranarray, lambda array: array[::-1], lambda array: array.astype(">f4")], ids=["F", "view", ">f4"]
)
def test_an_array_travels_by_value_whatever_its_layout(make: Callable[..., Any]) -> None:
    array = make(np.arange(6, dtype=np.float32).reshape(2, 3))
    returned = wire.decode_tensor(travelled(wire.encode_tensor(array)), "tensor")
    assert returned.dtype == np.float32
    np.testing.assert_array_equal(returned, array)

"""What a request must be: each fault names its field."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from mmpipe.adapters import wire
from mmpipe.adapters.wire import WireError
from mmpipe.records import Embedding, Item, Media, Modality, Segment
from mmpipe.runtimes.stage_server import requests
from mmpipe.v1 import chain_pb2, clean_pb2, decode_pb2, embed_pb2, fuse_pb2, item_pb2, media_pb2

DECODE, CLEAN, EMBED = chain_pb2.STAGE_DECODE, chain_pb2.STAGE_CLEAN, chain_pb2.STAGE_EMBED
IMAGE, TEXT = media_pb2.MODALITY_IMAGE, media_pb2.MODALITY_TEXT
JPEG = wire.encode_item(Item("a", Media(b"x", "jpeg")))
PIXELS = wire.encode_item(Item("a", np.zeros((2, 2, 3), np.uint8)))
PROSE = wire.encode_item(Item("a", "x"))


def embedded(*vector: float, model: str = "m@1") -> item_pb2.Item:
    return wire.encode_item(Item("a", Embedding(np.array(vector, np.float32), model)))


def fuse_request(*modalities: fuse_pb2.ModalityItems) -> fuse_pb2.FuseRequest:
    return fuse_pb2.FuseRequest(inputs=[fuse_pb2.FuseInput(modalities=modalities)])


@pytest.mark.parametrize(
    ("stages", "verbs"),
    [
        ([], ("decode", "clean", "embed")),
        ([DECODE], ("decode",)),
        ([CLEAN, EMBED], ("clean", "embed")),
        ([DECODE, CLEAN, EMBED], ("decode", "clean", "embed")),
    ],
)
def test_stages_are_read_in_their_order(stages: Sequence[int], verbs: tuple[str, ...]) -> None:
    assert requests.verbs_of(stages) == verbs


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "a gap": (lambda: requests.verbs_of([DECODE, EMBED]), "stages"),
    "the wrong order": (lambda: requests.verbs_of([CLEAN, DECODE]), "stages"),
    "a stage twice": (lambda: requests.verbs_of([CLEAN, CLEAN]), "stages"),
    "no stage": (lambda: requests.verbs_of([DECODE, 0]), "stages[1]"),
    "no modality": (lambda: requests.asked_of_stages(decode_pb2.DecodeRequest(items=[JPEG]), "decode"), "modality"),
    "no items": (lambda: requests.asked_of_stages(decode_pb2.DecodeRequest(modality=IMAGE), "decode"), "items"),
    "too many items": (
        lambda: requests.asked_of_stages(decode_pb2.DecodeRequest(modality=IMAGE, items=[JPEG] * 1025), "decode"),
        "items",
    ),
    "a lane of the future": (
        lambda: requests.asked_of_stages(
            decode_pb2.DecodeRequest(modality=IMAGE, items=[JPEG], lane=9),  # type: ignore[arg-type]
            "decode",
        ),
        "lane",
    ),
    "pixels to decode": (
        lambda: requests.asked_of_stages(decode_pb2.DecodeRequest(modality=IMAGE, items=[JPEG, PIXELS]), "decode"),
        "items[1]",
    ),
    "media to clean": (
        lambda: requests.asked_of_stages(clean_pb2.CleanRequest(modality=IMAGE, items=[JPEG]), "clean"),
        "items[0]",
    ),
    "text to embed as a picture": (
        lambda: requests.asked_of_stages(embed_pb2.EmbedRequest(modality=IMAGE, items=[PROSE]), "embed"),
        "items[0]",
    ),
    "pixels to embed as text": (
        lambda: requests.asked_of_stages(embed_pb2.EmbedRequest(modality=TEXT, items=[PIXELS]), "embed"),
        "items[0]",
    ),
    "nothing to segment": (
        lambda: requests.media_to_segment(decode_pb2.SegmentRequest(modality=IMAGE)),
        "media",
    ),
    "nothing to fuse": (lambda: requests.samples_to_fuse(fuse_pb2.FuseRequest()), "inputs"),
    "pixels to fuse": (
        lambda: requests.samples_to_fuse(fuse_request(fuse_pb2.ModalityItems(modality=IMAGE, items=[PIXELS]))),
        "inputs[0].modalities[0].items[0]",
    ),
    "a modality twice": (
        lambda: requests.samples_to_fuse(
            fuse_request(*[fuse_pb2.ModalityItems(modality=IMAGE, items=[embedded(1)])] * 2)
        ),
        "inputs[0].modalities[1].modality",
    ),
    "vectors of two lengths": (
        lambda: requests.samples_to_fuse(
            fuse_request(fuse_pb2.ModalityItems(modality=IMAGE, items=[embedded(1), embedded(0, 1)]))
        ),
        "inputs[0]",
    ),
    "vectors of two models": (
        lambda: requests.samples_to_fuse(
            fuse_request(
                fuse_pb2.ModalityItems(modality=IMAGE, items=[embedded(1)]),
                fuse_pb2.ModalityItems(modality=TEXT, items=[embedded(1, model="m@2")]),
            )
        ),
        "inputs[0]",
    ),
}


@pytest.mark.parametrize(("read", "field"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_meant_names_its_field(read: Callable[[], object], field: str) -> None:
    with pytest.raises(WireError) as raised:
        read()
    assert raised.value.field == field


def test_a_chain_request_is_read_whole() -> None:
    request = chain_pb2.ChainRequest(
        modality=IMAGE, items=[JPEG], lane=item_pb2.LANE_QUERY, sound_tracks=True, ignore_gates=True
    )
    asked = requests.asked_of_stages(request, "decode", "clean")
    assert (asked.modality, asked.verbs, asked.query) == (Modality.IMAGE, ("decode", "clean"), True)
    assert asked.sound_tracks
    assert asked.ignore_gates


def test_the_segment_of_a_whole_medium_is_left_out() -> None:
    media = wire.encode_media(Media(b"x", "wav", Segment(1, 2)))
    request = decode_pb2.SegmentRequest(modality=media_pb2.MODALITY_AUDIO, media=[media])
    assert requests.media_to_segment(request) == (Modality.AUDIO, [Media(b"x", "wav")])


def test_a_modality_without_vectors_is_no_part_of_a_sample() -> None:
    request = fuse_request(
        fuse_pb2.ModalityItems(modality=TEXT), fuse_pb2.ModalityItems(modality=IMAGE, items=[embedded(1)])
    )
    (parts,) = requests.samples_to_fuse(request)
    assert list(parts) == [Modality.IMAGE]

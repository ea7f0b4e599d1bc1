"""Hostile and broken pictures: every cap fires before anything is decoded, and nothing is ever raised."""

import io
import struct
import tracemalloc
import zlib
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mmpipe.records import Item, Media, Pixels, Rejected
from mmpipe.spec.image import ImageDecode
from mmpipe.stages.image.decode import build
from mmpipe.stages.image.webp import canvas

KINDS = ("jpeg", "png", "webp", "gif", "bmp", "tiff")


@cache
def picture(kind: str, **options: object) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def png_of(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def outcome_of(content: bytes, kind: str, options: ImageDecode | None = None) -> Item[Pixels] | Rejected:
    (outcome,) = build(options or ImageDecode(size=16))([Item("a", Media(content, kind))])
    return outcome


def refused(content: bytes, kind: str, options: ImageDecode | None = None) -> Rejected:
    outcome = outcome_of(content, kind, options)
    assert isinstance(outcome, Rejected), outcome
    return outcome


def png_that_announces(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_above_max_bytes_is_rejected(kind: str) -> None:
    content = picture(kind)

    outcome = refused(content, kind, ImageDecode(max_bytes=len(content) - 1))

    assert (outcome.gate, outcome.score, outcome.threshold) == (
        "image.decode.maxBytes",
        len(content),
        len(content) - 1,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_header_above_max_pixels_is_rejected(kind: str) -> None:
    outcome = refused(picture(kind), kind, ImageDecode(max_pixels=1999))

    assert (outcome.gate, outcome.score, outcome.threshold) == ("image.decode.maxPixels", 2000, 1999)


def test_a_decompression_bomb_is_rejected_by_its_header_without_a_warning() -> None:
    outcome = refused(png_that_announces(60_000, 60_000), "png")

    assert (outcome.gate, outcome.score) == ("image.decode.maxPixels", 3.6e9)


def test_the_caps_of_the_spec_decide_and_not_those_of_pillow() -> None:
    options = ImageDecode(max_pixels=10**10, max_decompression_ratio=1e12)

    outcome = refused(png_that_announces(14_000, 14_000), "png", options)

    # Pillow would have warned of a bomb; with the caps raised, the file is only what it is: truncated.
    assert outcome.gate == "image.decode"


def test_a_webp_canvas_is_held_against_the_caps_before_memory_is_taken_for_it() -> None:
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "WEBP", lossless=True)
    content = file.getvalue()
    size_at = content.index(b"VP8L") + 9

    outcome = refused(content[:size_at] + b"\xff\xff\xff\x0f" + content[size_at + 4 :], "webp")

    assert (outcome.gate, outcome.score) == ("image.decode.maxPixels", 16_384 * 16_384)


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 50}, {"lossless": True, "exif": b"Exif\0\0"}])
def test_the_canvas_of_every_kind_of_webp_is_read(options: dict[str, object]) -> None:
    assert canvas(picture("webp", **options)) == (50, 40)


def test_a_webp_without_a_size_is_rejected() -> None:
    assert "begins with the chunk b'ABCD' and no size" in refused(b"RIFF\0\0\0\0WEBPABCD" + bytes(20), "webp").reason


def test_a_strip_is_cut_before_it_is_scaled_and_takes_little_memory() -> None:
    content = png_of(np.zeros((2, 60_000, 3), np.uint8))
    stage = build(ImageDecode(size=224, max_decompression_ratio=1e6))
    tracemalloc.start()

    (outcome,) = stage([Item("a", Media(content, "png"))])

    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(outcome, Item)
    assert peak_bytes < 10_000_000


def test_more_decoded_bytes_per_encoded_byte_than_allowed_are_rejected() -> None:
    file = io.BytesIO()
    Image.new("RGB", (1500, 1500)).save(file, "WEBP", lossless=True)

    outcome = refused(file.getvalue(), "webp")

    assert outcome.gate == "image.decode.maxDecompressionRatio"
    assert outcome.score == pytest.approx(1500 * 1500 * 3 / len(file.getvalue()))


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "gif", "bmp", "tiff"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_a_truncated_file_is_rejected_with_the_decoders_words(kind: str, share: float) -> None:
    content = picture(kind)

    outcome = refused(content[: int(len(content) * share)], kind)

    assert outcome.gate == "image.decode"
    assert "truncated" in outcome.reason


def test_a_progressive_jpeg_with_endless_scans_is_rejected_before_it_wastes_time() -> None:
    content = picture("jpeg", progressive=True)
    scan = content[content.index(b"\xff\xda") :][:12]

    outcome = refused(content[:-2] + scan * 200 + content[-2:], "jpeg")

    assert outcome.gate == "image.decode"
    assert "progressive scans" in outcome.reason


@pytest.mark.parametrize("padding", [b"\xff" * 10_000_000, b"\xff\xe2\x00\x02" * 1_000_000])
def test_a_jpeg_of_nothing_but_padding_is_rejected_before_it_wastes_time(padding: bytes) -> None:
    outcome = refused(b"\xff\xd8" + padding, "jpeg")

    assert "it is made to waste time" in outcome.reason


def test_a_jpeg_without_lines_is_rejected() -> None:
    content = bytearray(picture("jpeg"))
    height_at = content.index(b"\xff\xc0") + 5
    content[height_at : height_at + 2] = b"\0\0"

    assert "50 x 0 pixels" in refused(bytes(content), "jpeg").reason


def test_bytes_of_another_format_than_they_were_recognised_as_are_rejected() -> None:
    assert refused(picture("png"), "jpeg").gate == "image.decode"
    assert refused(picture("jpeg"), "png").gate == "image.decode"


def test_a_format_that_is_no_picture_is_rejected_with_what_is() -> None:
    outcome = refused(b"RIFF", "wav")

    assert outcome.reason == "wav is no picture format: expected one of jpeg, png, webp, gif, bmp, tiff"


def test_a_broken_picture_harms_no_neighbour() -> None:
    good = Media(picture("jpeg"), "jpeg")
    bad = Media(b"\xff\xd8\xff\xe0", "jpeg")

    first, second, third = build(ImageDecode(size=16))([Item("a", good), Item("b", bad), Item("c", good)])

    assert isinstance(first, Item)
    assert isinstance(second, Rejected)
    assert isinstance(third, Item)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 10**6), st.binary(min_size=1, max_size=4), st.booleans())
def test_flipped_and_missing_bytes_have_an_outcome(kind: str, at: int, noise: bytes, cut: bool) -> None:  # noqa: FBT001
    content = picture(kind)
    # Half of the flips hit the first 200 bytes, where the headers are.
    at %= len(content) if at % 2 else min(len(content), 200)
    changed = content[:at] + noise + (b"" if cut else content[at + len(noise) :])

    assert isinstance(outcome_of(changed, kind), Item | Rejected)

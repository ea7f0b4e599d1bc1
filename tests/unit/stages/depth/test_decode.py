"""Decoding depth maps: every format against the library that wrote it, and every cap."""

import io
import mmap
import struct
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from mmpipe.records import Floats, Item, Media, Rejected
from mmpipe.spec.depth import DepthDecode
from mmpipe.stages.depth.decode import build

NAN = np.nan
MILLIMETRES = np.array([[0, 500, 1000], [1500, 2500, 65535]], np.uint16)
METRES = np.array([[NAN, 0.5, 1.0], [1.5, 2.5, 65.535]], np.float32)
FLOATS = np.array([[0.0, 0.5, -1.0], [np.inf, 2.5, NAN]], np.float32)
CLEANED = np.array([[NAN, 0.5, NAN], [NAN, 2.5, NAN]], np.float32)


def png(values: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return file.getvalue()


def tiff(values: NDArray[Any], **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, "TIFF", **options)
    return file.getvalue()


def npy(values: ArrayLike) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def pfm(values: Floats, order: str = "<") -> bytes:
    height, width = values.shape
    scale = "-1.0" if order == "<" else "1.0"
    return f"Pf\n{width} {height}\n{scale}\n".encode() + values[::-1].astype(f"{order}f4").tobytes()


def exr(channels: dict[str, NDArray[Any]], **header: object) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "depth.exr"
        OpenEXR.File(header, channels).write(str(path))
        return path.read_bytes()


def outcome_of(content: bytes, format_: str, **options: float) -> Item[Floats] | Rejected:
    (outcome,) = build(DepthDecode.model_validate(options))([Item("a", Media(content, format_))])
    return outcome


def decoded(content: bytes, format_: str, **options: float) -> Floats:
    outcome = outcome_of(content, format_, **options)
    assert isinstance(outcome, Item), outcome
    height, width = outcome.payload.shape
    assert outcome.facts == {"format": format_, "width": width, "height": height}
    assert outcome.payload.dtype == np.float32
    return outcome.payload


def refused(content: bytes, format_: str, **options: float) -> Rejected:
    outcome = outcome_of(content, format_, **options)
    assert isinstance(outcome, Rejected), outcome
    return outcome


def test_a_16_bit_png_is_scaled_to_metres_and_zero_is_unknown() -> None:
    np.testing.assert_array_equal(decoded(png(MILLIMETRES), "png"), METRES)


def test_the_scale_of_integers_is_that_of_the_spec() -> None:
    found = decoded(png(MILLIMETRES), "png", metresPerUnit=1 / 5000)

    np.testing.assert_allclose(found[1], MILLIMETRES[1] / 5000, rtol=1e-6)


def test_an_8_bit_png_is_scaled_like_a_16_bit_one() -> None:
    found = decoded(png(np.array([[0, 100], [200, 255]], np.uint8)), "png", metresPerUnit=0.01)

    np.testing.assert_allclose(found, [[NAN, 1.0], [2.0, 2.55]], rtol=1e-6)


@pytest.mark.parametrize(
    ("content", "format_"),
    [
        (tiff(FLOATS), "tiff"),
        (tiff(FLOATS, compression="tiff_deflate"), "tiff"),
        (tiff(FLOATS, compression="tiff_lzw"), "tiff"),
        (npy(FLOATS), "npy"),
        (npy(FLOATS.astype(np.float16)), "npy"),
        (npy(FLOATS.astype(">f8")), "npy"),
        (npy(np.asfortranarray(FLOATS)), "npy"),
        (pfm(FLOATS, "<"), "pfm"),
        (pfm(FLOATS, ">"), "pfm"),
        (exr({"Z": FLOATS}), "exr"),
        (exr({"Z": FLOATS.astype(np.float16)}), "exr"),
        (exr({"Z": FLOATS}, compression=OpenEXR.ZIP_COMPRESSION), "exr"),
        (exr({"R": FLOATS + 9, "G": FLOATS + 9, "Y": FLOATS}), "exr"),
        (exr({"R": FLOATS, "G": FLOATS + 9, "B": FLOATS + 9}), "exr"),
        (exr({"A": FLOATS + 9, "depth.Z": FLOATS, "R": FLOATS + 9}), "exr"),
    ],
)
def test_floats_are_metres_and_what_is_not_positive_and_finite_is_unknown(content: bytes, format_: str) -> None:
    np.testing.assert_array_equal(decoded(content, format_), CLEANED)


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", "<i4", "<i8"])
def test_integer_arrays_are_scaled(dtype: str) -> None:
    np.testing.assert_array_equal(
        decoded(npy(np.array([[0, 50], [100, 127]], dtype)), "npy"),
        np.array([[NAN, 0.05], [0.1, 0.127]], np.float32),
    )


def test_a_double_beyond_float32_is_unknown_like_infinity() -> None:
    np.testing.assert_array_equal(decoded(npy(np.array([[1e300, 1.0]])), "npy"), [[NAN, 1.0]])


def test_a_signalling_nan_is_unknown_without_a_warning() -> None:
    signalling = np.array([[0x7F800001, 0x3F800000]], "<u4").view("<f4")

    np.testing.assert_array_equal(decoded(npy(signalling), "npy"), [[NAN, 1.0]])


def test_a_mapped_file_decodes_like_its_bytes(tmp_path: Path) -> None:
    samples = [("png", png(MILLIMETRES)), ("npy", npy(FLOATS)), ("pfm", pfm(FLOATS)), ("exr", exr({"Z": FLOATS}))]
    for format_, content in samples:
        (tmp_path / format_).write_bytes(content)
        with (tmp_path / format_).open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            (outcome,) = build(DepthDecode())([Item("a", Media(mapped, format_))])

        assert isinstance(outcome, Item)
        np.testing.assert_array_equal(outcome.payload, decoded(content, format_))


@cache
def samples() -> dict[str, bytes]:
    values = np.random.default_rng(0).uniform(0.5, 5, (20, 30)).astype(np.float32)
    return {
        "png": png((values * 1000).astype(np.uint16)),
        "tiff": tiff(values, compression="tiff_deflate"),
        "npy": npy(values),
        "pfm": pfm(values),
        "exr": exr({"Z": values}, compression=OpenEXR.ZIP_COMPRESSION),
    }


FORMATS = ("png", "tiff", "npy", "pfm", "exr")


@pytest.mark.parametrize("format_", FORMATS)
def test_a_file_above_max_bytes_is_rejected(format_: str) -> None:
    content = samples()[format_]

    outcome = refused(content, format_, maxBytes=len(content) - 1)

    assert (outcome.gate, outcome.score) == ("depth.decode.maxBytes", len(content))


@pytest.mark.parametrize("format_", FORMATS)
def test_a_header_above_max_pixels_is_rejected(format_: str) -> None:
    outcome = refused(samples()[format_], format_, maxPixels=599)

    assert (outcome.gate, outcome.score, outcome.threshold) == ("depth.decode.maxPixels", 600, 599)


@pytest.mark.parametrize("format_", FORMATS)
def test_more_decoded_bytes_per_encoded_byte_than_allowed_are_rejected(format_: str) -> None:
    flat = np.ones((1000, 1000), np.float32)
    made: dict[str, Callable[[], bytes]] = {
        "png": lambda: png(flat.astype(np.uint16)),
        "tiff": lambda: tiff(flat, compression="tiff_deflate"),
        "npy": lambda: npy(flat),
        "pfm": lambda: pfm(flat),
        "exr": lambda: exr({"Z": flat}, compression=OpenEXR.ZIP_COMPRESSION),
    }
    content = made[format_]()
    ratio = flat.nbytes / len(content)

    outcome = refused(content, format_, maxDecompressionRatio=max(ratio * 0.99, 1)) if ratio > 1 else None

    assert outcome is None or outcome.gate == "depth.decode.maxDecompressionRatio"
    assert outcome is not None or format_ in {"npy", "pfm"}


def test_every_channel_of_an_exr_counts_as_pixels_because_all_are_decoded() -> None:
    layers = {name: np.ones((10, 10), np.float32) for name in ("Z", "A", "B", "C")}

    outcome = refused(exr(layers), "exr", maxPixels=399)

    assert (outcome.gate, outcome.score) == ("depth.decode.maxPixels", 400)


def test_an_exr_without_a_depth_channel_is_rejected_with_what_it_has() -> None:
    outcome = refused(exr({"A": FLOATS, "U": FLOATS}), "exr")

    assert outcome.reason == "the EXR has A, U: a depth map needs a channel called Z, Y or R"


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.ones((2, 2, 2), np.float32), "has the shape (2, 2, 2)"),
        (np.ones((2, 2), bool), "holds bool"),
        (np.ones((2, 2), complex), "holds complex128"),
        (np.array([["a"]]), "holds <U1"),
    ],
)
def test_an_array_that_is_no_depth_map_is_rejected(array: NDArray[Any], words: str) -> None:
    outcome = refused(npy(array), "npy")

    assert outcome.gate == "depth.decode"
    assert words in outcome.reason


def test_a_pickle_inside_an_array_is_never_loaded() -> None:
    file = io.BytesIO()
    np.save(file, np.array([[object()]], dtype=object), allow_pickle=True)

    assert "holds object" in refused(file.getvalue(), "npy").reason


def test_an_array_that_announces_the_impossible_is_rejected() -> None:
    def header(words: str) -> bytes:
        return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(words)) + words.encode()

    huge = "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000)}\n"
    negative = "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, -600)}\n"

    assert refused(header(huge), "npy").gate == "depth.decode.maxPixels"
    assert refused(header(negative), "npy").gate == "depth.decode"
    assert refused(header("[" * 9000), "npy").gate == "depth.decode"
    assert refused(b"\x93NUMPY\x09\x00" + bytes(20), "npy").gate == "depth.decode"


def test_a_pfm_in_colour_or_without_its_words_is_rejected() -> None:
    assert "in colour" in refused(b"PF\n2 1\n-1.0\n" + bytes(24), "pfm").reason
    assert "expected `Pf`" in refused(b"Pf\n2\n", "pfm").reason


def test_a_colour_png_is_rejected() -> None:
    outcome = refused(png(np.zeros((4, 4, 3), np.uint8)), "png")

    assert outcome.reason == "the png has pixels of kind RGB: a depth map has one number per pixel"


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("share", [0.01, 0.3, 0.95])
def test_a_truncated_file_is_rejected(format_: str, share: float) -> None:
    content = samples()[format_]

    assert refused(content[: int(len(content) * share)], format_).gate == "depth.decode"


def test_a_broken_exr_leaves_the_programs_own_output_alone(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout

    refused(samples()["exr"][:-100], "exr")

    assert capsys.readouterr().out == ""
    assert sys.stdout is before


def test_other_threads_still_write_while_an_exr_decodes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*args: object, **options: object) -> object:
        other = threading.Thread(target=sys.stdout.write, args=("progress",))
        other.start()
        other.join()
        sys.stdout.write("complaint")
        return file(*args, **options)

    file = OpenEXR.File
    content = samples()["exr"]
    monkeypatch.setattr(OpenEXR, "File", busy)

    outcome_of(content, "exr")

    # Once for the header, where nothing is hushed, and once for the pixels.
    assert capsys.readouterr().out == "progresscomplaintprogress"


def test_a_format_that_is_no_depth_map_is_rejected_with_what_is() -> None:
    assert refused(b"\xff\xd8\xff", "jpeg").reason.startswith("jpeg is no format of depth maps: expected one of png")


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FORMATS), st.integers(0, 10**6), st.binary(min_size=1, max_size=4), st.booleans())
def test_flipped_and_missing_bytes_have_an_outcome(format_: str, at: int, noise: bytes, cut: bool) -> None:  # noqa: FBT001
    content = samples()[format_]
    at %= len(content) if at % 2 else min(len(content), 200)
    changed = content[:at] + noise + (b"" if cut else content[at + len(noise) :])

    assert isinstance(outcome_of(changed, format_), Item | Rejected)

"""Recognition by content: every format of the catalogue from a file that its reference library wrote."""

import io
import mmap
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Callable
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mmpipe.records import Modality, Rejected
from mmpipe.stages.formats import CATALOGUE, Recognised, recognise

TEXT, IMAGE, AUDIO, VIDEO, DEPTH = Modality.TEXT, Modality.IMAGE, Modality.AUDIO, Modality.VIDEO, Modality.DEPTH


def picture(format_: str, mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (16, 16)).save(file, format_)
    return file.getvalue()


def sound(format_: str, subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.sin(np.arange(16_000) / 10).astype(np.float32), 16_000, format=format_, subtype=subtype)
    return file.getvalue()


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.ones((4, 4), np.float32))
    return file.getvalue()


def exr() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "z.exr"
        OpenEXR.File({}, {"Z": np.ones((4, 4), np.float32)}).write(str(path))
        return path.read_bytes()


@pytest.mark.parametrize(
    ("make", "format_", "modality", "media_type"),
    [
        (lambda: picture("JPEG"), "jpeg", IMAGE, "image/jpeg"),
        (lambda: picture("PNG"), "png", IMAGE, "image/png"),
        (lambda: picture("PNG", "L"), "png", IMAGE, "image/png"),
        (lambda: picture("PNG", "I;16"), "png", DEPTH, "image/png"),
        (lambda: picture("WEBP"), "webp", IMAGE, "image/webp"),
        (lambda: picture("GIF"), "gif", IMAGE, "image/gif"),
        (lambda: picture("BMP"), "bmp", IMAGE, "image/bmp"),
        (lambda: picture("TIFF"), "tiff", IMAGE, "image/tiff"),
        (lambda: picture("TIFF", "I;16"), "tiff", IMAGE, "image/tiff"),
        (lambda: picture("TIFF", "F"), "tiff", DEPTH, "image/tiff"),
        (exr, "exr", DEPTH, "image/x-exr"),
        (npy, "npy", DEPTH, "application/x-npy"),
        (lambda: b"Pf\n2 1\n-1.0\n" + bytes(8), "pfm", DEPTH, "image/x-portable-floatmap"),
        (lambda: sound("WAV"), "wav", AUDIO, "audio/wav"),
        (lambda: sound("RF64"), "wav", AUDIO, "audio/wav"),
        (lambda: sound("FLAC"), "flac", AUDIO, "audio/flac"),
        (lambda: sound("MP3"), "mp3", AUDIO, "audio/mpeg"),
        (lambda: sound("OGG", "VORBIS"), "ogg", AUDIO, "audio/ogg"),
        (lambda: sound("OGG", "OPUS"), "ogg", AUDIO, "audio/ogg"),
    ],
)
def test_a_file_is_recognised_from_its_content(
    make: Callable[[], bytes], format_: str, modality: Modality, media_type: str
) -> None:
    assert recognise(make()) == Recognised(format_, modality, media_type)


def test_a_map_of_a_large_file_is_recognised_like_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(picture("TIFF", "F"))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        assert recognise(content) == recognise(path.read_bytes())


def test_an_id3_tag_in_front_hides_no_format() -> None:
    tag = b"ID3\x04\x00\x00" + bytes([0, 0, 1, 0]) + bytes(128)

    assert recognise(tag + sound("MP3")) == Recognised("mp3", AUDIO, "audio/mpeg")
    assert recognise(tag + sound("FLAC")) == Recognised("flac", AUDIO, "audio/flac")


def test_two_bytes_like_an_mp3_frame_are_not_enough() -> None:
    assert isinstance(recognise(b"\xff\xfb\x90\x00" + bytes(2000)), Rejected)


def test_empty_content_is_rejected_by_name() -> None:
    outcome = recognise(b"", name="photos/a.jpg")

    assert isinstance(outcome, Rejected)
    assert outcome.gate == "input.format"
    assert outcome.reason == "a.jpg is empty: a part needs at least one byte of content"


def test_unknown_bytes_are_rejected_with_their_beginning_and_what_is_readable() -> None:
    outcome = recognise(bytes.fromhex("7f454c4602010100") + bytes(64), name="a.jpg")

    assert isinstance(outcome, Rejected)
    assert outcome.reason.startswith(
        "a.jpg begins with the bytes 7f 45 4c 46 02 01 01 00, which is no format mmpipe reads"
    )
    assert all(name in outcome.reason for name in CATALOGUE)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "a PDF document"),
        (b"PK\x03\x04" + bytes(30), "a ZIP archive"),
        (b"\x1f\x8b\x08" + bytes(30), "gzip-compressed"),
        (bytes(257) + b"ustar\x0000" + bytes(248), "a tar archive"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIF or AVIF picture"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
    ],
)
def test_what_people_do_have_is_refused_by_its_name(content: bytes, words: str) -> None:
    outcome = recognise(content)

    assert isinstance(outcome, Rejected)
    assert words in outcome.reason


def test_the_declared_modality_settles_what_the_content_leaves_open() -> None:
    assert recognise(picture("PNG", "I;16"), IMAGE) == Recognised("png", IMAGE, "image/png")
    assert recognise(picture("PNG", "L"), DEPTH) == Recognised("png", DEPTH, "image/png")


def test_a_declared_modality_that_the_content_contradicts_is_rejected() -> None:
    outcome = recognise(picture("JPEG"), AUDIO, "a.wav")

    assert outcome == Rejected(
        "input.format", "a.wav is declared as audio, but its content is jpeg, which can be image"
    )


def test_a_colour_png_is_no_depth_map_whatever_is_declared() -> None:
    assert isinstance(recognise(picture("PNG"), DEPTH), Rejected)


def test_an_inner_suffix_settles_what_the_content_leaves_open_and_nothing_else() -> None:
    assert recognise(picture("PNG", "L"), name="a.depth.png") == Recognised("png", DEPTH, "image/png")
    assert recognise(picture("PNG", "I;16"), name="a.image.png") == Recognised("png", IMAGE, "image/png")
    assert recognise(picture("PNG"), name="a.depth.png") == Recognised("png", IMAGE, "image/png")


def test_the_declared_modality_goes_before_the_inner_suffix() -> None:
    assert recognise(picture("PNG", "L"), IMAGE, "a.depth.png") == Recognised("png", IMAGE, "image/png")


def test_a_name_that_says_otherwise_is_reported_and_not_believed() -> None:
    outcome = recognise(picture("PNG"), name="photos/a.b/photo.JPG")

    assert isinstance(outcome, Recognised)
    assert (outcome.format, outcome.mismatch) == ("png", "photo.JPG is named .jpg, but its content is png")


@pytest.mark.parametrize("name", ["a.jpeg", "a.JPG", "a", "a.bin", "jpg", "folder.png/a"])
def test_a_name_that_fits_or_says_nothing_is_no_mismatch(name: str) -> None:
    assert recognise(picture("JPEG"), name=name) == Recognised("jpeg", IMAGE, "image/jpeg")


def test_a_text_that_begins_like_a_quicktime_box_is_text() -> None:
    assert recognise(b"The free and the wide world.") == Recognised("txt", TEXT, "text/plain")


@given(st.binary(max_size=300), st.sampled_from([None, *Modality]))
def test_any_bytes_have_an_answer(content: bytes, declared: Modality | None) -> None:
    assert isinstance(recognise(content, declared, "a.depth.md"), Recognised | Rejected)


def test_a_jpeg_is_recognised_in_microseconds() -> None:
    content = picture("JPEG")

    fastest_s = (
        min(
            timeit.repeat(
                lambda: recognise(content, name="photos/a.jpg"), timer=time.thread_time, number=200, repeat=10
            )
        )
        / 200
    )

    assert fastest_s < 20e-6


def test_recognition_loads_no_codec() -> None:
    codecs = {"av", "cv2", "PIL", "soundfile", "OpenEXR"}
    code = f"import sys, mmpipe.stages.formats; print(sorted({codecs} & set(sys.modules)))"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert loaded.strip() == "[]"

"""Film or sound? Containers muxed by FFmpeg, whole, cut short and lying about their lengths."""

import io
from functools import cache

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.records import Modality, Rejected
from mmpipe.stages.formats import Recognised, recognise

AUDIO, VIDEO = Modality.AUDIO, Modality.VIDEO


@cache
def muxed(container: str, video: str | None, audio: str | None) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        picture = output.add_stream(video, rate=10) if video else None
        sound = output.add_stream(audio, rate=48_000) if audio else None
        if isinstance(picture, av.VideoStream):
            picture.width, picture.height, picture.pix_fmt = 32, 32, "yuv420p"
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            output.mux([*picture.encode(frame), *picture.encode(None)])
        if isinstance(sound, av.AudioStream):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.float32), format="fltp", layout="mono")
            silence.sample_rate = 48_000
            context = sound.codec_context
            resampler = av.AudioResampler(context.format, context.layout, 48_000, frame_size=context.frame_size or 1024)
            for frames in (*resampler.resample(silence), *resampler.resample(None)):
                output.mux(sound.encode(frames))
            output.mux(sound.encode(None))
    return file.getvalue()


@pytest.mark.parametrize(
    ("container", "video", "audio", "format_", "modality"),
    [
        ("mp4", "mpeg4", "aac", "mp4", VIDEO),
        ("mp4", "mpeg4", None, "mp4", VIDEO),
        ("mp4", None, "aac", "m4a", AUDIO),
        ("ipod", None, "aac", "m4a", AUDIO),
        ("mov", "mpeg4", "aac", "mov", VIDEO),
        ("mov", None, "aac", "mov", AUDIO),
        ("matroska", "mpeg4", "aac", "mkv", VIDEO),
        ("matroska", None, "libopus", "mkv", AUDIO),
        ("webm", "libvpx", "libopus", "webm", VIDEO),
        ("webm", None, "libopus", "webm", AUDIO),
        ("avi", "mpeg4", "libmp3lame", "avi", VIDEO),
        ("avi", None, "libmp3lame", "avi", AUDIO),
        ("ogg", None, "libopus", "ogg", AUDIO),
        ("adts", None, "aac", "aac", AUDIO),
        ("mp3", None, "libmp3lame", "mp3", AUDIO),
    ],
)
def test_a_container_is_a_film_if_it_holds_pictures_and_sound_if_not(
    container: str, video: str | None, audio: str | None, format_: str, modality: Modality
) -> None:
    outcome = recognise(muxed(container, video, audio))

    assert isinstance(outcome, Recognised)
    assert (outcome.format, outcome.modality) == (format_, modality)


def test_the_sound_of_a_film_can_be_declared() -> None:
    assert recognise(muxed("mp4", "mpeg4", "aac"), AUDIO) == Recognised("mp4", AUDIO, "audio/mp4")


def test_an_audio_book_is_sound_although_its_chapters_have_pictures() -> None:
    content = muxed("mp4", "mpeg4", "aac")

    assert recognise(content[:8] + b"M4B " + content[12:]) == Recognised("m4a", AUDIO, "audio/mp4")


def test_a_silent_film_declared_as_audio_is_rejected() -> None:
    assert isinstance(recognise(muxed("mp4", "mpeg4", None), AUDIO), Rejected)


def test_a_sound_file_declared_as_video_is_rejected() -> None:
    assert isinstance(recognise(muxed("webm", None, "libopus"), VIDEO), Rejected)


def test_an_mp4_cut_before_its_index_is_left_to_the_decoder_as_a_film() -> None:
    content = muxed("mp4", "mpeg4", "aac")

    outcome = recognise(content[: content.index(b"moov")])

    assert isinstance(outcome, Recognised)
    assert (outcome.format, outcome.modality) == ("mp4", VIDEO)


def test_an_ogg_film_is_refused_by_its_name() -> None:
    page = b"OggS\0\x02" + bytes(20) + b"\x01\x07" + b"\x80theora"[:7]

    outcome = recognise(page)

    assert isinstance(outcome, Rejected)
    assert "an Ogg film" in outcome.reason


def test_another_kind_of_ebml_is_refused() -> None:
    content = muxed("webm", None, "libopus").replace(b"webm", b"abcd", 1)

    assert isinstance(recognise(content), Rejected)


@settings(max_examples=60)
@given(
    st.sampled_from([("mp4", "mpeg4", "aac"), ("matroska", "mpeg4", "aac"), ("avi", "mpeg4", "libmp3lame")]),
    st.integers(0, 2000),
    st.binary(min_size=1, max_size=8),
)
def test_a_container_with_wrong_lengths_has_an_answer(kind: tuple[str, str, str], at: int, noise: bytes) -> None:
    content = muxed(*kind)
    at = 4 + at % (len(content) - 12)

    assert isinstance(recognise(content[:at] + noise + content[at + len(noise) :]), Recognised | Rejected)


def test_a_box_that_claims_no_length_ends_the_walk() -> None:
    endless = b"\0\0\0\x14ftypisom\0\0\0\0isom" + b"\0\0\0\x04free" * 100_000

    outcome = recognise(endless)

    assert isinstance(outcome, Recognised)
    assert outcome.format == "mp4"

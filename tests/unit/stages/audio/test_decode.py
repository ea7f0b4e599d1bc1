from __future__ import annotations

import struct
import threading
import tracemalloc
from collections.abc import Callable
from mmap import ACCESS_READ, mmap
from pathlib import Path

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.records import Floats, Item, Media, Rejected, Segment
from mmpipe.spec.audio import AudioDecode
from mmpipe.stages.audio import decode

type Sweep = Callable[[float, int], Floats]
type Write = Callable[[Floats, int, str, str], bytes]

SOURCE_FORMATS = [
    ("wav", "WAV", "PCM_U8", 8_000, 0.02),
    ("wav", "WAV", "PCM_16", 44_100, 1e-3),
    ("wav", "WAV", "PCM_24", 48_000, 1e-3),
    ("wav", "WAV", "PCM_32", 96_000, 1e-3),
    ("wav", "WAV", "FLOAT", 192_000, 1e-3),
    ("wav", "WAV", "DOUBLE", 22_050, 1e-3),
    ("wav", "WAV", "ULAW", 8_000, 0.03),
    ("wav", "WAV", "ALAW", 8_000, 0.03),
    ("wav", "WAVEX", "PCM_16", 16_000, 1e-3),
    ("wav", "RF64", "PCM_16", 16_000, 1e-3),
    ("wav", "WAV", "IMA_ADPCM", 16_000, 0.05),
    ("flac", "FLAC", "PCM_16", 11_025, 1e-3),
    ("mp3", "MP3", "", 44_100, 0.05),
    ("ogg", "OGG", "VORBIS", 44_100, 0.1),
    ("ogg", "OGG", "OPUS", 48_000, 0.1),
]

ENCODED_FORMATS = [
    ("m4a", "ipod", "aac", 44_100),
    ("m4a", "ipod", "alac", 44_100),
    ("mp4", "mp4", "aac", 48_000),
    ("mp3", "mp3", "libmp3lame", 32_000),
    ("webm", "webm", "libopus", 48_000),
    ("mkv", "matroska", "flac", 44_100),
]


def decoded(media: Media, options: AudioDecode | None = None) -> Item[Floats] | Rejected:
    (outcome,) = decode.build(options or AudioDecode())([Item("a", media)])
    return outcome


def samples(media: Media) -> Floats:
    outcome = decoded(media)
    assert isinstance(outcome, Item), outcome
    assert outcome.payload.dtype == np.float32
    return outcome.payload


def rejected(media: Media, options: AudioDecode | None = None) -> Rejected:
    outcome = decoded(media, options)
    assert isinstance(outcome, Rejected)
    return outcome


@pytest.mark.parametrize("case", SOURCE_FORMATS, ids=lambda case: f"{case[1]}-{case[2]}-{case[3]}")
def test_a_recording_of_any_coding_and_rate_becomes_16_khz(
    sweep: Sweep, write: Write, case: tuple[str, str, str, int, float]
) -> None:
    name, form, subtype, rate_hz, tolerance = case
    source = sweep(2.0, rate_hz)
    heard = samples(Media(write(source, rate_hz, form, subtype), name))
    expected = soxr.resample(source, rate_hz, 16_000)
    assert abs(len(heard) - len(expected)) <= 600  # ADPCM pads to whole blocks
    assert np.abs(heard[400:31_000] - expected[400:31_000]).max() < tolerance


@pytest.mark.parametrize(("name", "muxer", "encoder", "rate_hz"), ENCODED_FORMATS)
def test_a_recording_in_a_container_becomes_16_khz(
    sweep: Sweep, encode: Write, name: str, muxer: str, encoder: str, rate_hz: int
) -> None:
    source = sweep(2.0, rate_hz)
    heard = samples(Media(encode(source, rate_hz, muxer, encoder), name))
    expected = soxr.resample(source, rate_hz, 16_000)
    assert abs(len(heard) - len(expected)) <= 320
    # The onset of a chirp is hard for AAC: its error there is large, so the mean counts and not the worst sample.
    assert np.sqrt(np.mean((heard[400:31_000] - expected[400:31_000]) ** 2)) < 0.03


def test_adts_is_heard_with_the_encoders_delay_which_it_cannot_tell(sweep: Sweep, encode: Write) -> None:
    source = sweep(2.0, 16_000)
    heard = samples(Media(encode(source, 16_000, "adts", "aac"), "aac"))
    assert np.abs(heard[1024 + 400 : 31_000] - source[400 : 31_000 - 1024]).max() < 0.1


def test_channels_are_mixed_in_equal_parts(sweep: Sweep, write: Write) -> None:
    source = sweep(1.0, 16_000)
    six = np.stack([source, 0 * source, source, 0 * source, source, 0 * source], axis=1)
    assert np.allclose(samples(Media(write(six, 16_000, "WAV", "FLOAT"), "wav")), source / 2, atol=1e-6)


def test_the_facts_tell_what_the_source_was(sweep: Sweep, write: Write) -> None:
    stereo = np.stack([sweep(2.0, 44_100)] * 2, axis=1)
    outcome = decoded(Media(write(stereo, 44_100, "WAV", "PCM_24"), "wav"))
    assert isinstance(outcome, Item)
    assert outcome.facts == {"codec": "pcm_24", "sample_rate_hz": 44_100, "channels": 2, "seconds": 2.0}


def test_a_short_recording_is_one_segment(sweep: Sweep, write: Write) -> None:
    media = Media(write(sweep(30.5, 8_000), 8_000, "WAV", "PCM_16"), "wav")
    assert decode.segments(media, AudioDecode()) == (None,)


def test_a_long_recording_becomes_segments_and_a_crumb_joins_the_last(sweep: Sweep, write: Write) -> None:
    media = Media(write(sweep(20.5, 8_000), 8_000, "WAV", "PCM_16"), "wav")
    assert decode.segments(media, AudioDecode(segment_seconds=10)) == (Segment(0, 10), Segment(10, 20.5))


@pytest.mark.parametrize(
    ("name", "form", "subtype", "rate_hz"),
    [
        ("wav", "WAV", "PCM_16", 44_100),
        ("flac", "FLAC", "PCM_16", 22_050),
        ("mp3", "MP3", "", 44_100),
        ("ogg", "OGG", "VORBIS", 44_100),
        ("ogg", "OGG", "OPUS", 48_000),
        ("wav", "WAV", "PCM_16", 12_347),
    ],
)
def test_segments_in_a_row_equal_the_whole(
    sweep: Sweep, write: Write, name: str, form: str, subtype: str, rate_hz: int
) -> None:
    content = write(sweep(9.3, rate_hz), rate_hz, form, subtype)
    assert_segments_equal_the_whole(Media(content, name))


@pytest.mark.parametrize(
    ("name", "muxer", "encoder", "rate_hz"), [*ENCODED_FORMATS[:4], ("aac", "adts", "aac", 44_100)]
)
def test_segments_of_a_container_in_a_row_equal_the_whole(
    sweep: Sweep, encode: Write, name: str, muxer: str, encoder: str, rate_hz: int
) -> None:
    assert_segments_equal_the_whole(Media(encode(sweep(9.3, rate_hz), rate_hz, muxer, encoder), name))


@pytest.mark.parametrize(("name", "muxer", "encoder", "rate_hz"), ENCODED_FORMATS[4:])
def test_segments_of_a_matroska_file_lie_within_its_time_stamps_of_1_ms(
    sweep: Sweep, encode: Write, name: str, muxer: str, encoder: str, rate_hz: int
) -> None:
    media = Media(encode(sweep(9.3, rate_hz), rate_hz, muxer, encoder), name)
    whole = samples(media)
    for start, part in zip((0, 32_000, 64_000, 96_000), parts_of(media), strict=False):
        shifts = [np.abs(whole[start + 16 : start + 31_000] - part[16 + lag : 31_000 + lag]) for lag in range(-16, 17)]
        assert min(shift.max() for shift in shifts) < 0.05


def parts_of(media: Media) -> list[Floats]:
    plan = decode.segments(media, AudioDecode(segment_seconds=2))
    assert isinstance(plan, tuple)
    assert len(plan) == 5
    return [samples(Media(media.content, media.format, segment)) for segment in plan]


def assert_segments_equal_the_whole(media: Media) -> None:
    in_a_row, whole = np.concatenate(parts_of(media)), samples(media)
    size = min(len(in_a_row), len(whole))
    assert abs(len(in_a_row) - len(whole)) <= 2
    # AAC fills bands with random numbers (perceptual noise substitution), which differ by where decoding starts.
    noisy = media.format in {"m4a", "mp4", "aac"}
    assert np.abs(in_a_row[:size] - whole[:size]).max() < (0.02 if noisy else 2e-3)


def test_a_segment_of_a_long_recording_needs_the_memory_of_a_segment(
    sweep: Sweep, write: Write, tmp_path: Path
) -> None:
    path = tmp_path / "long.wav"
    path.write_bytes(write(np.tile(sweep(10.0, 8_000), 60), 8_000, "WAV", "PCM_16"))
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        tracemalloc.start()
        outcome = decoded(Media(content, "wav", Segment(570, 600)))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert isinstance(outcome, Item)
    assert peak < 8_000_000  # the whole is 9.6 MB encoded and 38 MB decoded; 30 s are 1.9 MB


@pytest.mark.parametrize("promise", [0xFFFF_FFFF, 0x7FFF_FFFF])
def test_a_wav_header_of_a_stream_that_never_knew_its_length_is_no_lie(
    sweep: Sweep, write: Write, promise: int
) -> None:
    content = bytearray(write(sweep(2.0, 16_000), 16_000, "WAV", "PCM_16"))
    content[40:44] = struct.pack("<I", promise)
    assert len(samples(Media(bytes(content), "wav"))) == 32_000


@pytest.mark.parametrize("promise", [70_000, 2_000_000_000])
def test_a_wav_header_that_promises_too_much_is_rejected(sweep: Sweep, write: Write, promise: int) -> None:
    content = bytearray(write(sweep(2.0, 16_000), 16_000, "WAV", "PCM_16"))
    content[40:44] = struct.pack("<I", promise)
    verdict = rejected(Media(bytes(content), "wav"))
    assert verdict.gate == "audio.decode"
    assert "64000 bytes of sound found" in verdict.reason


def test_a_flac_stream_of_unknown_length_is_decoded(sweep: Sweep, write: Write) -> None:
    content = bytearray(write(sweep(3.0, 16_000), 16_000, "FLAC", "PCM_16"))
    content[21] &= 0xF0  # STREAMINFO: the total number of samples are the low 36 bits of bytes 18 to 25 (RFC 9639)
    content[22:26] = bytes(4)
    assert decode.segments(Media(bytes(content), "flac"), AudioDecode(segment_seconds=1)) == (
        Segment(0, 1),
        Segment(1, 2),
        Segment(2, 3),
    )
    assert len(samples(Media(bytes(content), "flac"))) == 48_000


@pytest.mark.parametrize(
    ("name", "form", "words"),
    [("wav", "WAV", "breaks off"), ("flac", "FLAC", "lost sync"), ("mp3", "MP3", "breaks off")],
)
def test_a_recording_that_breaks_off_is_rejected(sweep: Sweep, write: Write, name: str, form: str, words: str) -> None:
    content = write(sweep(4.0, 44_100), 44_100, form, "")
    broken = Media(content[: len(content) // 2], name)
    verdict = rejected(broken)
    assert verdict.gate == "audio.decode"
    assert words in verdict.reason


def test_an_m4a_file_whose_sound_breaks_off_is_rejected(sweep: Sweep, encode: Write) -> None:
    content = encode(sweep(4.0, 44_100), 44_100, "ipod", "aac")
    index = content.index(b"moov") - 4
    data = content.index(b"mdat") - 4
    moved = bytearray(content[:data] + content[index:] + content[data : data + (index - data) // 2])
    offsets = moved.index(b"stco") + 12
    (first,) = struct.unpack(">I", moved[offsets : offsets + 4])
    moved[offsets : offsets + 4] = struct.pack(">I", first + len(content) - index)
    verdict = rejected(Media(bytes(moved), "m4a"))
    assert verdict.gate == "audio.decode"
    assert "breaks off" in verdict.reason


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "ogg", "m4a", "aac", "mkv"])
@pytest.mark.parametrize("content", [b"", b"no recording at all" * 40])
def test_bytes_that_are_no_recording_are_rejected_in_ffmpegs_words(
    name: str, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    verdict = rejected(Media(content, name))
    assert verdict.gate == "audio.decode"
    assert "export it again" in verdict.reason or "holds no sound" in verdict.reason
    assert capfd.readouterr() == ("", "")


def test_the_reason_keeps_what_ffmpeg_said(sweep: Sweep, encode: Write) -> None:
    content = encode(sweep(1.0, 44_100), 44_100, "ipod", "aac")
    assert "moov atom not found" in rejected(Media(content[: content.index(b"moov") - 4], "m4a")).reason


def test_a_decoder_that_does_not_open_rejects_the_recording(sweep: Sweep, encode: Write) -> None:
    content = bytearray(encode(sweep(1.0, 44_100), 44_100, "ipod", "aac"))
    place = content.index(b"\x05\x80\x80\x80") + 5  # AudioSpecificConfig, in its descriptor (ISO/IEC 14496-1, 7.2.6.7)
    content[place : place + 2] = b"\x52\x08"  # object type 10, which no standard defines, at 44.1 kHz, mono
    verdict = rejected(Media(bytes(content), "m4a"))
    assert verdict.gate == "audio.decode"
    assert "m4a file cannot be decoded" in verdict.reason


def test_a_film_without_sound_is_no_recording(silent_film: bytes) -> None:
    assert "no sound track" in rejected(Media(silent_film, "mp4")).reason


def test_samples_that_are_not_numbers_are_rejected(sweep: Sweep, write: Write) -> None:
    source = sweep(1.0, 16_000)
    source[8_000] = np.nan
    assert "not numbers" in rejected(Media(write(source, 16_000, "WAV", "FLOAT"), "wav")).reason


def test_channels_whose_sum_overflows_are_rejected_without_a_warning(write: Write) -> None:
    loud = np.full((1_000, 2), np.finfo(np.float32).max, np.float32)
    assert "not numbers" in rejected(Media(write(loud, 16_000, "WAV", "FLOAT"), "wav")).reason


def test_a_rate_that_no_recorder_has_is_rejected(write: Write) -> None:
    verdict = rejected(Media(write(np.zeros(100, np.float32), 2_000_000, "WAV", "PCM_16"), "wav"))
    assert verdict.gate == "audio.decode"
    assert "2000000 samples per second" in verdict.reason


@pytest.mark.parametrize(
    ("options", "gate", "score", "threshold"),
    [
        (AudioDecode(max_bytes=1_000), "audio.decode.maxBytes", 128_044, 1_000),
        (AudioDecode(max_seconds=1), "audio.decode.maxSeconds", 2, 1),
        (AudioDecode(max_channels=1), "audio.decode.maxChannels", 2, 1),
    ],
)
def test_a_recording_over_a_cap_is_rejected_by_it(
    sweep: Sweep, write: Write, options: AudioDecode, gate: str, score: float, threshold: float
) -> None:
    stereo = np.stack([sweep(2.0, 16_000)] * 2, axis=1)
    media = Media(write(stereo, 16_000, "WAV", "PCM_16"), "wav")
    verdict = rejected(media, options)
    assert (verdict.gate, verdict.score, verdict.threshold) == (gate, score, threshold)
    assert decode.segments(media, options) == verdict


def test_the_length_cap_holds_where_no_header_tells_the_length(sweep: Sweep, encode: Write) -> None:
    media = Media(encode(sweep(3.0, 16_000), 16_000, "adts", "aac"), "aac")
    assert rejected(media, AudioDecode(max_seconds=1)).gate == "audio.decode.maxSeconds"
    planned = decode.segments(media, AudioDecode(max_seconds=1))
    assert isinstance(planned, Rejected)
    assert planned.gate == "audio.decode.maxSeconds"


def test_a_bomb_of_unknown_length_fills_no_more_memory_than_the_cap(write: Write) -> None:
    content = bytearray(write(np.zeros(600 * 16_000, np.float32), 16_000, "FLAC", "PCM_16"))
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    tracemalloc.start()
    verdict = rejected(Media(bytes(content), "flac"), AudioDecode(max_seconds=10))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert verdict.gate == "audio.decode.maxSeconds"
    assert peak < 4_000_000  # ten seconds are 0.64 MB, ten minutes 38 MB


def test_one_broken_recording_leaves_its_neighbours_alone(sweep: Sweep, write: Write) -> None:
    good = Media(write(sweep(1.0, 16_000), 16_000, "WAV", "PCM_16"), "wav")
    outcomes = decode.build(AudioDecode())([Item("a", good), Item("b", Media(b"?", "wav")), Item("c", good)])
    assert [isinstance(outcome, Item) for outcome in outcomes] == [True, False, True]


def test_threads_decode_segments_of_one_mmap_at_once(sweep: Sweep, write: Write, tmp_path: Path) -> None:
    path = tmp_path / "shared.flac"
    path.write_bytes(write(sweep(8.0, 22_050), 22_050, "FLAC", "PCM_16"))
    found: dict[int, Floats] = {}

    def work(start: int) -> None:
        found[start] = samples(Media(content, "flac", Segment(start, start + 1)))

    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        threads = [threading.Thread(target=work, args=(start,)) for start in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        whole = samples(Media(content, "flac"))
    assert np.abs(np.concatenate([found[start] for start in range(8)]) - whole).max() < 1e-5


@given(data=st.data())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_no_damage_to_a_file_ever_raises(sweep: Sweep, write: Write, encode: Write, data: st.DataObject) -> None:
    source = sweep(0.5, 16_000)
    made = {
        "wav": lambda: write(source, 16_000, "WAV", "PCM_16"),
        "flac": lambda: write(source, 16_000, "FLAC", "PCM_16"),
        "ogg": lambda: write(source, 16_000, "OGG", "VORBIS"),
        "mp3": lambda: encode(source, 16_000, "mp3", "libmp3lame"),
        "m4a": lambda: encode(source, 16_000, "ipod", "aac"),
    }
    name = data.draw(st.sampled_from(sorted(made)))
    content = bytearray(made[name]())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=6)):
        content[place] ^= data.draw(st.integers(1, 255))
    media = Media(bytes(content[: data.draw(st.integers(0, len(content)))]), name)
    plan = decode.segments(media, AudioDecode())
    outcome = decoded(media)
    assert isinstance(plan, tuple | Rejected)
    assert isinstance(outcome, Item | Rejected)

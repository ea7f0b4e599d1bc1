from __future__ import annotations

import io
import resource
import struct
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import islice, pairwise

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.records import Clip, Item, Media, Pixels, Rejected, Segment
from mmpipe.spec.video import VideoDecode
from mmpipe.stages.video import decode, frames, timeline
from mmpipe.stages.video.film import Film as Opened

type Moving = Callable[[int], list[Pixels]]
type Film = Callable[..., bytes]

SIZE = 64

CODINGS = [
    ("mp4", "mp4", "libx264"),
    ("mov", "mov", "libx265"),
    ("mkv", "matroska", "libx264"),
    ("mkv", "matroska", "libx265"),
    ("webm", "webm", "libvpx"),
    ("webm", "webm", "libvpx-vp9"),
    ("webm", "webm", "libsvtav1"),
    ("mp4", "mp4", "libsvtav1"),
    ("avi", "avi", "mpeg4"),
    ("mp4", "mp4", "mpeg4"),
    ("avi", "avi", "mjpeg"),
    ("avi", "avi", "libx264"),
]


def decoded(media: Media, **options: object) -> Item[Clip] | Rejected:
    (outcome,) = decode.build(VideoDecode.model_validate({"size": SIZE} | options))([Item("a", media)])
    return outcome


def item(media: Media, **options: object) -> Item[Clip]:
    outcome = decoded(media, **options)
    assert isinstance(outcome, Item), outcome
    return outcome


def rejected(media: Media, **options: object) -> Rejected:
    outcome = decoded(media, **options)
    assert isinstance(outcome, Rejected)
    return outcome


def bounds(plan: tuple[Segment | None, ...]) -> list[float]:
    return [bound for segment in plan if segment for bound in (segment.start_s, segment.end_s)]


def every_picture(content: bytes) -> dict[int, Pixels]:
    """The reference: a loop that decodes everything from the start and scales with swscale, short edge to SIZE."""
    with av.open(io.BytesIO(content), "r") as container:
        stream = container.streams.video[0]
        found = {
            frame.pts: frame.reformat(96, SIZE, "rgb24", interpolation="BILINEAR") for frame in container.decode(stream)
        }
        return {
            round(float(pts * stream.time_base) * 1e6): frame.to_ndarray()[:, 16:80].astype(np.uint8)
            for pts, frame in found.items()
            if pts is not None
        }


def assert_bits_equal(content: bytes, clip: Clip) -> None:
    reference = every_picture(content)
    times = np.array(sorted(reference))
    for time, frame in zip(clip.timestamps_s, clip.frames, strict=True):
        nearest = int(times[np.abs(times - time * 1e6).argmin()])
        assert abs(nearest - time * 1e6) < 1_000
        assert np.array_equal(frame, reference[nearest])


@pytest.mark.parametrize(("name", "muxer", "encoder"), CODINGS)
def test_a_film_of_any_coding_becomes_evenly_spaced_pictures(
    moving: Moving, write_film: Film, name: str, muxer: str, encoder: str
) -> None:
    outcome = item(Media(write_film(moving(60), muxer, encoder), name), frames=4)
    clip = outcome.payload
    assert clip.frames.shape == (4, SIZE, SIZE, 3)
    assert clip.frames.dtype == np.uint8
    assert clip.timestamps_s == pytest.approx([0.25, 0.75, 1.25, 1.75], abs=0.035)
    originals = [moving(60)[round(float(time) * 30)][:, 16:80].astype(int) for time in clip.timestamps_s]
    for frame, original in zip(clip.frames, originals, strict=True):
        assert np.abs(frame.astype(int) - original).mean() < 40
    assert outcome.quality == 1.0
    assert outcome.facts["width"] == 96


@pytest.fixture
def fast_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails a test in which the fast way did not deliver, so that the plain way cannot cover up for it."""

    def never(*_: object) -> object:
        pytest.fail("the packets on the schedule were not enough")

    monkeypatch.setattr(frames, "_on_screen", never)


@pytest.mark.usefixtures("fast_only")
@pytest.mark.parametrize("gop", [1, 24, 250])
@pytest.mark.parametrize(
    "x264",
    [
        "bframes=0",
        "bframes=3:b-pyramid=none:b-adapt=0",
        "bframes=5:b-pyramid=normal:b-adapt=0",
        "open-gop=1:bframes=3:b-adapt=0",
    ],
)
@pytest.mark.parametrize("sampling", ["Uniform", "KeyFrames"])
def test_h264_pictures_equal_those_of_decoding_everything_bit_by_bit(
    moving: Moving, write_film: Film, gop: int, x264: str, sampling: str
) -> None:
    options = {"g": str(gop), "preset": "medium", "x264-params": f"{x264}:scenecut=0:log-level=-1"}
    content = write_film(moving(90), "mp4", "libx264", options=options)
    assert_bits_equal(content, item(Media(content, "mp4"), sampling=sampling, frames=7).payload)
    part = item(Media(content, "mp4", Segment(1.1, 2.3)), sampling=sampling, frames=5).payload
    assert_bits_equal(content, part)


@pytest.mark.usefixtures("fast_only")
@pytest.mark.parametrize(
    "x265",
    [
        "bframes=0",
        "bframes=4:b-pyramid=1:b-adapt=0",
        "bframes=4:open-gop=1:b-adapt=0",
        "bframes=3:temporal-layers=3:b-pyramid=1:b-adapt=0",
    ],
)
def test_hevc_pictures_equal_those_of_decoding_everything_bit_by_bit(
    moving: Moving, write_film: Film, x265: str
) -> None:
    options = {"preset": "veryfast", "x265-params": f"{x265}:keyint=25:min-keyint=25:scenecut=0:log-level=none"}
    content = write_film(moving(90), "mp4", "libx265", options=options)
    assert_bits_equal(content, item(Media(content, "mp4"), frames=16).payload)
    assert_bits_equal(content, item(Media(content, "mp4", Segment(1.1, 2.3)), frames=5).payload)


@pytest.mark.usefixtures("fast_only")
@pytest.mark.parametrize(("muxer", "encoder"), [("mp4", "mpeg4"), ("webm", "libvpx-vp9"), ("webm", "libsvtav1")])
def test_pictures_of_other_codecs_equal_those_of_decoding_everything(
    moving: Moving, write_film: Film, muxer: str, encoder: str
) -> None:
    bs = {"bf": "2"} if encoder == "mpeg4" else {}
    content = write_film(moving(60), muxer, encoder, options={"g": "20", **bs})
    assert_bits_equal(content, item(Media(content, muxer, Segment(0.9, 1.9)), frames=6).payload)


def test_packets_that_no_picture_needs_are_never_decoded(
    moving: Moving, write_film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"g": "250", "preset": "medium", "x264-params": "bframes=3:b-pyramid=none:b-adapt=0:log-level=-1"}
    content = write_film(moving(121), options=options)
    fed: list[object] = []
    real = frames._frames  # noqa: SLF001 - counts what reaches the decoder

    def counting(stretch: frames.Stretch, packet: av.Packet[av.VideoStream] | None) -> list[av.VideoFrame]:
        fed.append(packet)
        return real(stretch, packet)

    monkeypatch.setattr(frames, "_frames", counting)
    clip = item(Media(content, "mp4"), frames=4).payload
    assert len(clip.frames) == 4
    assert len(fed) < 50  # of 121: one in four is a reference, and nothing after the last choice is needed


def test_segments_take_the_pictures_that_lie_in_them(moving: Moving, write_film: Film) -> None:
    content = write_film(moving(148))
    plan = decode.segments(Media(content, "mp4"), VideoDecode(segment_seconds=2))
    assert isinstance(plan, tuple)
    assert bounds(plan) == pytest.approx([0, 2, 2, 148 / 30])  # the crumb of 0.93 s joins
    first, second = (item(Media(content, "mp4", segment), frames=4).payload for segment in plan)
    assert first.timestamps_s == pytest.approx([0.23, 0.73, 1.23, 1.73], abs=0.04)
    assert second.timestamps_s == pytest.approx([2.37, 3.1, 3.83, 4.57], abs=0.04)


def test_a_short_film_is_one_segment(moving: Moving, write_film: Film) -> None:
    assert decode.segments(Media(write_film(moving(60)), "mp4"), VideoDecode()) == (None,)


@pytest.mark.parametrize("muxer", ["mp4", "matroska"])
def test_variable_frame_rates_are_sampled_by_time(moving: Moving, write_film: Film, muxer: str) -> None:
    times = [*range(0, 1000, 100), *range(1000, 2000, 500), *range(2000, 4001, 50)]
    content = write_film(moving(len(times)), muxer, times=times)
    clip = item(Media(content, "mp4" if muxer == "mp4" else "mkv"), frames=4).payload
    assert clip.timestamps_s == pytest.approx([0.5, 1.5, 2.5, 3.5], abs=0.06)


def test_a_film_with_fewer_pictures_than_asked_gives_each_once(moving: Moving, write_film: Film) -> None:
    clip = item(Media(write_film(moving(3)), "mp4"), frames=8).payload
    assert clip.timestamps_s == pytest.approx([0, 1 / 30, 2 / 30], abs=1e-3)


def test_a_film_of_one_picture_is_a_film(moving: Moving, write_film: Film) -> None:
    assert len(item(Media(write_film(moving(1)), "mp4")).payload.frames) == 1


@pytest.mark.parametrize(("turn", "corner"), [(0, (0, 0)), (90, (1, 0)), (180, (1, 1)), (270, (0, 1))])
def test_a_turned_film_is_shown_upright(write_film: Film, turn: int, corner: tuple[int, int]) -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:32, :32] = 255
    frame = item(Media(write_film([picture] * 5, turn=turn), "mp4")).payload.frames[0]
    quarters = {(row, column): frame[16 + 32 * row, 16 + 32 * column].mean() for row in (0, 1) for column in (0, 1)}
    assert max(quarters, key=lambda place: quarters[place]) == corner


def test_the_short_edge_is_scaled_and_the_middle_cut(write_film: Film) -> None:
    picture = np.zeros((64, 192, 3), np.uint8)
    picture[:, 64:128] = 255
    frame = item(Media(write_film([picture] * 5), "mp4"), size=32).payload.frames[0]
    assert frame.shape == (32, 32, 3)
    assert frame[:, 2:-2].min() > 200


def scenes_of(lengths: list[int]) -> list[Pixels]:
    pictures = []
    for scene, length in enumerate(lengths):
        level = 30 + 70 * scene
        noise = np.random.default_rng(scene).integers(level, level + 25, (64, 96, 3)).astype(np.uint8)
        pictures += [np.roll(noise, index, 1) for index in range(length)]
    return pictures


@pytest.mark.parametrize(("muxer", "encoder"), [("mp4", "libx264"), ("avi", "mpeg4"), ("webm", "libvpx-vp9")])
def test_scene_sampling_takes_the_middle_of_each_scene(write_film: Film, muxer: str, encoder: str) -> None:
    content = write_film(scenes_of([30, 60, 30]), muxer, encoder)
    clip = item(Media(content, muxer), sampling="Scene").payload
    assert clip.timestamps_s == pytest.approx([0.5, 2.0, 3.5], abs=0.1)


def test_scene_sampling_takes_the_longest_scenes_where_there_are_too_many(write_film: Film) -> None:
    clip = item(Media(write_film(scenes_of([30, 60, 10])), "mp4"), sampling="Scene", frames=2).payload
    assert clip.timestamps_s == pytest.approx([0.5, 2.0], abs=0.1)


def test_scene_sampling_of_a_film_without_a_cut_is_uniform(moving: Moving, write_film: Film) -> None:
    media = Media(write_film(moving(60)), "mp4")
    scene, uniform = item(media, sampling="Scene").payload, item(media).payload
    assert np.array_equal(scene.timestamps_s, uniform.timestamps_s)


def test_key_frame_sampling_takes_key_frames_only(moving: Moving, write_film: Film) -> None:
    content = write_film(moving(90), options={"g": "20", "x264-params": "scenecut=0:log-level=-1"})
    clip = item(Media(content, "mp4"), sampling="KeyFrames").payload
    assert clip.timestamps_s == pytest.approx([0, 20 / 30, 40 / 30, 2, 80 / 30], abs=1e-3)
    few = item(Media(content, "mp4"), sampling="KeyFrames", frames=2).payload
    assert few.timestamps_s == pytest.approx([20 / 30, 2], abs=1e-3)


def test_a_stretch_without_a_key_frame_is_sampled_evenly(moving: Moving, write_film: Film) -> None:
    media = Media(write_film(moving(90)), "mp4", Segment(1, 3))
    assert len(item(media, sampling="KeyFrames").payload.frames) == 8


def chirp(seconds: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    times = np.arange(round(seconds * 16_000)) / 16_000
    return (0.5 * np.sin(2 * np.pi * (200 * times + 20 * times**2))).astype(np.float32)


@pytest.mark.parametrize(
    ("muxer", "name", "encoder"), [("mp4", "mp4", "libx264"), ("avi", "avi", "mpeg4"), ("webm", "webm", "libvpx")]
)
def test_the_sound_of_a_segment_is_that_of_its_stretch(
    moving: Moving, write_film: Film, muxer: str, name: str, encoder: str
) -> None:
    sound = chirp(4)
    media = Media(write_film(moving(120), muxer, encoder, sound=sound), name, Segment(1, 3))
    heard = item(media).payload.audio
    assert heard is not None
    assert heard.dtype == np.float32
    assert len(heard) == 32_000
    # Opus and Matroska's time stamps may shift by 1 ms, so the best of the near shifts is compared.
    errors = [np.abs(heard[100:-100] - sound[16_000 + lag + 100 : 48_000 + lag - 100]).mean() for lag in range(-20, 21)]
    assert min(errors) < 0.03


def test_sound_that_starts_late_keeps_its_place(moving: Moving, write_film: Film) -> None:
    heard = item(Media(write_film(moving(90), "matroska", sound=chirp(2), sound_at=1.0), "mkv")).payload.audio
    assert heard is not None
    assert len(heard) == 48_000
    assert np.abs(heard[:15_000]).max() == 0
    errors = [np.abs(heard[17_000 + lag : 47_000 + lag] - chirp(2)[1_000:31_000]).mean() for lag in range(-40, 41)]
    assert min(errors) < 0.03


def test_a_film_without_sound_has_none(moving: Moving, write_film: Film) -> None:
    outcome = item(Media(write_film(moving(10)), "mp4"))
    assert outcome.payload.audio is None
    assert "sound_error" not in outcome.facts


def test_ignored_sound_is_not_decoded(moving: Moving, write_film: Film) -> None:
    outcome = item(Media(write_film(moving(30), sound=chirp(1)), "mp4"), audio_track="Ignore")
    assert outcome.payload.audio is None
    assert "sound_codec" not in outcome.facts


def test_a_broken_sound_track_is_a_fact_and_no_verdict(moving: Moving, write_film: Film) -> None:
    content = bytearray(write_film(moving(30), "avi", "mpeg4", sound=chirp(1)))
    place = content.index(b"strf", content.index(b"auds")) + 8  # WAVEFORMATEX starts with the number of the codec:
    content[place : place + 2] = struct.pack("<H", 0x160)  # Windows Media Audio 1, which is not on the list
    outcome = item(Media(bytes(content), "avi"))
    assert outcome.payload.audio is None
    assert "wmav1" in str(outcome.facts["sound_error"])
    assert outcome.quality == 1.0


@pytest.mark.parametrize(("name", "muxer"), [("mp4", "mp4"), ("mkv", "matroska"), ("avi", "avi")])
def test_a_truncated_film_gives_what_is_there_and_says_so(
    moving: Moving, write_film: Film, name: str, muxer: str
) -> None:
    encoder = "mpeg4" if name == "avi" else "libx264"
    muxing = {"movflags": "faststart"} if name == "mp4" else {}
    content = write_film(moving(150), muxer, encoder, options={"g": "15"}, muxing=muxing)
    outcome = item(Media(content[: len(content) * 6 // 10], name))
    assert outcome.facts["truncated"] is True
    assert 0.4 < outcome.quality < 0.8
    assert outcome.payload.timestamps_s.max() < 4.5
    plan = decode.segments(Media(content[: len(content) * 6 // 10], name), VideoDecode(segment_seconds=1))
    assert isinstance(plan, tuple)
    assert plan[-1] is not None
    assert 2 < plan[-1].end_s < 4.5


def test_a_film_that_breaks_with_an_error_gives_what_came_before(
    moving: Moving, write_film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = timeline.packets

    def breaking(film: Opened, segment: Segment | None) -> Iterator[av.Packet[av.VideoStream]]:
        yield from islice(whole(film, segment), 40)
        raise av.error.InvalidDataError(av.error.tag_to_code(b"INDA"), "the disk under it is bad")

    monkeypatch.setattr(timeline, "packets", breaking)
    monkeypatch.setattr(frames, "packets", breaking)
    outcome = item(Media(write_film(moving(90)), "mp4"))
    assert outcome.facts["truncated"] is True
    assert outcome.payload.timestamps_s.max() < 40 / 30


def test_a_film_without_its_index_is_rejected_in_ffmpegs_words(
    moving: Moving, write_film: Film, capfd: pytest.CaptureFixture[str]
) -> None:
    content = write_film(moving(30))
    verdict = rejected(Media(content[: content.index(b"moov") - 4], "mp4"))
    assert verdict.gate == "video.decode"
    assert "moov atom not found" in verdict.reason
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["mp4", "mov", "mkv", "webm", "avi"])
@pytest.mark.parametrize("content", [b"", b"no film at all " * 50])
def test_bytes_that_are_no_film_are_rejected(name: str, content: bytes) -> None:
    assert rejected(Media(content, name)).gate == "video.decode"
    assert isinstance(decode.segments(Media(content, name), VideoDecode()), Rejected)


def test_damaged_pictures_are_told_and_take_quality_away(moving: Moving, write_film: Film) -> None:
    content = bytearray(write_film(moving(60), options={"g": "5"}))
    with av.open(io.BytesIO(content), "r") as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0)]
    for place, size in places[40:60]:
        assert place is not None
        content[place : place + size] = bytes(size)
    outcome = item(Media(bytes(content), "mp4"))
    packets = outcome.facts["damaged_packets"]
    assert isinstance(packets, int)
    assert packets > 0
    assert outcome.quality < 1


@pytest.mark.parametrize("lie", [1, 3_600_000])
def test_a_duration_header_that_lies_is_not_believed(moving: Moving, write_film: Film, lie: int) -> None:
    content = bytearray(write_film(moving(90), "matroska"))
    place = content.index(b"\x44\x89\x88") + 3
    content[place : place + 8] = struct.pack(">d", lie)
    at = content.find(b"DURATION")
    content[at : at + 8] = b"NOTHING_"
    plan = decode.segments(Media(bytes(content), "mkv"), VideoDecode(segment_seconds=1))
    assert plan == (Segment(0, 1), Segment(1, 2), Segment(2, 3))


def test_a_film_that_was_streamed_and_never_knew_its_length_is_measured(moving: Moving, write_film: Film) -> None:
    content = write_film(moving(90), muxing={"movflags": "frag_keyframe+empty_moov"}, options={"g": "15"})
    plan = decode.segments(Media(content, "mp4"), VideoDecode(segment_seconds=1))
    assert isinstance(plan, tuple)
    assert bounds(plan) == pytest.approx([0, 1, 1, 2, 2, 3])
    assert len(item(Media(content, "mp4", Segment(2, 3)), frames=4).payload.frames) == 4


def test_a_codec_that_is_not_on_the_list_is_rejected_by_name(moving: Moving, write_film: Film) -> None:
    verdict = rejected(Media(write_film(moving(10), "matroska", "ffv1"), "mkv"))
    assert verdict.gate == "video.decode"
    assert "ffv1" in verdict.reason


def test_a_codec_that_nobody_knows_is_told_as_unknown(moving: Moving, write_film: Film) -> None:
    content = write_film(moving(30)).replace(b"avc1", b"wxyz")
    assert "something unknown" in rejected(Media(content, "mp4")).reason


def test_a_film_whose_decoder_lacks_its_settings_is_rejected(moving: Moving, write_film: Film) -> None:
    content = bytearray(write_film(moving(30)))
    place = content.index(b"avcC") + 4
    content[place + 4 : place + 12] = b"\xff" * 8
    assert "no picture of the film decodes" in rejected(Media(bytes(content), "mp4")).reason


def test_a_recording_is_no_film() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=16_000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        container.mux(stream.encode(None))
    assert rejected(Media(file.getvalue(), "mp4")).gate == "video.decode"


@pytest.mark.parametrize(
    ("options", "gate", "score", "threshold"),
    [
        ({"max_bytes": 100}, "video.decode.maxBytes", None, 100),
        ({"max_pixels": 6_000}, "video.decode.maxPixels", 96 * 64, 6_000),
        ({"max_seconds": 1.5}, "video.decode.maxSeconds", 2, 1.5),
        ({"max_frames": 50}, "video.decode.maxFrames", 60, 50),
    ],
)
def test_a_film_over_a_cap_is_rejected_by_it(
    moving: Moving, write_film: Film, options: dict[str, float], gate: str, score: float | None, threshold: float
) -> None:
    media = Media(write_film(moving(60)), "mp4")
    verdict = rejected(media, **options)
    assert (verdict.gate, verdict.threshold) == (gate, threshold)
    assert score is None or verdict.score == score
    assert decode.segments(media, VideoDecode.model_validate(options)) == verdict


def test_the_cap_on_frames_holds_where_no_header_tells_their_number(moving: Moving, write_film: Film) -> None:
    verdict = rejected(Media(write_film(moving(60), "matroska"), "mkv"), max_frames=50)
    assert (verdict.gate, verdict.score) == ("video.decode.maxFrames", 51)


def test_pictures_that_grow_over_the_cap_on_the_way_are_not_decoded(moving: Moving, write_film: Film) -> None:
    small = write_film(moving(20), "avi", "mjpeg")
    large = write_film([picture.repeat(4, 0).repeat(4, 1) for picture in moving(20)], "avi", "mjpeg")
    file = io.BytesIO()
    with (
        av.open(io.BytesIO(small), "r") as one,
        av.open(io.BytesIO(large), "r") as two,
        av.open(file, "w", format="avi") as both,
    ):
        stream = both.add_stream_from_template(one.streams.video[0])
        packets = [*one.demux(video=0), *two.demux(video=0)]
        for index, packet in enumerate(packet for packet in packets if packet.size):
            packet.stream, packet.pts, packet.dts = stream, index, index
            both.mux(packet)
    media = Media(file.getvalue(), "avi")
    assert item(media, frames=4, max_pixels=96 * 64 * 16).quality == 1
    capped = item(media, frames=4, max_pixels=96 * 64)
    assert capped.payload.timestamps_s.max() < 20 / 30
    assert capped.facts["damaged_packets"]


def test_a_thin_strip_is_rejected_before_it_becomes_enormous(write_film: Film) -> None:
    strip = np.zeros((16, 512, 3), np.uint8)
    assert "512 x 16" in rejected(Media(write_film([strip] * 3), "mp4")).reason


def test_a_long_film_needs_the_memory_of_a_segment(moving: Moving, write_film: Film) -> None:
    texture = moving(1)[0]
    pictures = [np.roll(texture, index // 25, 1) for index in range(10 * 180)]
    content = write_film(pictures, rate=10, sound=np.zeros(180 * 16_000, np.float32), options={"g": "50"})
    del pictures
    plan = decode.segments(Media(content, "mp4"), VideoDecode())
    assert isinstance(plan, tuple)
    assert len(plan) == 6
    item(Media(content, "mp4", plan[0]))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    for segment in plan:
        item(Media(content, "mp4", segment))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert peak < 12_000_000  # 30 s of sound are 1.9 MB; the film's pictures would be 33 MB, its sound 11.5 MB
    assert after - before < 40_000  # KiB


def test_one_broken_film_leaves_its_neighbours_alone(moving: Moving, write_film: Film) -> None:
    good = Media(write_film(moving(10)), "mp4")
    outcomes = decode.build(VideoDecode())([Item("a", good), Item("b", Media(b"?", "mp4")), Item("c", good)])
    assert [isinstance(outcome, Item) for outcome in outcomes] == [True, False, True]


def test_threads_decode_segments_of_one_film_at_once(moving: Moving, write_film: Film) -> None:
    content = write_film(moving(120), options={"g": "15"})
    stage = decode.build(VideoDecode(size=SIZE, frames=3))
    found: dict[int, Item[Clip] | Rejected] = {}

    def work(start: int) -> None:
        (found[start],) = stage([Item("a", Media(content, "mp4", Segment(start, start + 1)))])

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    clips = [outcome.payload for _, outcome in sorted(found.items()) if isinstance(outcome, Item)]
    assert len(clips) == 4
    for clip in clips:
        assert_bits_equal(content, clip)
    assert all(before.timestamps_s[-1] < after.timestamps_s[0] for before, after in pairwise(clips))


@given(data=st.data())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_no_damage_to_a_film_ever_raises(films: dict[str, bytes], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(films)))
    content = bytearray(films[name])
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=8)):
        content[place] ^= data.draw(st.integers(1, 255))
    media = Media(bytes(content[: data.draw(st.integers(0, len(content)))]), name)
    options = VideoDecode(size=32, sampling=data.draw(st.sampled_from(["Uniform", "Scene", "KeyFrames"])))
    (outcome,) = decode.build(options)([Item("a", media)])
    assert isinstance(outcome, Item | Rejected)
    assert isinstance(decode.segments(media, options), tuple | Rejected)


@pytest.fixture(scope="module")
def films(moving: Moving, write_film: Film) -> dict[str, bytes]:
    return {
        "mp4": write_film(moving(20), sound=chirp(0.6), muxing={"movflags": "faststart"}),
        "mkv": write_film(moving(20), "matroska", "libx265", sound=chirp(0.6)),
        "webm": write_film(moving(20), "webm", "libvpx-vp9"),
        "avi": write_film(moving(20), "avi", "mpeg4", sound=chirp(0.6)),
    }

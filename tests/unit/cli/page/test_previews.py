import io
import logging
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from PIL import Image

from mmpipe.cli.page import ShownPart, clips
from mmpipe.cli.page.previews import Absent, DepthMap, Excerpt, Film, Picture, Sound, preview
from mmpipe.records import Floats, Modality, Pixels, Segment
from mmpipe.spec import PipelineSpec
from mmpipe.spec.depth import DepthDecode, DepthModality

SPEC = PipelineSpec()
type Media = dict[Modality, ShownPart]
type Tone = Callable[[float, float], Floats]


def _content(uri: str, media_type: str) -> bytes:
    head, _, body = uri.partition(",")
    assert head == f"data:{media_type};base64"
    return b64decode(body, validate=True)


def _pixels(uri: str) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(_content(uri, "image/webp"))).convert("RGB"))


def _heard(uri: str) -> Floats:
    samples: Floats = soundfile.read(io.BytesIO(_content(uri, "audio/mpeg")), dtype="float32")[0]
    return samples


def _loudest_hz(samples: Floats) -> float:
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.fft.rfftfreq(len(samples), 1 / 16_000)[spectrum.argmax()])


def _text(content: bytes, name: str = "txt") -> ShownPart:
    return ShownPart(Modality.TEXT, name, content, "file:///a.txt")


def test_an_image_is_shown_as_the_pipeline_cuts_it(media: Media) -> None:
    drawn = preview(media[Modality.IMAGE], SPEC)
    assert isinstance(drawn, Picture)
    pixels = _pixels(drawn.src)
    assert pixels.shape == (384, 384, 3)
    # The middle square of 300 x 200 pixels; red grows downwards, green from a sixth to five sixths of the width.
    assert np.allclose(pixels[192, 192], (127, 127, 90), atol=8)
    assert np.allclose(pixels[192, 4], (127, 43, 90), atol=8)


def test_what_an_image_hides_in_its_metadata_stays_behind() -> None:
    exif = Image.Exif()
    exif[0x010E] = "secret address"
    with io.BytesIO() as file:
        Image.new("RGB", (64, 64), "teal").save(file, "JPEG", exif=exif)
        content = file.getvalue()
    drawn = preview(ShownPart(Modality.IMAGE, "jpeg", content, "file:///a.jpg"), SPEC)
    assert b"secret" in content
    assert isinstance(drawn, Picture)
    assert b"secret" not in _content(drawn.src, "image/webp")


def test_a_depth_map_comes_with_its_legend_in_metres(media: Media) -> None:
    drawn = preview(media[Modality.DEPTH], SPEC)
    assert isinstance(drawn, DepthMap)
    assert (drawn.near, drawn.far, drawn.note) == ("1.04 m", "2.96 m", "grey: 10% unknown")
    assert _pixels(drawn.src).shape == (100, 100, 3)
    assert _pixels(drawn.legend_src).shape == (1, 256, 3)


def test_a_depth_map_is_read_in_the_unit_of_the_spec(media: Media) -> None:
    spec = PipelineSpec(modalities=(DepthModality(decode=DepthDecode(metres_per_unit=0.01)),))
    drawn = preview(media[Modality.DEPTH], spec)
    assert isinstance(drawn, DepthMap)
    assert (drawn.near, drawn.far) == ("10.4 m", "29.6 m")


def test_a_depth_map_that_knows_nothing_says_so() -> None:
    with io.BytesIO() as file:
        Image.fromarray(np.zeros((16, 16), np.uint16)).save(file, "PNG")
        part = ShownPart(Modality.DEPTH, "png", file.getvalue(), "file:///a.png")
    assert preview(part, SPEC) == Absent("The depth is unknown at every pixel.")


def test_a_recording_is_drawn_and_played(media: Media) -> None:
    drawn = preview(media[Modality.AUDIO], SPEC)
    assert isinstance(drawn, Sound)
    assert drawn.path.startswith("M0.5 ")
    assert drawn.note == ""
    assert abs(_loudest_hz(_heard(drawn.src)) - 440) < 2


def test_a_recording_is_played_from_where_the_hit_is(tone: Tone, wav: Callable[[Floats], bytes]) -> None:
    content = wav(np.concatenate([tone(440, 2.0), tone(1200, 2.0)]))
    part = ShownPart(Modality.AUDIO, "wav", content, "file:///a.wav")
    drawn = preview(part, SPEC, Segment(2.0, 3.0))
    assert isinstance(drawn, Sound)
    samples = _heard(drawn.src)
    assert abs(len(samples) / 16_000 - 1.0) < 0.1
    assert abs(_loudest_hz(samples) - 1200) < 3
    assert drawn.note == "plays 0:02\u20130:03"


def test_of_a_long_recording_the_first_half_minute_is_played(tone: Tone, wav: Callable[[Floats], bytes]) -> None:
    part = ShownPart(Modality.AUDIO, "wav", wav(tone(440, 45.0)), "file:///a.wav")
    drawn = preview(part, SPEC)
    assert isinstance(drawn, Sound)
    assert abs(len(_heard(drawn.src)) / 16_000 - 30.0) < 0.1
    assert drawn.note == "plays 0:00\u20130:30"


def test_a_film_comes_with_player_poster_strip_and_waveform(media: Media) -> None:
    drawn = preview(media[Modality.VIDEO], SPEC)
    assert isinstance(drawn, Film)
    assert _content(drawn.src, "video/mp4")[4:8] == b"ftyp"
    assert _pixels(drawn.poster_src).shape == (256, 256, 3)
    strip = _pixels(drawn.strip_src)
    assert strip.shape == (96, 8 * 96, 3)
    assert np.allclose(strip[48, 48], (220, 0, 0), atol=30)
    assert np.allclose(strip[48, -48], (0, 0, 220), atol=30)
    assert drawn.strip_times.split(", ")[0] == "0:00.0"
    assert drawn.path


def test_a_film_is_played_from_where_the_hit_is(media: Media) -> None:
    drawn = preview(media[Modality.VIDEO], SPEC, Segment(1.0, 2.0))
    assert isinstance(drawn, Film)
    assert np.allclose(_pixels(drawn.poster_src)[128, 128], (0, 0, 220), atol=30)
    assert drawn.note == "plays 0:01\u20130:02"


def test_of_a_long_segment_of_a_film_the_first_seconds_are_played(mp4: Callable[..., bytes]) -> None:
    part = ShownPart(Modality.VIDEO, "mp4", mp4(np.full((40, 64, 64, 3), 90, np.uint8), 2), "file:///a.mp4")
    drawn = preview(part, SPEC, Segment(5.0, 20.0))
    assert isinstance(drawn, Film)
    assert drawn.note == "plays 0:05\u20130:11"


def test_a_silent_film_has_no_waveform(mp4: Callable[..., bytes]) -> None:
    part = ShownPart(Modality.VIDEO, "mp4", mp4(np.full((5, 64, 64, 3), 90, np.uint8), 5), "file:///a.mp4")
    drawn = preview(part, SPEC)
    assert isinstance(drawn, Film)
    assert drawn.path == ""


def test_a_film_of_one_frame_is_shown(mp4: Callable[..., bytes]) -> None:
    part = ShownPart(Modality.VIDEO, "mp4", mp4(np.full((1, 64, 64, 3), 90, np.uint8), 5), "file:///a.mp4")
    assert isinstance(preview(part, SPEC), Film)


def test_a_short_text_is_shown_whole(media: Media) -> None:
    assert preview(media[Modality.TEXT], SPEC) == Excerpt("A red bell & a blue drum.", "")


def test_of_a_long_text_the_rest_is_counted() -> None:
    drawn = preview(_text(b"word " * 300), SPEC)
    assert isinstance(drawn, Excerpt)
    kept = drawn.text.removesuffix(" \u2026")
    assert set(kept.split()) == {"word"}
    assert drawn.note == f"{300 * 5 - 1 - len(kept):,} more characters"  # cleaning takes the last blank


def test_a_text_without_blanks_is_cut_all_the_same() -> None:
    drawn = preview(_text("字".encode() * 2_000), SPEC)
    assert isinstance(drawn, Excerpt)
    assert drawn.note == "1,520 more characters"


def test_of_html_only_the_visible_text_is_shown() -> None:
    html = b"<!doctype html><p>A <b>red</b> bell</p><script>alert(1)</script>"
    drawn = preview(_text(html, "html"), SPEC)
    assert drawn == Excerpt("A red bell", "")


@pytest.mark.parametrize("modality", Modality)
def test_a_part_without_its_original_says_so(modality: Modality, media: Media) -> None:
    drawn = preview(replace(media[modality], content=None), SPEC)
    assert isinstance(drawn, Absent)
    assert "original is not at hand" in drawn.reason


@pytest.mark.parametrize("modality", [m for m in Modality if m != Modality.TEXT])
def test_a_part_that_does_not_decode_gives_its_reason(modality: Modality, media: Media) -> None:
    part = media[modality]
    assert part.content is not None
    drawn = preview(replace(part, content=part.content[:40]), SPEC)
    assert isinstance(drawn, Absent)
    assert len(drawn.reason) > 20


def test_an_empty_text_gives_the_reason_of_its_gate() -> None:
    drawn = preview(_text(b"  \n "), SPEC)
    assert isinstance(drawn, Absent)
    assert "minCharacters" in drawn.reason


def test_a_fault_of_ours_is_shown_and_logged(
    media: Media, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Floats) -> bytes:
        raise RuntimeError("no encoder")

    monkeypatch.setattr(clips, "mp3", broken)
    with caplog.at_level(logging.ERROR):
        drawn = preview(media[Modality.AUDIO], SPEC)
    assert drawn == Absent("The preview failed: RuntimeError: no encoder")
    assert "file:///photos/a.audio.wav" in caplog.text

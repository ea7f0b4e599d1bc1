"""Small real media by reference libraries, and a reader of pages that accepts well-formed HTML only."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser

import av
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from PIL import Image

from mmpipe.cli.page import ShownPart
from mmpipe.records import Modality

RATE_HZ = 16_000
VOID = {"meta", "link", "img", "br", "hr", "input", "path", "rect"}
type Attributes = dict[str, str]
type Sound = NDArray[np.float32]
type Frames = NDArray[np.uint8]


@dataclass
class Page(HTMLParser):
    """What a page consists of. Raises AssertionError where a tag is closed that is not the open one."""

    elements: list[tuple[str, Attributes]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    style: str = ""
    open_tags: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open_tags.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open_tags, f"</{tag}> closes nothing"
        assert self.open_tags.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open_tags[-1:] == ["style"]:
            self.style += data
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[Attributes]:
        return [attributes for name, attributes in self.elements if name == tag]


def read_html(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    assert page.open_tags == []
    return page


def sine(frequency_hz: float, seconds: float) -> Sound:
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (0.5 * np.sin(2 * np.pi * frequency_hz * times)).astype(np.float32)


def wav_file(samples: Sound) -> bytes:
    with io.BytesIO() as file:
        soundfile.write(file, samples, RATE_HZ, format="WAV")
        return file.getvalue()


def encoded(pixels: NDArray[np.generic], name: str) -> bytes:
    with io.BytesIO() as file:
        Image.fromarray(pixels).save(file, name)
        return file.getvalue()


def mp4_file(frames: Frames, frames_per_s: int, sound: Sound | None = None) -> bytes:
    """A film of uint8 [frames, height, width, 3], with AAC sound where there is some."""
    with io.BytesIO() as file:
        with av.open(file, "w", format="mp4") as container:
            picture = container.add_stream("libx264", rate=frames_per_s, options={"preset": "ultrafast"})
            picture.height, picture.width = frames.shape[1:3]
            track = None if sound is None else container.add_stream("aac", rate=RATE_HZ, layout="mono")
            for pixels in frames:
                container.mux(picture.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
            container.mux(picture.encode(None))
            if track is not None and sound is not None:
                heard = av.AudioFrame.from_ndarray(sound[None], "fltp", "mono")
                heard.sample_rate = RATE_HZ
                container.mux(track.encode(heard))
                container.mux(track.encode(None))
        return file.getvalue()


def photograph() -> Frames:
    """Smooth colours, uint8 [200, 300, 3]: red grows downwards, green to the right."""
    down, right = np.mgrid[0:200, 0:300]
    return np.stack([down * 255 // 200, right * 255 // 300, np.full_like(down, 90)], axis=-1).astype(np.uint8)


def slope_mm() -> NDArray[np.uint16]:
    """Depth from 1 m at the left to 3 m at the right, unknown in the upper tenth."""
    depth = np.tile(np.linspace(1000, 3000, 100).astype(np.uint16), (100, 1))
    depth[:10] = 0
    return depth


def red_then_blue() -> Frames:
    """Two seconds at 10 frames per second: one second red, one second blue."""
    frames = np.zeros((20, 64, 64, 3), np.uint8)
    frames[:10, ..., 0] = frames[10:, ..., 2] = 220
    return frames


@pytest.fixture(scope="session")
def media() -> dict[Modality, ShownPart]:
    """One part of every modality, as a sample brings them."""
    contents = {
        Modality.TEXT: ("txt", b"A red bell & a blue drum."),
        Modality.IMAGE: ("jpeg", encoded(photograph(), "JPEG")),
        Modality.AUDIO: ("wav", wav_file(sine(440, 1.0))),
        Modality.VIDEO: ("mp4", mp4_file(red_then_blue(), 10, sine(440, 2.0))),
        Modality.DEPTH: ("png", encoded(slope_mm(), "PNG")),
    }
    return {
        modality: ShownPart(modality, name, content, f"file:///photos/a.{modality}.{name}", {"bytes": len(content)})
        for modality, (name, content) in contents.items()
    }


@pytest.fixture(scope="session")
def tone() -> Callable[[float, float], Sound]:
    """A sine of a frequency in hertz and a length in seconds."""
    return sine


@pytest.fixture(scope="session")
def wav() -> Callable[[Sound], bytes]:
    return wav_file


@pytest.fixture(scope="session")
def mp4() -> Callable[[Frames, int, Sound | None], bytes]:
    return mp4_file


@pytest.fixture(scope="session")
def read_page() -> Callable[[str], Page]:
    return read_html

"""Decoded sound and film as small files that every browser plays: MP3, and MP4 with H.264 and AAC.

What is encoded is what the stages decoded, never a copy of the original: a page stays small, carries no metadata of
the original (places, names), and no hostile container reaches a browser.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING, Literal

import numpy as np

from mmpipe.records import Clip, Floats
from mmpipe.stages.media.sound import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream, VideoFrame, VideoStream
    from av.container import OutputContainer

SOUND_BITS_PER_S = 24_000
"""Of MP3 and AAC: 16 kHz mono holds little that more would bring out."""
PICTURE_BITS_PER_S = 120_000
"""Ceiling of H.264; calm films stay far below it."""
_TICKS_PER_S = 1000
_X264 = {
    "preset": "veryfast",
    "crf": "27",
    "maxrate": str(PICTURE_BITS_PER_S),
    "bufsize": str(PICTURE_BITS_PER_S),
    # One thread: previews are made side by side already, and the same film gives the same bytes.
    "threads": "1",
}


def mp3(samples: Floats) -> bytes:
    """A sound, float32 [samples] mono 16 kHz, as an MP3 file."""

    def fill(container: OutputContainer) -> None:
        _write(container, _sound_stream(container, "mp3"), [_sound_frame(samples)])

    return _file("mp3", fill)


def mp4(clip: Clip, start_s: float) -> bytes:
    """A film whose second 0 is second ``start_s`` of the original, as an MP4 file; frames need even edges."""

    def fill(container: OutputContainer) -> None:
        # Every stream is declared before the first packet is written: the header names them all.
        picture = _picture_stream(container, clip)
        sound = None if clip.audio is None or not clip.audio.size else _sound_stream(container, "aac")
        _write(container, picture, _picture_frames(clip, start_s))
        if sound is not None and clip.audio is not None:
            _write(container, sound, [_sound_frame(clip.audio)])

    return _file("mp4", fill)


def _file(name: str, fill: Callable[[OutputContainer], None]) -> bytes:
    import av  # 80 ms that only a page with sounds or films pays

    with io.BytesIO() as file:
        with av.open(file, "w", format=name) as container:
            fill(container)
        return file.getvalue()


def _write(
    container: OutputContainer, stream: AudioStream | VideoStream, frames: Iterable[AudioFrame | VideoFrame]
) -> None:
    for frame in chain(frames, [None]):
        container.mux(stream.encode(frame))  # type: ignore[arg-type]  # the frames are of the stream's own kind


def _sound_stream(container: OutputContainer, codec: Literal["aac", "mp3"]) -> AudioStream:
    stream = container.add_stream(codec, rate=SAMPLE_RATE_HZ, layout="mono")
    stream.bit_rate = SOUND_BITS_PER_S
    return stream


def _sound_frame(samples: Floats) -> AudioFrame:
    import av  # as above

    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.clip(-1.0, 1.0)[None]), "fltp", "mono")
    frame.sample_rate = SAMPLE_RATE_HZ
    frame.pts = 0
    frame.time_base = Fraction(1, SAMPLE_RATE_HZ)
    return frame


def _picture_stream(container: OutputContainer, clip: Clip) -> VideoStream:
    stream = container.add_stream("libx264", options=_X264)
    stream.height, stream.width = clip.frames.shape[1:3]
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, _TICKS_PER_S)
    return stream


def _picture_frames(clip: Clip, start_s: float) -> Iterator[VideoFrame]:
    """Frames at their own times, whatever the rate; the first one stands from the start, so no film opens black."""
    import av  # as above

    ticks = np.rint((clip.timestamps_s - np.float32(start_s)) * _TICKS_PER_S).astype(np.int64)
    ticks[0] = 0
    # A short film has fewer frames than were asked for, and one shown twice would not move on in time.
    _, distinct = np.unique(ticks, return_index=True)
    for at in distinct:
        frame = av.VideoFrame.from_ndarray(clip.frames[at], "rgb24")
        frame.pts = int(ticks[at])
        frame.time_base = Fraction(1, _TICKS_PER_S)
        yield frame

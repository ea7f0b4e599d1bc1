"""A film that is open: its picture track, its caps held, and the length that its header promises.

Codecs are on an allow-list and caps are checked before anything is decoded; the decoder itself is told the cap on
pixels too, because a stream may hold larger pictures than its container admits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from mmpipe.records import Media
from mmpipe.spec.video import VideoDecode
from mmpipe.stages.media import container
from mmpipe.stages.media.container import VIDEO_DECODERS, Track
from mmpipe.stages.media.errors import UnreadableError, as_verdict
from mmpipe.stages.verdicts import at_most

GATE = "video.decode"

PADDING_PIXELS = 65_536
"""What alignment and motion borders may add to a small picture; a large one grows by less than it has."""

MAX_ASPECT = 16
"""Long edge by short edge. The short edge is scaled to ``size``, so a thin strip would become an enormous picture."""


@dataclass(frozen=True, slots=True)
class Film:
    """An open film, valid inside the ``with`` block of :func:`opened`; ``promised_s`` is its length by the header."""

    track: Track[VideoStream]
    promised_s: float | None

    @property
    def stream(self) -> VideoStream:
        """The picture track's stream."""
        return self.track.stream

    @property
    def codec(self) -> str:
        """FFmpeg's name of the codec (``h264``), whichever decoder reads it."""
        return self.stream.codec_context.codec.canonical_name


@contextmanager
def opened(media: Media, options: VideoDecode) -> Iterator[Film]:
    """The film in ``media``, ready to decode, closed afterwards.

    Raises:
        Refused: where a cap is exceeded, the codec is not accepted, or FFmpeg cannot read the bytes, here or inside the
        block.

    """
    at_most(f"{GATE}.maxBytes", len(media.content), options.max_bytes, "bytes in the file")
    with as_verdict(GATE), container.opened(media) as source:
        track = Track(source, _pictures(source, media.format))
        film = Film(track, _promised_s(track))
        _hold_caps(film, options)
        _prepare(film.stream, options.max_pixels)
        yield film


def _pictures(source: InputContainer, name: str) -> VideoStream:
    """The first picture track that is not a cover picture."""
    for stream in source.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    raise UnreadableError(f"the {name} file has no picture track: check that it is a film")


def _promised_s(track: Track[VideoStream]) -> float | None:
    """The length by the header, in seconds from the start of the media; None where it says nothing."""
    stream = track.stream
    # FFmpeg shortens the duration of an AVI file that breaks off; the number of pictures stays as the header says.
    if track.container.format.name == "avi" and stream.frames and stream.average_rate:
        return float(stream.frames / stream.average_rate)
    return container.promised_s(track)


def _hold_caps(film: Film, options: VideoDecode) -> None:
    if (name := container.decoder(film.stream)) not in VIDEO_DECODERS:
        raise UnreadableError(f"the film is coded as {name}, which is not accepted: convert it to H.264")
    width, height = film.stream.codec_context.width, film.stream.codec_context.height
    if not width or not height:
        raise UnreadableError("the film does not say how large its pictures are: export it again from its source")
    at_most(f"{GATE}.maxPixels", width * height, options.max_pixels, "pixels in a picture")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise UnreadableError(f"the pictures are {width} x {height}, longer than {MAX_ASPECT} : 1: cut the film")
    at_most(f"{GATE}.maxSeconds", film.promised_s or 0.0, options.max_seconds, "seconds by the header")
    at_most(f"{GATE}.maxFrames", film.stream.frames, options.max_frames, "pictures by the header")


def _prepare(stream: VideoStream, max_pixels: int) -> None:
    """One thread to a decoder: films are decoded side by side, and packets must come out in step."""
    stream.codec_context.thread_count = 1
    # FFmpeg holds this cap against padded pictures, so it gets room for the padding.
    stream.codec_context.options = {"max_pixels": str(2 * max_pixels + PADDING_PIXELS)}
    # A context that fails to open on its first packet is of no use after it: better to fail here.
    stream.codec_context.open(strict=False)

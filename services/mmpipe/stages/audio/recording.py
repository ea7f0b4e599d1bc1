"""A recording that is open: what its header says, and mono blocks from any place on.

Two readers, each for what it is better at (``field/performance.md`` B2, and measured here): libsndfile for WAV, FLAC
and OGG, where it is fast and seeks to the sample; PyAV for MP3 (libsndfile seeks some 1,000 samples off and prints
warnings to stderr), for AAC and everything in a film's container, and for the WAV and FLAC files that libsndfile does
not take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from av.audio.stream import AudioStream

from mmpipe.records import Floats, Media
from mmpipe.stages.audio import sndfile
from mmpipe.stages.media import container, soundtrack
from mmpipe.stages.media.errors import UnreadableError


@dataclass(frozen=True, slots=True)
class Recording:
    """An open recording; it is valid inside the ``with`` block of :func:`opened`.

    ``promised_s`` is the length by the header, None where the format has none; ``measure`` finds the real one without
    decoding. ``blocks(first, last)`` decodes source samples ``[first, last)`` (to the end where ``last`` is None).
    """

    codec: str
    rate_hz: int
    channels: int
    promised_s: float | None
    measure: Callable[[], float]
    blocks: Callable[[int, int | None], Iterator[Floats]]


@contextmanager
def opened(media: Media) -> Iterator[Recording]:
    """The recording in ``media``, closed afterwards.

    Raises:
        UnreadableError: where no reader makes sense of it, here or while its blocks are read.

    """
    with ExitStack() as stack:
        yield _by_libsndfile(stack, media) or stack.enter_context(_by_pyav(media))


def _by_libsndfile(stack: ExitStack, media: Media) -> Recording | None:
    file = stack.enter_context(sndfile.opened(media)) if media.format in sndfile.FORMATS else None
    if file is None:
        return None
    seconds = file.frames / file.samplerate
    return Recording(
        codec=file.subtype.lower(),
        rate_hz=file.samplerate,
        channels=file.channels,
        promised_s=seconds,
        measure=lambda: seconds,
        blocks=lambda first, last: sndfile.blocks(file, first, last),
    )


@contextmanager
def _by_pyav(media: Media) -> Iterator[Recording]:
    with container.opened(media) as source:
        track = soundtrack.find(source)
        if track is None:
            raise UnreadableError(f"the {media.format} file has no sound track: check that it is a recording")
        stream = track.stream
        yield Recording(
            codec=stream.codec_context.name,
            rate_hz=stream.codec_context.sample_rate,
            channels=stream.codec_context.channels,
            promised_s=container.promised_s(track) if _has_length(media, stream) else None,
            measure=lambda: container.measured_s(track),
            blocks=lambda first, last: soundtrack.blocks(track, first, last),
        )


def _has_length(media: Media, stream: AudioStream) -> bool:
    """Whether the length in the header is one, and not FFmpeg's guess from the bit rate.

    ADTS has no header for the whole. MP3 has one where an encoder left its tag (Xing, LAME), which is also what says
    the encoder's delay, and FFmpeg shows that as the start time.
    """
    return media.format != "aac" and (media.format != "mp3" or bool(stream.start_time))

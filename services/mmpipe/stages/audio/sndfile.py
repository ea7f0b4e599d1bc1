"""WAV, FLAC and OGG through libsndfile, block by block.

libsndfile takes a WAV file's length from the file where the header promises more, so a file that was cut off passes for
a shorter one: :mod:`mmpipe.stages.audio.riff` compares the two before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import soundfile

from mmpipe.records import Floats, Media
from mmpipe.stages.audio import riff
from mmpipe.stages.media.errors import UnreadableError
from mmpipe.stages.media.reader import Reader
from mmpipe.stages.media.sound import SOURCE_RATES_HZ, mono

FORMATS: Final = frozenset({"wav", "flac", "ogg"})
"""Formats for which libsndfile is asked first."""

_BLOCK_SAMPLES = 262_144
"""Samples over all channels decoded at a time: 1 MiB, which stays in the cache of the core."""

_UNKNOWN_FRAMES = 2**62
"""libsndfile says 2^63 - 1 frames where a FLAC stream was written without its length."""


@contextmanager
def opened(media: Media) -> Iterator[soundfile.SoundFile | None]:
    """The open file, or None where libsndfile cannot take it and another reader should be asked.

    Raises:
        UnreadableError: where the file breaks off, or its header cannot be true.

    """
    if media.format == "wav":
        riff.check_complete(media.content)
    with Reader(media.content) as reader:
        file = _file(reader)
        try:
            yield file
        finally:
            if file is not None:
                file.close()


def _file(reader: Reader) -> soundfile.SoundFile | None:
    try:
        file = soundfile.SoundFile(reader)
    except soundfile.LibsndfileError:
        # The other reader words the refusal, if it comes to the same end.
        return None
    if file.frames >= _UNKNOWN_FRAMES:
        file.close()
        return None
    if file.samplerate not in SOURCE_RATES_HZ:
        file.close()
        raise UnreadableError(
            f"the header says {file.samplerate} samples per second, expected {SOURCE_RATES_HZ[0]} to "
            f"{SOURCE_RATES_HZ[-1]}: export the recording again from its source"
        )
    return file


def blocks(file: soundfile.SoundFile, first: int, last: int | None) -> Iterator[Floats]:
    """Source samples ``[first, last)`` as mono blocks, ending early only where the file does.

    Raises:
        UnreadableError: where libsndfile finds the stream broken.

    """
    end = file.frames if last is None else min(last, file.frames)
    step = max(1, _BLOCK_SAMPLES // file.channels)
    try:
        file.seek(min(first, end))
        for start in range(first, end, step):
            block = file.read(min(step, end - start), dtype="float32", always_2d=True)
            yield mono(block)
    except soundfile.LibsndfileError as error:
        raise UnreadableError(
            f"the recording cannot be decoded: {error.error_string.strip()}: export it again from its source"
        ) from error

"""Bytes of a recording become float32 [samples], mono, 16 kHz: the whole, or one segment of a long one.

:func:`segments` plans without decoding, :func:`build` decodes what was planned; memory is that of one segment.
``recording`` opens the file, ``mmpipe.stages.media.sound`` brings it to the common rate so that segments in a row equal
the whole.

A cut in WAV, FLAC, M4A and MP3 files with a length header is found and rejected. OGG, ADTS and MP3 files without one
promise no length, so a cut there just is a shorter recording.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from mmpipe.records import Floats, Item, Media, Rejected, Segment, Stage
from mmpipe.spec.audio import AudioDecode
from mmpipe.stages.audio.recording import Recording, opened
from mmpipe.stages.media.errors import UnreadableError, as_verdict
from mmpipe.stages.media.segments import cut
from mmpipe.stages.media.sound import SAMPLE_RATE_HZ, Stretch, joined, resampled, stretch
from mmpipe.stages.verdicts import Refused, at_most, each

GATE = "audio.decode"

SLACK_S = 0.5
"""How much shorter than its header a recording may be: encoders pad, and headers count the padding or not."""


def segments(media: Media, options: AudioDecode) -> tuple[Segment | None, ...] | Rejected:
    """The segments to decode ``media`` in, ``(None,)`` for the whole; or why it is not accepted.

    Headers are read, and the tail where they may be wrong; nothing is decoded.
    """
    try:
        with _admitted(media, options) as recording:
            total_s = recording.measure()
            at_most(f"{GATE}.maxSeconds", total_s, options.max_seconds, "seconds of sound")
            _check_whole(total_s, recording.promised_s)
            return cut(total_s, options.segment_seconds)
    except Refused as refused:
        return refused.rejected


def build(options: AudioDecode) -> Stage[Media, Floats]:
    """The stage that decodes recordings, each whole or its ``Media.segment``.

    Facts: ``codec``, ``sample_rate_hz`` and ``channels`` of the source, ``seconds`` decoded.
    """

    def decoded(item: Item[Media]) -> Item[Floats]:
        with _admitted(item.payload, options) as recording:
            samples = _samples(recording, item.payload.segment, options)
        return item.becomes(
            samples,
            codec=recording.codec,
            sample_rate_hz=recording.rate_hz,
            channels=recording.channels,
            seconds=len(samples) / SAMPLE_RATE_HZ,
        )

    return each(decoded)


@contextmanager
def _admitted(media: Media, options: AudioDecode) -> Iterator[Recording]:
    """The open recording, its caps checked; what does not decode inside is refused."""
    at_most(f"{GATE}.maxBytes", len(media.content), options.max_bytes, "bytes in the file")
    with as_verdict(GATE), opened(media) as recording:
        at_most(f"{GATE}.maxChannels", recording.channels, options.max_channels, "channels")
        at_most(f"{GATE}.maxSeconds", recording.promised_s or 0.0, options.max_seconds, "seconds by the header")
        yield recording


def _samples(recording: Recording, segment: Segment | None, options: AudioDecode) -> Floats:
    place = stretch(segment, recording.rate_hz)
    samples = _heard(recording, place, round(options.max_seconds * SAMPLE_RATE_HZ))
    found_s = len(samples) / SAMPLE_RATE_HZ
    _check_whole(found_s, recording.promised_s if segment is None else segment.end_s - segment.start_s)
    if not len(samples):
        raise UnreadableError("the recording holds no sound: export it again from its source")
    if not np.isfinite(samples).all():
        raise UnreadableError("the recording holds samples that are not numbers: export it again from its source")
    return samples


def _heard(recording: Recording, place: Stretch, most_samples: int) -> Floats:
    """The stretch at 16 kHz; at most one sample over the cap is asked for, whatever the header says."""
    blocks = recording.blocks(place.source_start, place.source_end)
    count = most_samples + 1 if place.count is None else place.count
    samples = joined(resampled(blocks, recording.rate_hz), place.skip, count)
    if place.count is None:
        at_most(
            f"{GATE}.maxSeconds",
            len(samples) / SAMPLE_RATE_HZ,
            most_samples / SAMPLE_RATE_HZ,
            "seconds or more of sound",
        )
    return samples


def _check_whole(found_s: float, expected_s: float | None) -> None:
    """Raise where a recording is clearly shorter than it should be (:data:`SLACK_S`)."""
    if expected_s is not None and found_s < expected_s - SLACK_S:
        raise UnreadableError(
            f"the recording breaks off: {found_s:.2f} seconds found, {expected_s:.2f} expected by its header: "
            "copy the file again from its source"
        )

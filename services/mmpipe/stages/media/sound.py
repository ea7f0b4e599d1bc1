"""Sound on one grid: mono float32 at 16 kHz, whatever the source's rate and channels, segment by segment.

A segment cut out of a long recording must hold the samples that decoding the whole would give at its place. The
resampler's phase decides that, so a segment starts resampling on an instant where the grids of source and output meet
(every ``1 / gcd(rates)`` seconds), :data:`LEAD_S` early, and throws the lead away. Blocks stream through, so memory is
that of the result whatever the source's rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil, gcd

import numpy as np
import soxr

from mmpipe.records import Floats, Segment

SAMPLE_RATE_HZ = 16_000
"""Rate of every decoded sound."""

SOURCE_RATES_HZ = range(1_000, 768_001)
"""Rates that a source may have: above telephony's slowest, up to twice the fastest studio rate; others are a broken
header."""

LEAD_S = 0.5
"""What is decoded before and after a segment and thrown away. The resampler needs < 20 ms (the difference is then 2e-7,
float32 rounding); MP3's bit reservoir reaches back 10 frames (0.26 s at 44.1 kHz), Opus asks for 80 ms (RFC 7845,
4.6)."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """One segment on both grids.

    Source samples ``[source_start, source_end)`` are decoded (to the end where ``source_end`` is None); of what the
    resampler makes of them, ``skip`` output samples are dropped and ``count`` (None: all) kept.
    """

    source_start: int
    source_end: int | None
    skip: int
    count: int | None


def stretch(segment: Segment | None, rate_hz: int) -> Stretch:
    """Where ``segment`` (None: the whole) lies in a source of ``rate_hz``."""
    if segment is None:
        return Stretch(0, None, 0, None)
    first, last = round(segment.start_s * SAMPLE_RATE_HZ), round(segment.end_s * SAMPLE_RATE_HZ)
    meetings_per_s = gcd(rate_hz, SAMPLE_RATE_HZ)
    meeting = max(0, first - round(LEAD_S * SAMPLE_RATE_HZ)) * meetings_per_s // SAMPLE_RATE_HZ
    return Stretch(
        source_start=meeting * rate_hz // meetings_per_s,
        source_end=ceil((segment.end_s + LEAD_S) * rate_hz),
        skip=first - meeting * SAMPLE_RATE_HZ // meetings_per_s,
        count=last - first,
    )


def mono(channels: Floats) -> Floats:
    """The mean of the channels, float32 [samples, channels] -> [samples].

    Adding columns is 30 times as fast as ``mean(axis=1)``, which adds along the short axis (``field/performance.md``
    B2).
    """
    if channels.shape[1] == 1:
        return channels[:, 0]
    # Hostile float files overflow to infinity here; the decoder turns them away by that.
    with np.errstate(over="ignore", invalid="ignore"):
        total = channels[:, 0] + channels[:, 1]
        for index in range(2, channels.shape[1]):
            total += channels[:, index]
    return total * np.float32(1 / channels.shape[1])


def resampled(blocks: Iterable[Floats], rate_hz: int) -> Iterator[Floats]:
    """Mono blocks of ``rate_hz`` as blocks of 16 kHz, without a seam between them (soxr, its high quality)."""
    if rate_hz == SAMPLE_RATE_HZ:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32", quality=soxr.HQ)
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block))
    yield stream.resample_chunk(np.empty(0, np.float32), last=True)


def joined(pieces: Iterable[Floats], skip: int, count: int | None) -> Floats:
    """Samples ``[skip, skip + count)`` of the pieces in a row, fewer where they end, all where ``count`` is None."""
    kept: list[Floats] = []
    position, end = 0, None if count is None else skip + count
    for piece in pieces:
        kept.append(piece[max(0, skip - position) : None if end is None else max(0, end - position)])
        position += len(piece)
        if end is not None and position >= end:
            break
    return np.concatenate([np.empty(0, np.float32), *kept])

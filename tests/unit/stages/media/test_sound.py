from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.records import Floats, Segment
from mmpipe.stages.media import sound


def chirp(seconds: float, rate_hz: int) -> Floats:
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * (100 * times + 200 * times**2))).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 12_347, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_segments_resampled_apart_equal_the_whole_resampled_at_once(rate_hz: int) -> None:
    source = chirp(4, rate_hz)
    whole = soxr.resample(source, rate_hz, 16_000)
    for start, end in ((0.0, 1.0), (1.0, 2.3), (2.3, 4.0)):
        place = sound.stretch(Segment(start, end), rate_hz)
        blocks = np.array_split(source[place.source_start : place.source_end], 7)
        part = sound.joined(sound.resampled(blocks, rate_hz), place.skip, place.count)
        expected = whole[round(start * 16_000) : round(end * 16_000)]
        assert abs(len(part) - len(expected)) <= 1
        assert np.abs(part[: len(expected)] - expected[: len(part)]).max() < 1e-6


@given(start=st.floats(0, 10_000), length=st.floats(1, 100), rate_hz=st.integers(1_000, 768_000))
def test_a_stretch_starts_where_both_grids_meet(start: float, length: float, rate_hz: int) -> None:
    place = sound.stretch(Segment(start, start + length), rate_hz)
    first = round(start * 16_000)
    assert place.source_start * 16_000 == (first - place.skip) * rate_hz
    assert place.skip <= (sound.LEAD_S + 1) * 16_000
    assert place.source_end is not None
    assert place.source_end >= (start + length) * rate_hz


@pytest.mark.parametrize("channels", [1, 2, 3, 6])
def test_mono_is_the_mean_of_the_channels(channels: int) -> None:
    samples = np.random.default_rng(0).normal(size=(100, channels)).astype(np.float32)
    assert np.allclose(sound.mono(samples), samples.mean(axis=1), atol=1e-6)


def test_joined_takes_what_is_asked_and_no_more() -> None:
    def pieces() -> Iterator[Floats]:
        yield np.arange(5, dtype=np.float32)
        yield np.arange(5, 8, dtype=np.float32)
        pytest.fail("read on after the last sample that was asked for")

    assert sound.joined(pieces(), 2, 5).tolist() == [2, 3, 4, 5, 6]


def test_joined_of_nothing_is_empty() -> None:
    assert sound.joined([], 3, None).shape == (0,)

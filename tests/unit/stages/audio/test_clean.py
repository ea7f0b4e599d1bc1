from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.records import Floats, Item, Rejected
from mmpipe.spec.audio import AudioClean, AudioGates
from mmpipe.stages.audio import clean

RATE_HZ = 16_000


def cleaned(samples: Floats, min_loudness_dbfs: float = -60.0) -> Item[Floats] | Rejected:
    options = AudioClean(gates=AudioGates(min_loudness_dbfs=min_loudness_dbfs))
    (outcome,) = clean.build(options)([Item("a", samples)])
    return outcome


def tone(seconds: float, amplitude: float) -> Floats:
    return (amplitude * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)).astype(np.float32)


def beeps_in_noise(noise: float) -> Floats:
    """A tone every other 0.2 s, in white noise of the given standard deviation."""
    on = (np.arange(4 * RATE_HZ) // (RATE_HZ // 5)) % 2
    hiss = np.random.default_rng(0).normal(0, noise, 4 * RATE_HZ) if noise else np.zeros(4 * RATE_HZ)
    return (tone(4, 0.5) * on + hiss).astype(np.float32)


def test_a_sine_is_3_db_below_full_scale() -> None:
    assert clean.loudness_dbfs(tone(1, 1.0)) == pytest.approx(-3.01, abs=0.01)


def test_loudness_is_that_of_the_loudest_half_second() -> None:
    samples = np.zeros(10 * RATE_HZ, np.float32)
    samples[3 * RATE_HZ : 4 * RATE_HZ] = tone(1, 0.1)
    assert clean.loudness_dbfs(samples) == pytest.approx(-23.01, abs=0.01)


@pytest.mark.parametrize("samples", [np.zeros(RATE_HZ, np.float32), np.zeros(0, np.float32), tone(2, 1e-4)])
def test_silence_is_rejected_by_its_gate(samples: Floats) -> None:
    verdict = cleaned(samples)
    assert isinstance(verdict, Rejected)
    assert verdict.gate == "audio.clean.minLoudnessDbfs"
    assert verdict.score is not None
    assert verdict.score < -80
    assert verdict.threshold == -60
    assert "dBFS" in verdict.reason


def test_a_click_shorter_than_a_window_is_heard() -> None:
    assert clean.loudness_dbfs(tone(0.01, 1.0)) == pytest.approx(-3.0, abs=0.3)


def test_the_samples_pass_unchanged_with_their_facts() -> None:
    samples = tone(2, 0.1)
    outcome = cleaned(samples)
    assert isinstance(outcome, Item)
    assert outcome.payload is samples
    assert outcome.facts["loudness_dbfs"] == pytest.approx(-23.01, abs=0.01)
    assert outcome.facts["seconds"] == 2.0
    assert outcome.facts["clipped"] == 0.0


@pytest.mark.parametrize("noise", [0.01, 0.05])
def test_the_ratio_is_near_that_of_tone_and_noise(noise: float) -> None:
    truth = 10 * np.log10(0.5**2 / 2 / noise**2)
    assert clean.snr_db(beeps_in_noise(noise)) == pytest.approx(truth, abs=1.5)


def test_noise_takes_quality_away() -> None:
    qualities = [cleaned(beeps_in_noise(noise)) for noise in (0.0, 0.003, 0.01, 0.03, 0.1)]
    found = [item.quality for item in qualities if isinstance(item, Item)]
    assert len(found) == 5
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.85
    assert found[-1] < 0.7


def test_clipping_takes_quality_away() -> None:
    clipped = np.clip(beeps_in_noise(0.001) * 3, -1, 1)
    whole, cut = cleaned(beeps_in_noise(0.001)), cleaned(clipped)
    assert isinstance(whole, Item)
    assert isinstance(cut, Item)
    assert cut.quality < whole.quality / 2


def test_a_steady_tone_still_speaks_for_its_sample() -> None:
    outcome = cleaned(tone(2, 0.5))
    assert isinstance(outcome, Item)
    assert outcome.quality >= 0.25


@given(snr=st.floats(0, 60), more=st.floats(0, 30), clipped=st.floats(0, 1))
def test_quality_is_a_share_that_rises_with_the_ratio(snr: float, more: float, clipped: float) -> None:
    assert 0 <= clean.quality(snr, clipped) <= clean.quality(snr + more, clipped) <= 1


@given(snr=st.floats(0, 60), clipped=st.floats(0, 0.5), more=st.floats(0, 0.5))
def test_quality_falls_with_clipping(snr: float, clipped: float, more: float) -> None:
    assert clean.quality(snr, clipped + more) <= clean.quality(snr, clipped)

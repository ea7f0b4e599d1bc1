from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.models import preprocess
from mmpipe.models.tiny import inputs
from mmpipe.records import Clip


def tone(hz: float, seconds: float) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(int(seconds * 16_000)) / 16_000).astype(np.float32)


@pytest.mark.parametrize("hz", [200, 440, 1_000, 3_000])
def test_a_tone_is_loudest_in_the_mel_band_that_the_formula_says(hz: float) -> None:
    spec = inputs.SOUND
    low, high, mel = (2595 * np.log10(1 + f / 700) for f in (spec.low_hz, spec.high_hz, hz))
    expected = (mel - low) / (high - low) * (spec.mel_bands + 1) - 1

    loudest = preprocess.log_mel_windows(spec, tone(hz, 3))[0].mean(axis=1).argmax()

    assert abs(loudest - expected) <= 1


def test_mel_filters_each_sum_to_the_same() -> None:
    sums = preprocess.mel_filters(inputs.SOUND).sum(axis=1) * inputs.SOUND.fft_samples

    np.testing.assert_allclose(sums, 1, rtol=1e-4)


@given(samples=st.integers(0, 400_000))
def test_windows_cover_a_sound_of_any_length_up_to_the_limit(samples: int) -> None:
    mel = preprocess.log_mel_windows(inputs.SOUND, np.zeros(samples, np.float32))

    assert mel.shape[1:] == (inputs.SOUND.mel_bands, inputs.SOUND.frames)
    assert 1 <= len(mel) <= inputs.SOUND.max_windows


def test_silence_is_zero_everywhere() -> None:
    assert not preprocess.log_mel_windows(inputs.SOUND, np.zeros(50_000, np.float32)).any()


def test_a_short_sound_is_repeated_to_fill_a_window() -> None:
    mel = preprocess.log_mel_windows(inputs.SOUND, tone(440, 0.5))

    assert mel.shape[0] == 1
    assert (mel[0].max(axis=0) > 0.9).all()


def test_a_picture_is_cut_to_its_centre_square() -> None:
    wide = np.zeros((50, 150, 3), np.uint8)
    wide[:, 50:100] = 200

    pixels = preprocess.image_arrays(inputs.PICTURE, wide)["pixels"]

    assert pixels.shape == (1, 64, 64, 3)
    assert (pixels == 200).all()


def test_unknown_depth_is_masked_and_known_depth_is_the_logarithm_of_metres() -> None:
    metres = np.full((64, 64), 2.0, np.float32)
    metres[:32] = np.nan

    depth = preprocess.depth_arrays(inputs.DEPTH, metres)["depth"][0]

    np.testing.assert_allclose(depth[0, 32:], np.log(2), rtol=1e-6)
    assert not depth[:, :32].any()
    assert (depth[1, 32:] == 1).all()


def test_edges_of_a_depth_map_are_never_averaged() -> None:
    metres = np.where(np.arange(100)[None, :] < 49, 1.0, 5.0).repeat(100, axis=0).astype(np.float32)

    logs = preprocess.depth_arrays(inputs.DEPTH, metres)["depth"][0, 0]

    assert set(np.round(np.exp(logs), 3).ravel().tolist()) == {1.0, 5.0}


def test_frames_are_chosen_evenly_from_the_first_to_the_last() -> None:
    assert preprocess.evenly(11, 6).tolist() == [0, 2, 4, 6, 8, 10]
    assert preprocess.evenly(1, 3).tolist() == [0, 0, 0]


@pytest.mark.parametrize(("audio", "flag"), [(None, 0.0), (np.zeros(0, np.float32), 0.0), (tone(440, 3), 1.0)])
def test_a_film_says_whether_it_has_sound(audio: np.ndarray | None, flag: float) -> None:
    clip = Clip(np.zeros((3, 20, 20, 3), np.uint8), np.arange(3, dtype=np.float32), audio)

    arrays = preprocess.video_arrays(inputs.FILM, clip)

    assert set(arrays["has_audio"].tolist()) == {flag}
    assert len(arrays["frames"]) == len(arrays["mel"]) == len(arrays["has_audio"])


def test_an_empty_text_is_one_window_of_padding() -> None:
    assert preprocess.text_arrays(inputs.TEXT, [])["tokens"].tolist() == [[0] * inputs.TEXT.max_tokens]


def test_a_long_text_is_read_in_windows_up_to_the_limit() -> None:
    tokens = preprocess.text_arrays(inputs.TEXT, list(range(1, 10_000)))["tokens"]

    assert tokens.shape == (inputs.TEXT.max_windows, inputs.TEXT.max_tokens)
    assert tokens[1, 0] == inputs.TEXT.max_tokens + 1

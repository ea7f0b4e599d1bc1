import re

import numpy as np

from mmpipe.cli.page.waveform import HEIGHT, WIDTH, waveform

HALF = HEIGHT / 2


def _lengths(path: str) -> list[float]:
    return [float(low) - float(high) for high, low in re.findall(r"M\d+\.5 ([\d.]+)V([\d.]+)", path)]


def test_every_moment_has_a_stroke() -> None:
    assert len(_lengths(waveform(np.ones(16_000, np.float32)))) == WIDTH


def test_silence_is_a_flat_line() -> None:
    assert max(_lengths(waveform(np.zeros(16_000, np.float32)))) < 1


def test_no_sample_at_all_is_a_flat_line() -> None:
    assert len(_lengths(waveform(np.zeros(0, np.float32)))) == WIDTH


def test_a_sound_shorter_than_the_drawing_is_drawn() -> None:
    assert len(_lengths(waveform(np.ones(7, np.float32)))) == WIDTH


def test_a_click_stands_where_it_is_heard_and_fills_the_height() -> None:
    samples = np.zeros(15_000, np.float32)
    samples[5_050] = -0.01  # a third into the sound, and faint: the drawing is as high as for a loud one
    lengths = _lengths(waveform(samples))
    assert int(np.argmax(lengths)) == WIDTH // 3
    assert max(lengths) == 2 * (HALF - 1)


def test_noise_below_60_db_is_not_blown_up() -> None:
    faint = np.full(16_000, 1e-4, np.float32)
    assert max(_lengths(waveform(faint))) < HEIGHT / 5

"""Samples become samples that are worth a vector: silence is turned away, and quality is measured for fusion.

The sound is not changed yet: voice detection, denoising and padding have their place here and come later
(``mmpipe.spec.audio``).

Quality is ``(0.25 + 0.75 * snr / (snr + 10 dB)) * (1 - clipped) ** 10``: it rises with the estimated signal-to-noise
ratio (halfway at 10 dB, where speech recognition begins to suffer) and falls with the share of clipped samples (0.9 at
1 %). It starts at 0.25 because the estimate hears a steady tone as noise, and such a sound must still be able to speak
for its sample.
"""

from __future__ import annotations

from math import inf, log10, sqrt

import numpy as np
from numpy.typing import NDArray

from mmpipe.records import Floats, Item, Stage
from mmpipe.spec.audio import AudioClean
from mmpipe.stages.media.sound import SAMPLE_RATE_HZ
from mmpipe.stages.verdicts import at_least, each

GATE = "audio.clean.minLoudnessDbfs"

LOUDNESS_S = 0.5
"""Length of the window whose loudest place counts: a short sound in a long silence is a sound."""

FRAME_S = 0.02
"""Length of the frames of the noise estimate: shorter than a syllable, longer than a pitch period."""

NOISE_PERCENTILE, SIGNAL_PERCENTILE = 10, 95
"""The quiet frames are taken for the noise, the loud ones for the signal with it."""

FLOOR_DBFS = -120.0
"""Loudness of digital silence, below what 16 bits can say (-96 dBFS)."""

MAX_SNR_DB = 60.0
"""Recordings with a digital silence in them would have an endless ratio."""

LEAST_QUALITY = 0.25
HALFWAY_SNR_DB = 10.0
CLIPPED_LEVEL = 0.999
CLIPPING_EXPONENT = 10


def build(options: AudioClean) -> Stage[Floats, Floats]:
    """The stage that turns silence away and measures the rest.

    Facts: ``loudness_dbfs`` (of the loudest half second), ``snr_db`` (estimate), ``clipped`` (share of samples),
    ``seconds``.
    """

    def cleaned(item: Item[Floats]) -> Item[Floats]:
        loudness = loudness_dbfs(item.payload)
        at_least(GATE, loudness, options.gates.min_loudness_dbfs, "dBFS in the loudest half second")
        snr, clipped = snr_db(item.payload), clipped_share(item.payload)
        return item.becomes(
            item.payload,
            quality(snr, clipped),
            loudness_dbfs=round(loudness, 2),
            snr_db=round(snr, 2),
            clipped=round(clipped, 5),
            seconds=len(item.payload) / SAMPLE_RATE_HZ,
        )

    return each(cleaned)


def loudness_dbfs(samples: Floats) -> float:
    """RMS of the loudest :data:`LOUDNESS_S`, in dB below full scale (a full-scale square wave has 0, a sine -3)."""
    return _dbfs(float(_powers(samples, LOUDNESS_S, hops=2).max()))


def snr_db(samples: Floats) -> float:
    """Estimated ratio of signal to noise, in [0, :data:`MAX_SNR_DB`] dB, by percentiles of the frames' power.

    The quiet frames are the noise and the loud ones signal and noise together, as in the energy-histogram estimate of
    NIST's ``stnr``. A steady tone or hiss has no quiet frames and gets 0: what never changes cannot be told from noise.
    """
    noise, loud = np.percentile(_powers(samples, FRAME_S, hops=1), [NOISE_PERCENTILE, SIGNAL_PERCENTILE])
    if loud <= noise:
        return 0.0
    ratio = inf if noise <= 0 else (loud - noise) / noise
    return min(MAX_SNR_DB, max(0.0, 10 * log10(ratio))) if ratio < inf else MAX_SNR_DB


def clipped_share(samples: Floats) -> float:
    """Share of samples at full scale (:data:`CLIPPED_LEVEL`)."""
    return float(np.count_nonzero(np.abs(samples) >= CLIPPED_LEVEL) / max(1, len(samples)))


def quality(snr: float, clipped: float) -> float:
    """In [0, 1]: rises with ``snr`` (dB), falls with ``clipped`` (share); the formula is at the head of this module."""
    clean = LEAST_QUALITY + (1 - LEAST_QUALITY) * snr / (snr + HALFWAY_SNR_DB)
    return clean * (1 - clipped) ** CLIPPING_EXPONENT


def _powers(samples: Floats, window_s: float, hops: int) -> NDArray[np.float64]:
    """Mean square of windows of ``window_s``, ``hops`` to a window's length; of all there is where that is less.

    Sums of squares per hop, then over neighbouring hops: no window is read twice, and nothing of the sound is copied
    whole.
    """
    hop = min(max(1, len(samples) // hops), round(window_s * SAMPLE_RATE_HZ) // hops)
    whole = samples[: len(samples) // hop * hop].reshape(-1, hop)
    sums = np.einsum("ij,ij->i", whole, whole, dtype=np.float64)
    if not len(sums):
        return np.zeros(1)
    width = min(hops, len(sums))
    return np.convolve(sums, np.ones(width), "valid") / (hop * width)


def _dbfs(power: float) -> float:
    return max(FLOOR_DBFS, 20 * log10(sqrt(power))) if power > 0 else FLOOR_DBFS

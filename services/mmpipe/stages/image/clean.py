"""Clean: measures how much there is to see in a picture, and rejects what shows nothing.

All measures are of the grey levels (0 to 255) of the decoded square. Denoising and equalisation come with the cleaning
release; this stage changes no pixel.
"""

from __future__ import annotations

from functools import partial
from math import exp

import cv2
import numpy as np

from mmpipe.records import Item, Pixels, Scalar, Stage
from mmpipe.spec.image import ImageClean, ImageGates
from mmpipe.stages.verdicts import at_least, each

_GATE = "image.clean"

# Where a measure has reached 1 - 1/e of full quality. At 224 px sharp photos have a Laplacian variance of 300 to
# 3,000 and a contrast of 30 to 80; a blur of two pixels brings the first below 20, fog the second below 10.
_TYPICAL_SHARPNESS = 50.0
_TYPICAL_CONTRAST = 10.0


def build(options: ImageClean) -> Stage[Pixels, Pixels]:
    """A stage over uint8 [H, W, 3] RGB that lets pictures pass as they are.

    Adds the facts ``contrast`` (standard deviation), ``sharpness`` (variance of the Laplacian) and, where its gate is
    on, ``entropy_bits``. Rejects with the gates ``image.clean.minContrast``, ``.minEntropyBits`` and ``.minSharpness``.
    """
    cv2.setNumThreads(1)
    return each(partial(_clean, gates=options.gates))


def quality(sharpness: float, contrast: float) -> float:
    """Quality in [0, 1], (1 - exp(-sharpness / 50)) (1 - exp(-contrast / 10)): rising in both, near 1 for photos."""
    return (1 - exp(-sharpness / _TYPICAL_SHARPNESS)) * (1 - exp(-contrast / _TYPICAL_CONTRAST))


def _clean(item: Item[Pixels], gates: ImageGates) -> Item[Pixels]:
    grey = cv2.cvtColor(item.payload, cv2.COLOR_RGB2GRAY)
    contrast = _deviation(grey)
    sharpness = _deviation(cv2.Laplacian(grey, cv2.CV_16S)) ** 2
    at_least(f"{_GATE}.minContrast", contrast, gates.min_contrast, "is the standard deviation of the grey levels")
    at_least(f"{_GATE}.minSharpness", sharpness, gates.min_sharpness, "is the variance of the Laplacian")
    facts: dict[str, Scalar] = {"contrast": round(contrast, 2), "sharpness": round(sharpness, 2)}
    if gates.min_entropy_bits > 0:
        entropy = _entropy_bits(grey)
        at_least(f"{_GATE}.minEntropyBits", entropy, gates.min_entropy_bits, "bits are in a grey level")
        facts["entropy_bits"] = round(entropy, 3)
    return item.becomes(item.payload, quality(sharpness, contrast), **facts)


def _deviation(values: cv2.typing.MatLike) -> float:
    return float(cv2.meanStdDev(values)[1][0, 0])


def _entropy_bits(grey: cv2.typing.MatLike) -> float:
    """Shannon entropy of the histogram of grey levels."""
    counts = cv2.calcHist([grey], [0], None, [256], [0, 256])
    shares = counts[counts > 0] / grey.size
    return float(-(shares * np.log2(shares)).sum())

"""Pictures of a film become pictures worth a vector: black films are turned away, quality is measured for fusion.

The pictures are not changed. Quality is ``(1 - black) * (0.25 + 0.75 * sharpness / (sharpness + 100))``: it falls with
the share of black pictures and rises with the mean sharpness of the others (variance of the Laplacian, Pech-Pacheco et
al., ICPR 2000; practice draws the line between blurred and sharp at 100). It starts at 0.25 because a smooth subject is
not a bad film.
"""

from __future__ import annotations

import cv2
import numpy as np

from mmpipe.records import Clip, Item, Pixels, Stage
from mmpipe.spec.video import VideoClean
from mmpipe.stages.verdicts import at_most, each

GATE = "video.clean.maxBlackRatio"

BLACK_LUMA = 32.0
"""Mean luma (0 to 255) under which a picture may be black. FFmpeg's ``blackdetect`` calls a pixel black under 0.1 of
the range (25)."""

BLACK_CONTRAST = 8.0
"""Standard deviation of luma under which such a picture is black: a night scene with a light in it has more."""

LEAST_QUALITY = 0.25
HALFWAY_SHARPNESS = 100.0


def build(options: VideoClean) -> Stage[Clip, Clip]:
    """The stage that turns black films away and measures the rest.

    Facts: ``frames``, ``black`` (share of the pictures), ``sharpness`` (mean over the others), ``luma`` (mean over all,
    0 to 255).
    """

    def cleaned(item: Item[Clip]) -> Item[Clip]:
        greys = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in item.payload.frames]
        lit = [grey for grey in greys if not is_black(grey)]
        black = 1 - len(lit) / len(greys)
        if options.gates.max_black_ratio < 1:
            at_most(GATE, black, options.gates.max_black_ratio, "of the pictures are black")
        sharp = float(np.mean([sharpness(grey) for grey in lit])) if lit else 0.0
        return item.becomes(
            item.payload,
            quality(black, sharp),
            frames=len(greys),
            black=round(black, 4),
            sharpness=round(sharp, 2),
            luma=round(float(np.mean([grey.mean() for grey in greys])), 2),
        )

    return each(cleaned)


def is_black(grey: Pixels) -> bool:
    """Whether a picture (uint8 [height, width] luma) is dark and has nothing in it."""
    return bool(grey.mean() < BLACK_LUMA and grey.std() < BLACK_CONTRAST)


def sharpness(grey: Pixels) -> float:
    """Variance of the Laplacian of uint8 [height, width] luma; 0 for a flat picture."""
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def quality(black: float, sharp: float) -> float:
    """In [0, 1]: falls with the share of black pictures, rises with sharpness (formula at the head of the module)."""
    return (1 - black) * (LEAST_QUALITY + (1 - LEAST_QUALITY) * sharp / (sharp + HALFWAY_SHARPNESS))

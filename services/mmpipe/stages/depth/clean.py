"""Clean: takes out what is too near or too far, and rejects maps that know too little.

Holes stay holes: filling them comes with the cleaning release, models mask what is unknown.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from mmpipe.records import Floats, Item, Stage
from mmpipe.spec.depth import DepthClean, DepthGates
from mmpipe.stages.verdicts import at_least, each

_GATE = "depth.clean.minValidRatio"


def build(options: DepthClean) -> Stage[Floats, Floats]:
    """A stage over float32 [H, W] metres: what lies outside ``minMetres`` to ``maxMetres`` becomes NaN.

    The share of known pixels is the quality and the fact ``valid_ratio``; the facts ``nearest_m`` and ``farthest_m``
    are in metres, None where nothing is known. Rejects with the gate ``depth.clean.minValidRatio``.
    """
    return each(partial(_clean, gates=options.gates))


def _clean(item: Item[Floats], gates: DepthGates) -> Item[Floats]:
    depth = item.payload
    # Comparisons with NaN are false, so what was unknown stays out.
    known = (depth >= gates.min_metres) & (depth <= gates.max_metres)
    ratio = float(known.mean())
    at_least(_GATE, ratio, gates.min_valid_ratio, "of the pixels have a known depth")
    nearest, farthest = _range(depth[known])
    cleaned = np.where(known, depth, np.float32(np.nan))
    return item.becomes(cleaned, ratio, valid_ratio=round(ratio, 4), nearest_m=nearest, farthest_m=farthest)


def _range(known: Floats) -> tuple[float | None, float | None]:
    return (float(known.min()), float(known.max())) if known.size else (None, None)

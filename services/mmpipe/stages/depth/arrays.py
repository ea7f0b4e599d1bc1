"""What every depth format comes to before it is metres: numbers as stored, and how they are to be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmpipe.records import Floats

type Numbers = NDArray[np.number[Any]]


@dataclass(frozen=True, slots=True)
class Header:
    """What a file announces before it is decoded.

    ``width`` and ``height`` in pixels; ``layers`` is how many numbers per pixel decoding would bring into memory;
    ``read`` decodes them to an array [H, W] and raises ``Refused`` where the rest of the file is not what the header
    promised.
    """

    width: int
    height: int
    read: Callable[[], Numbers]
    layers: int = 1


def metres(numbers: Numbers, metres_per_unit: float) -> Floats:
    """Stored numbers as float32 metres: integers are scaled, floats are metres already; NaN unless positive and finite.

    Zero is what depth cameras write where they saw nothing.
    """
    scaled = numbers if numbers.dtype.kind == "f" else np.multiply(numbers, metres_per_unit, dtype=np.float64)
    # Doubles may leave the range of float32, and broken bytes may be signalling NaNs: both are as unknown as infinity.
    with np.errstate(over="ignore", invalid="ignore"):
        found = scaled.astype(np.float32)
    found[~(np.isfinite(found) & (found > 0))] = np.nan
    return found

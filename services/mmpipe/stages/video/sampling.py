"""Which pictures are taken, by the times at which they are shown: frame rates vary, so never by their number.

Pure arithmetic on times in ticks. The picture *at* an instant is the last one shown at or before it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise


def uniform(shown: Sequence[int], start: int, end: int, most: int) -> list[int]:
    """The pictures at the centres of ``most`` equal slots of ``[start, end)``; a picture that fills several comes once.

    ``shown`` are the times of the pictures, ascending, at least one.
    """
    centres = [start + (2 * slot + 1) * (end - start) // (2 * most) for slot in range(most)]
    return sorted({_at(shown, centre) for centre in centres})


def evenly(choices: Sequence[int], most: int) -> list[int]:
    """At most ``most`` of the choices, spread evenly over their number (the centres of ``most`` equal slots)."""
    if len(choices) <= most:
        return list(choices)
    return [choices[(2 * slot + 1) * len(choices) // (2 * most)] for slot in range(most)]


def scenes(shown: Sequence[int], cuts: Sequence[int], start: int, end: int, most: int) -> list[int]:
    """The picture in the middle of each scene, of the ``most`` longest scenes where there are more.

    ``cuts`` are times at which a new scene begins, ascending, inside ``(start, end)``. The middle, because the first
    pictures of a scene are often still part of a transition.
    """
    bounds = [start, *cuts, end]
    spans = sorted(pairwise(bounds), key=lambda span: span[0] - span[1])[:most]
    return sorted({_at(shown, (first + last) // 2) for first, last in spans})


def _at(shown: Sequence[int], instant: int) -> int:
    return shown[max(0, bisect_right(shown, instant) - 1)]

"""From a function of one item to a stage, and the one exception that becomes a verdict.

Decoders dig several calls deep before they know that a file is broken. :class:`Refused` carries the verdict up to
the item's boundary, where :func:`each` makes it the item's outcome. Any other exception is a bug or a transient fault
and passes through, as the stage contract asks.

::

    Exception
    └── Refused         this item is permanently rejected; never leaves a stage
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mmpipe.records import Item, Outcome, Rejected, Stage


class Refused(Exception):  # noqa: N818 - it reads as the verdict it carries
    """One item is permanently rejected; ``rejected`` is its outcome."""

    def __init__(self, gate: str, reason: str, score: float | None = None, threshold: float | None = None) -> None:
        super().__init__(reason)
        self.rejected = Rejected(gate, reason, score, threshold)


def each[In, Out](one: Callable[[Item[In]], Item[Out]]) -> Stage[In, Out]:
    """The stage that applies ``one`` to every item; what ``one`` refuses is rejected and harms no neighbour."""

    def outcome(item: Item[In]) -> Outcome[Out]:
        try:
            return one(item)
        except Refused as refused:
            return refused.rejected

    def stage(items: Sequence[Item[In]], /) -> Sequence[Outcome[Out]]:
        return [outcome(item) for item in items]

    return stage


def at_most(gate: str, score: float, threshold: float, what: str) -> None:
    """Hold a cap of the spec: raise :class:`Refused` where ``score`` is above ``threshold``.

    ``what`` names the measured thing with its unit, as in ``"pixels announced by the header"``.
    """
    if score > threshold:
        reason = f"{score:,.10g} {what}, but {gate} allows {threshold:,.10g}: raise the cap if the file is trusted"
        raise Refused(gate, reason, score, threshold)


def at_least(gate: str, score: float, threshold: float, what: str) -> None:
    """Hold a gate of the spec: raise :class:`Refused` where ``score`` is below ``threshold``; ``what`` as above."""
    if score < threshold:
        reason = f"{score:,.4g} {what}, but {gate} asks for {threshold:,.4g}: lower the gate to keep such items"
        raise Refused(gate, reason, score, threshold)

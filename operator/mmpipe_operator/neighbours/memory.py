"""What is known of one neighbour, and what an answer changes about it. Nothing here asks anyone.

A status that flickers helps nobody: a neighbour that misses one question is not called away, and what is said about one
that is away stays as it was said first, however its client words the next fault.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmpipe_operator.status import Probe

_AWAY = "Unreachable"
_UNASKED = Probe()


@dataclass(frozen=True, slots=True)
class Memory:
    """The answer that counts. ``figure`` is the number that was asked for; ``answered_at`` is by any clock, in s."""

    probe: Probe = _UNASKED
    figure: int | None = None
    answered_at: float = float("-inf")


def remember(before: Memory, probe: Probe, figure: int | None, now: float, patience_s: float) -> Memory:
    """What is known after one more question, asked of the same neighbour.

    Who has answered within ``patience_s`` is taken at the word of that answer.
    """
    if probe.state != _AWAY:
        return Memory(probe, figure, now)
    was_heard = before.probe.state not in {_UNASKED.state, _AWAY}
    if before.probe.state == _AWAY or (was_heard and now - before.answered_at < patience_s):
        return before
    return Memory(probe, None, before.answered_at)


UNASKED = Memory()

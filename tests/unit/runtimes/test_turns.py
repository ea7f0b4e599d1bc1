from __future__ import annotations

import sys

import pytest

from mmpipe.runtimes.turns import TURN_S, short_turns


def test_turns_are_short_inside_and_as_before_afterwards() -> None:
    before = sys.getswitchinterval()

    with short_turns():
        inside = sys.getswitchinterval()

    assert inside == pytest.approx(TURN_S)
    assert sys.getswitchinterval() == before


def test_a_fault_leaves_turns_as_they_were_before() -> None:
    before = sys.getswitchinterval()

    with pytest.raises(RuntimeError), short_turns():
        raise RuntimeError

    assert sys.getswitchinterval() == before

"""Gates switched off: the table names every gate, and only gates."""

from __future__ import annotations

import pytest

from mmpipe.records import Modality
from mmpipe.spec.gates import OFF, without_gates
from mmpipe.spec.pipeline import MODALITY_SPECS

CHANGES_WHAT_IS_SEEN = {"min_metres", "max_metres"}
"""Depth maps lose what is outside of these, whatever the gates."""


@pytest.mark.parametrize("modality", Modality)
def test_every_gate_has_a_value_that_lets_everything_pass(modality: Modality) -> None:
    gates = MODALITY_SPECS[modality]().clean.gates
    assert set(OFF[type(gates)]) == set(type(gates).model_fields) - CHANGES_WHAT_IS_SEEN


@pytest.mark.parametrize("modality", Modality)
def test_only_gates_are_switched_off(modality: Modality) -> None:
    options = MODALITY_SPECS[modality]()
    off = without_gates(options)
    assert off.decode == options.decode
    assert off.clean.model_dump(exclude={"gates"}) == options.clean.model_dump(exclude={"gates"})
    assert off.clean.gates.model_dump(include=CHANGES_WHAT_IS_SEEN) == options.clean.gates.model_dump(
        include=CHANGES_WHAT_IS_SEEN
    )

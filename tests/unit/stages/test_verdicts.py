"""The bridge from a function of one item to a stage."""

import pytest

from mmpipe.records import Item, Rejected
from mmpipe.stages.verdicts import Refused, at_least, at_most, each


def _halve(item: Item[int]) -> Item[int]:
    if item.payload % 2:
        raise Refused("halves", f"{item.payload} is odd")
    return item.becomes(item.payload // 2)


def test_a_refused_item_is_rejected_and_its_neighbours_go_on_in_order() -> None:
    first, second, third = each(_halve)([Item("a", 2), Item("b", 3), Item("c", 4)])

    assert first == Item("a", 1)
    assert second == Rejected("halves", "3 is odd")
    assert third == Item("c", 2)


def test_a_bug_passes_through_for_the_runtime_to_see() -> None:
    def broken(item: Item[int]) -> Item[int]:
        raise ZeroDivisionError(item.id)

    with pytest.raises(ZeroDivisionError):
        each(broken)([Item("a", 1)])


def test_a_cap_holds_its_own_value_and_refuses_what_is_above() -> None:
    at_most("image.decode.maxPixels", 10, 10, "pixels")

    with pytest.raises(Refused) as refused:
        at_most("image.decode.maxPixels", 11, 10, "pixels are announced by the header")

    said = "11 pixels are announced by the header, but image.decode.maxPixels allows 10"
    remedy = "raise the cap if the file is trusted"
    assert refused.value.rejected == Rejected("image.decode.maxPixels", f"{said}: {remedy}", 11, 10)


def test_a_gate_holds_its_own_value_and_refuses_what_is_below() -> None:
    at_least("image.clean.minContrast", 3.0, 3.0, "is the contrast")

    with pytest.raises(Refused) as refused:
        at_least("image.clean.minContrast", 2.5, 3.0, "is the contrast")

    assert (refused.value.rejected.score, refused.value.rejected.threshold) == (2.5, 3.0)
    assert "image.clean.minContrast asks for 3" in refused.value.rejected.reason

"""A chain carries outcomes on and keeps one bad item from failing its neighbours."""

from collections.abc import Sequence

import pytest

from mmpipe.records import Failed, Item, Outcome, Rejected
from mmpipe.runtimes.chain import NamedStage, run


def double(items: Sequence[Item[int]]) -> list[Outcome[int]]:
    return [item.becomes(item.payload * 2) for item in items]


def refuse_odd(items: Sequence[Item[int]]) -> list[Outcome[int]]:
    return [Rejected("odd", "it is odd") if item.payload % 2 else item for item in items]


def break_on_three(items: Sequence[Item[int]]) -> list[Outcome[int]]:
    if any(item.payload == 3 for item in items):
        raise RuntimeError("three")
    return list(items)


def items(*payloads: int) -> list[Item[int]]:
    return [Item(str(payload), payload) for payload in payloads]


def payloads(fates: Sequence[object]) -> list[object]:
    return [fate.payload if isinstance(fate, Item) else type(fate) for fate in fates]


def test_stages_run_in_order_and_items_keep_theirs() -> None:
    assert payloads(run([NamedStage("double", double)] * 2, items(1, 2, 3))) == [4, 8, 12]


def test_a_rejected_item_goes_no_further_and_keeps_its_place() -> None:
    fates = run([NamedStage("refuse", refuse_odd), NamedStage("double", double)], items(1, 2, 3))
    assert payloads(fates) == [Rejected, 4, Rejected]


def test_one_item_that_breaks_a_stage_fails_alone(caplog: pytest.LogCaptureFixture) -> None:
    fates = run([NamedStage("image.decode", break_on_three), NamedStage("double", double)], items(1, 3, 5))
    assert payloads(fates) == [2, Failed, 10]
    assert fates[1] == Failed("image.decode", "RuntimeError: three; run again to retry, and report it if it stays")
    assert "image.decode failed on 3" in caplog.text


def test_a_stage_is_never_called_with_nothing() -> None:
    assert payloads(run([NamedStage("refuse", refuse_odd), NamedStage("break", break_on_nothing)], items(1))) == [
        Rejected
    ]


def break_on_nothing(items: Sequence[Item[int]]) -> list[Outcome[int]]:
    assert items
    return list(items)

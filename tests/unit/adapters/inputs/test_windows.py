from __future__ import annotations

from collections.abc import Iterator
from mmap import mmap
from unittest.mock import Mock

import pytest

from mmpipe.adapters.inputs.entries import Entry
from mmpipe.adapters.inputs.windows import gathered


def _entries(*names: str, size: int = 2000) -> Iterator[Entry]:
    return (Entry(name.partition(".")[0], name, name, lambda: bytes(size)) for name in names)


def _names(entries: Iterator[Entry]) -> list[str]:
    return [entry.name for entry in entries]


def test_files_of_a_key_come_together_within_the_window() -> None:
    assert _names(gathered(_entries("a.2", "b.1", "a.1"), 100_000)) == ["b.1", "a.1", "a.2"]


def test_the_key_that_was_quiet_longest_leaves_first_when_the_window_is_full() -> None:
    names = _names(gathered(_entries("a.1", "b.1", "c.1", "d.1"), 7000))
    assert names == ["a.1", "b.1", "c.1", "d.1"]


def test_a_run_larger_than_the_window_stays_in_one_piece_and_out_of_memory() -> None:
    names = _names(gathered(_entries("a.1", "b.1", "b.2", "b.3", "b.4", "c.1"), 5000))
    assert names == ["a.1", "b.1", "b.2", "b.3", "b.4", "c.1"]


@pytest.mark.parametrize("content", [bytes(2000), mmap(-1, 2000)], ids=["in memory", "mapped"])
def test_an_endless_stream_is_never_held_back_by_more_than_the_window(content: bytes | mmap) -> None:
    load = Mock(return_value=content)
    stream = (Entry(str(number), str(number), "", load) for number in range(1000))
    next(gathered(stream, 10_000))
    assert load.call_count == 4

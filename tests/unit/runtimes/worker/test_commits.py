"""Samples that are done are written in groups."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from mmpipe.adapters.errors import StoreRefused, StoreUnreachable
from mmpipe.adapters.metadata import SampleRows, State
from mmpipe.adapters.planning import Planned
from mmpipe.adapters.sink import Written
from mmpipe.runtimes.worker.commits import Commits


@dataclass(slots=True)
class Recording:
    """A sink that keeps the groups it was given; samples called bad are refused."""

    groups: list[list[str]] = field(default_factory=list)
    fault: Exception | None = None

    def commit(self, planned: Sequence[Planned]) -> Written:
        ids = [one.rows.id for one in planned]
        self.groups.append(ids)
        if self.fault:
            raise self.fault
        if "bad" in ids:
            raise StoreRefused("milvus", "a bad row", "a good one", "mend it")
        return Written(rows=len(ids), states=dict.fromkeys(ids, State.STORED))


def test_what_is_handed_over_together_is_written_together() -> None:
    sink = Recording()

    asyncio.run(_write(sink, ["a", "b", "c"]))

    assert sink.groups == [["a", "b", "c"]]


def test_one_id_twice_is_written_in_two_groups_in_order() -> None:
    sink = Recording()

    asyncio.run(_write(sink, ["a", "b", "a", "c"]))

    assert sink.groups == [["a", "b"], ["a", "c"]]


def test_a_refused_sample_takes_no_neighbour_with_it() -> None:
    sink = Recording()

    ends = asyncio.run(_write(sink, ["a", "bad", "c"]))

    assert [type(end) for end in ends] == [Written, StoreRefused, Written]


def test_a_store_that_is_away_is_told_to_everyone_who_waits() -> None:
    sink = Recording(fault=StoreUnreachable("milvus", "no answer", "one", "start it"))

    ends = asyncio.run(_write(sink, ["a", "b"]))

    assert [type(end) for end in ends] == [StoreUnreachable, StoreUnreachable]


def test_a_courier_that_was_cancelled_does_not_hold_up_the_others() -> None:
    async def scenario() -> object:
        commits = Commits(Recording())
        gone, waiting = (asyncio.create_task(commits.write(_planned(name))) for name in ("a", "b"))
        await asyncio.sleep(0)
        gone.cancel()
        async with _writer(commits):
            return (await waiting).states

    assert asyncio.run(scenario()) == {"a": State.STORED, "b": State.STORED}


@pytest.mark.parametrize("groups", [3])
def test_the_writer_goes_on_after_a_fault(groups: int) -> None:
    async def scenario() -> list[object]:
        sink = Recording(fault=RuntimeError("once"))
        commits = Commits(sink)
        async with _writer(commits):
            ends: list[object] = []
            for number in range(groups):
                ends += await asyncio.gather(commits.write(_planned(str(number))), return_exceptions=True)
                sink.fault = None
            return ends

    assert [type(end) for end in asyncio.run(scenario())] == [RuntimeError, Written, Written]


def _planned(sample_id: str) -> Planned:
    return Planned(SampleRows(sample_id, State.STORED, {}), ())


async def _write(sink: Recording, ids: Sequence[str]) -> list[object]:
    commits = Commits(sink)
    waiting = [asyncio.create_task(commits.write(_planned(one))) for one in ids]
    await asyncio.sleep(0)
    async with _writer(commits):
        return list(await asyncio.gather(*waiting, return_exceptions=True))


class _writer:  # noqa: N801  # a context manager that reads as a function
    def __init__(self, commits: Commits) -> None:
        self._commits = commits

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._commits.run())

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

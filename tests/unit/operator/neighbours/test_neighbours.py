"""Neighbours that nobody needs a server for: those whose Secrets are not there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.asynchronous import asynchronous
from tests.integration.operator.asking import a_pipeline, asking

from mmpipe_operator.neighbours import NeighbourError, askers
from mmpipe_operator.neighbours.neighbours import AT_ONCE
from mmpipe_operator.status import Report

OTHER = {"name": "nobody", "key": "other"}


EACH = 3
"""Neighbours of a pipeline."""


@dataclass(slots=True)
class Counted:
    """How often anybody was asked, and how many at the same time."""

    asked: int = 0
    busy: int = 0
    most: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, asked: int) -> None:
        async with asyncio.timeout(20):
            while self.asked < asked:
                self.news.clear()
                await self.news.wait()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    found = Counted()

    async def probed(*asked: Any) -> Any:  # noqa: ANN401  # in the place of what is generic
        found.asked += 1
        found.busy += 1
        found.news.set()
        found.most = max(found.most, found.busy)
        await asyncio.sleep(0.002)
        found.busy -= 1
        return await askers.probed(*asked)

    monkeypatch.setattr("mmpipe_operator.neighbours.neighbours.probed", probed)
    return found


def known(report: Report) -> bool:
    return report.queue.state != "Unknown"


@asynchronous
async def test_everything_is_unknown_until_all_were_asked_once_but_for_what_the_spec_says() -> None:
    async with asking() as one:
        first = one.neighbours.report(a_pipeline("media"), {})
        assert first == Report(collection="mmpipe_media_g1", alias="media", model=first.model)
        assert first.model.startswith("tiny@")
        assert one.told == []
        second = await one.until(a_pipeline("media"), known)
    assert {second.queue.state, second.vectors.state} == {"Refused"}
    assert one.told[0] == ("prod", "media")


@asynchronous
async def test_an_edit_that_asks_nothing_else_starts_no_new_asking(counted: Counted) -> None:
    async with asking(interval_s=60) as one:
        before = await one.until(a_pipeline("media"), known)
        edited = a_pipeline("media")
        edited = edited.model_copy(update={"spec": edited.spec.model_copy(update={"topology": "PerStage"})})
        assert one.neighbours.report(edited, {}) == before
        await one.until(a_pipeline("another"), known)
    assert counted.asked == 2 * EACH


@asynchronous
async def test_a_few_pipelines_are_asked_at_once_and_each_again_after_the_interval(counted: Counted) -> None:
    many = 3 * AT_ONCE
    async with asking(interval_s=0.05) as one:
        for number in range(many):
            one.neighbours.report(a_pipeline(f"p{number}"), {})
        await counted.until(3 * many * EACH)
        assert len(set(one.told)) == many
    assert counted.most == AT_ONCE * EACH


@asynchronous
async def test_an_edit_while_its_pipeline_is_asked_is_asked_after_it(counted: Counted) -> None:
    async with asking(interval_s=60) as one:
        one.neighbours.report(a_pipeline("media"), {})
        await counted.until(1)
        moved = a_pipeline("media", milvus={"uri": "http://elsewhere:19530", "tokenSecretRef": OTHER})
        report = await one.until(moved, lambda report: report.vectors.state != "Unknown")
    assert "other" in report.vectors.message


@asynchronous
async def test_an_edit_of_one_neighbour_leaves_what_is_known_of_the_others() -> None:
    async with asking() as one:
        await one.until(a_pipeline("media"), known)
        moved = a_pipeline("media", milvus={"uri": "http://elsewhere:19530", "tokenSecretRef": OTHER})
        report = one.neighbours.report(moved, {})
    assert (report.queue.state, report.vectors.state) == ("Refused", "Unknown")


@asynchronous
async def test_dropping_without_its_secret_names_secret_and_key() -> None:
    async with asking() as one:
        with pytest.raises(NeighbourError, match="Secret nobody, key has: found none"):
            await one.neighbours.drop_vectors(a_pipeline("media"), {})


@asynchronous
async def test_vectors_that_were_in_the_pods_went_with_them() -> None:
    async with asking() as one:
        await one.neighbours.drop_vectors(a_pipeline("media", milvus={}), {})


@asynchronous
async def test_nothing_is_left_of_a_pipeline_that_is_forgotten() -> None:
    async with asking() as one:
        await one.until(a_pipeline("media"), known)
        one.neighbours.forget("prod", "media")
        one.neighbours.forget("prod", "never-there")
        await one.neighbours.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert one.neighbours.report(a_pipeline("media"), {}).queue.state == "Unknown"

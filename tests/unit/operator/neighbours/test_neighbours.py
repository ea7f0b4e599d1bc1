"""Neighbours that nobody needs a server for: those whose Secrets are not there."""

from __future__ import annotations

import asyncio

import pytest
from tests.asynchronous import asynchronous
from tests.integration.operator.asking import a_pipeline, asking

from mmpipe_operator.neighbours import NeighbourError
from mmpipe_operator.status import Report

OTHER = {"name": "nobody", "key": "other"}


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
async def test_an_edit_that_asks_nothing_else_starts_no_new_asking() -> None:
    async with asking() as one:
        before = await one.until(a_pipeline("media"), known)
        tasks = asyncio.all_tasks()
        edited = a_pipeline("media")
        edited = edited.model_copy(update={"spec": edited.spec.model_copy(update={"topology": "PerStage"})})
        assert one.neighbours.report(edited, {}) == before
        assert asyncio.all_tasks() == tasks


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

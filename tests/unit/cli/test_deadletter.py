"""``mmpipe deadletter``: list, show and redrive, and the filters that people type."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mmpipe.cli.filters import FilterError, parse
from mmpipe.client import Client, DeadLetterFilter
from mmpipe.client.testing import FakeGateway
from mmpipe.records import Modality

type Run = Callable[..., Any]

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def letters(client: Client, gateway: FakeGateway) -> None:
    for sample_id, stage, reason, redrives in (
        ("a", "image.decode", "a timeout", 0),
        ("b", "sink", "Milvus is down", 0),
        ("c", "image.clean", "it crashed", 3),
    ):
        client.submit({"id": sample_id, "text": "words"})
        gateway.give_up(sample_id, stage, reason, redrives=redrives)


def test_dead_letters_are_listed_newest_first(mmpipe: Run) -> None:
    done = mmpipe("deadletter", "list")
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()] == ["sample", "c", "b", "a"]
    assert "Milvus is down" in done.out


def test_a_filter_narrows_the_list(mmpipe: Run) -> None:
    def listed(*where: str) -> list[str]:
        options = [option for text in where for option in ("--where", text)]
        return [letter["sample_id"] for letter in json.loads(mmpipe("deadletter", "list", *options, "--json").out)]

    assert listed("stage=image") == ["c", "a"]
    assert listed("stage=image,reason~timeout") == ["a"]
    assert listed("stage=image", "reason~timeout") == ["a"]
    assert listed("modality=audio") == []
    assert listed("since=1h") == ["c", "b", "a"]
    assert listed("until=1h") == []
    assert mmpipe("deadletter", "list", "--where", "id=z").out == "no dead letters that fit\n"


def test_one_dead_letter_is_shown_with_its_trace(mmpipe: Run) -> None:
    done = mmpipe("deadletter", "show", "b")
    assert done.out.startswith("b: given up in sink\n  Milvus is down\n  parts: text\n  delivered 5 times")
    assert "trace 0af7651916cd43dd8448eb211c80319c" in done.out
    assert mmpipe("deadletter", "show", "z").code == 2


def test_a_dry_run_changes_nothing(mmpipe: Run, client: Client) -> None:
    done = mmpipe("deadletter", "redrive", "--where", "id=a", "--dry-run")
    assert done.out == "a: would be redriven\n1 would be redriven, 0 left\n"
    assert len(list(client.dead_letters())) == 3


def test_redriving_names_each_and_ends_with_1_where_some_are_left(mmpipe: Run, client: Client) -> None:
    done = mmpipe("deadletter", "redrive", "--rate", "100")
    assert done.code == 1
    assert "a: redriven" in done.out
    assert "c: left: it was redriven 3 times without success" in done.out
    assert done.out.endswith("2 redriven, 1 left\n")
    assert [letter.sample_id for letter in client.dead_letters()] == ["c"]
    assert mmpipe("deadletter", "redrive", "--max-redrives", "4").code == 0


def test_conditions_are_read_together() -> None:
    wanted = parse(["stage=image.decode, reason~timeout, after a while", "modality=image,since=2h,until=30m"], NOW)
    assert wanted == DeadLetterFilter(
        stage="image.decode",
        reason="timeout, after a while",
        modality=Modality.IMAGE,
        since=NOW - timedelta(hours=2),
        until=NOW - timedelta(minutes=30),
    )


def test_a_time_may_be_a_moment() -> None:
    wanted = parse(["since=2026-06-30T10:00:00+02:00,id=a,id=b"], NOW)
    assert wanted.since == datetime(2026, 6, 30, 8, tzinfo=UTC)
    assert wanted.sample_ids == ("a", "b")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stgae=sink", "expected one of id, stage, reason, modality, since, until; did you mean stage?"),
        ("modality=vidoe", "did you mean video?"),
        ("reason=timeout", "write reason~timeout"),
        ("stage~sink", "write stage=sink"),
        ("since=yesterday", "an age such as 30m"),
        ("stage=", "expected a value for stage"),
        ("sink", "expected KEY=VALUE"),
    ],
)
def test_a_condition_that_cannot_be_meant_says_what_can(text: str, says: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse([text], NOW)
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"--where {text!r}: found ")

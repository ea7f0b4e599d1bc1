from __future__ import annotations

from collections.abc import Callable

from mmpipe.cli.waterfall import Recorded, rows

type Make = Callable[..., Recorded]


def test_a_row_stands_below_its_parent_and_siblings_by_time(span: Make) -> None:
    root = span("mmpipe.worker.sample", 0, 10)
    late = span("mmpipe.worker.part", 5, 9, root, attributes={"mmpipe.modality": "video"})
    early = span("mmpipe.worker.part", 1, 4, root, attributes={"mmpipe.modality": "text"})
    inside = span("mmpipe.v1.ChainService/Chain", 2, 3, early)

    shown = rows([late, inside, early, root])

    assert [(row.depth, row.label, row.detail) for row in shown] == [
        (0, "worker.sample", ""),
        (1, "worker.part", "text"),
        (2, "ChainService/Chain", ""),
        (1, "worker.part", "video"),
    ]


def test_the_time_in_the_queue_is_a_row_for_each_delivery(span: Make) -> None:
    accepted = span("accept", 0, 1, kind="producer")
    again = span("sample", 50, 60, accepted, kind="consumer")
    first = span("sample", 10, 20, accepted, kind="consumer")

    waits = [row for row in rows([accepted, first, again]) if row.is_wait]

    assert [(row.begun_ns, row.ended_ns) for row in waits] == [
        (accepted.ended_ns, first.begun_ns),
        (first.ended_ns, again.begun_ns),
    ]


def test_clocks_that_disagree_make_no_wait(span: Make) -> None:
    accepted = span("accept", 0, 10, kind="producer")
    taken = span("sample", 9, 20, accepted, kind="consumer")

    assert not [row for row in rows([accepted, taken]) if row.is_wait]


def test_a_span_whose_parent_was_not_recorded_is_shown(span: Make) -> None:
    lost = span("lost", 0, 1)
    orphan = span("orphan", 1, 2, lost)

    assert [(row.label, row.depth) for row in rows([orphan])] == [("orphan", 0)]


def test_a_failed_span_says_its_error(span: Make) -> None:
    (row,) = rows([span("call", 0, 1, failed=True, attributes={"error.type": "UNAVAILABLE"})])

    assert row.error == "UNAVAILABLE"


def test_counts_are_said_in_words(span: Make) -> None:
    (row,) = rows([span("upsert", 0, 1, attributes={"mmpipe.group_samples": 1, "mmpipe.rows": 24})])

    assert row.detail == "1 sample, 24 rows"

"""What a result means for the stores."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from mmpipe.adapters.identity import digests_of
from mmpipe.adapters.metadata import State
from mmpipe.adapters.objects import reference
from mmpipe.adapters.planning import Passage, Planned, Setting, plan
from mmpipe.records import (
    Embedded,
    Embedding,
    Failed,
    Fusion,
    Item,
    Media,
    Modality,
    Part,
    Reference,
    Rejected,
    Result,
    Sample,
    Segment,
)
from mmpipe.testing import MODEL, a_result, a_sample, vector_of

SETTING = Setting("media", "run", "folder", "recipe", lambda sha256: f"file:///objects/{sha256[:4]}")
BLANK = Rejected("image.clean.minContrast", "the picture is blank", 1.0, 3.0)
CRASHED = Failed("image.decode", "ValueError: surprise; report it")
PICTURE = Part(Modality.IMAGE, Media(b"1", "jpeg"), "file:///a.jpg", {"width": 640})
FILM = Part(Modality.VIDEO, Media(b"2", "mp4"), "file:///a.mp4")


def planned(result: Result) -> Planned:
    return plan(result, digests_of(result.sample), SETTING)


def an_item(text: str, quality: float = 1.0) -> Item[Embedding]:
    return Item(text, Embedding(vector_of(text), MODEL), quality, {"sharpness": 12.5})


def result_of(*embedded: Embedded, fusion: Fusion | Rejected | None = None, sample: Sample | None = None) -> Result:
    return Result(sample or Sample("a", (PICTURE, FILM), {"year": 2020}), embedded, fusion, 12.0)


def picture(outcome: Item[Embedding] | Rejected | Failed) -> Embedded:
    return Embedded(Modality.IMAGE, PICTURE.uri, None, outcome)


def test_every_vector_has_a_row_in_milvus_and_one_in_the_metadata_under_one_id() -> None:
    both = planned(a_result(a_sample("a", {Modality.IMAGE: b"1", Modality.TEXT: b"2"})))
    assert [row.modality for row in both.vectors] == ["image", "text", "fused"]
    assert [row["row_id"] for row in both.rows.segments] == [row.id for row in both.vectors]
    assert both.rows.state is State.STORED


def test_a_vector_row_says_what_it_is_of() -> None:
    (row,) = planned(result_of(picture(an_item("x", 0.5)))).vectors
    assert (row.sample_id, row.modality, row.uri, row.segment) == ("a", "image", "file:///a.jpg", None)
    assert (row.model, row.quality, row.attributes) == (MODEL, 0.5, {"year": 2020})
    assert row.vector.tobytes() == vector_of("x").tobytes()


def test_segments_of_a_film_are_rows_of_their_own() -> None:
    stretches = [Segment(0, 30), Segment(30, 60)]
    film = [Embedded(Modality.VIDEO, FILM.uri, stretch, an_item(str(stretch))) for stretch in stretches]
    rows = planned(result_of(*film)).vectors
    assert [row.segment for row in rows] == stretches
    assert len({row.id for row in rows}) == 2


def test_two_pictures_of_one_sample_keep_two_vectors() -> None:
    other = Embedded(Modality.IMAGE, "file:///b.jpg", None, an_item("other"))
    rows = planned(result_of(picture(an_item("x")), other)).vectors
    assert len({row.id for row in rows}) == 2


def test_a_fused_row_is_written_where_there_is_something_to_fuse() -> None:
    weights = {Modality.IMAGE: 0.75, Modality.VIDEO: 0.25}
    fusion = Fusion(Embedding(vector_of("f"), MODEL), weights, (Modality.TEXT,), 0.8, 0.9)
    rows = planned(result_of(picture(an_item("x")), fusion=fusion))
    assert rows.vectors[-1].modality == "fused"
    assert rows.rows.sample["weights"] == {"image": 0.75, "video": 0.25}
    assert rows.rows.sample["missing"] == ["text"]
    assert rows.rows.sample["alignment_confidence"] == 0.8


def test_a_rejected_part_is_quarantined_with_all_that_a_person_needs() -> None:
    (row,) = planned(result_of(picture(BLANK), picture(an_item("x")))).rows.quarantine
    row.pop("rejected_at")
    assert row == {
        "position": 0,
        "modality": "image",
        "item_uri": "file:///a.jpg",
        "object_uri": "file:///objects/6b86",  # SHA-256 of "1"
        "start_s": None,
        "end_s": None,
        "gate": "image.clean.minContrast",
        "reason": "the picture is blank",
        "score": 1.0,
        "threshold": 3.0,
        "facts": {"width": 640},
    }


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ([an_item("x"), BLANK], State.STORED),
        ([BLANK, BLANK], State.QUARANTINED),
        ([an_item("x"), CRASHED], State.FAILED),
        ([BLANK, CRASHED], State.FAILED),
        ([], State.QUARANTINED),
    ],
)
def test_the_state_of_a_sample_follows_from_its_parts(
    outcomes: list[Item[Embedding] | Rejected | Failed], state: State
) -> None:
    assert planned(result_of(*map(picture, outcomes))).rows.state is state


def test_what_became_of_every_part_is_recorded() -> None:
    rows = planned(result_of(picture(an_item("x")), picture(BLANK), picture(CRASHED))).rows.outcomes
    assert [(row["outcome"], row["stage"], row["reason"]) for row in rows] == [
        ("embedded", None, None),
        ("rejected", "image.clean.minContrast", "the picture is blank"),
        ("failed", "image.decode", "ValueError: surprise; report it"),
    ]


def test_an_unreadable_part_is_quarantined_once_whether_it_is_among_the_results_or_not() -> None:
    verdict = Rejected("input.format", "nobody knows this format")
    sample = Sample("a", (PICTURE,), {}, {"file:///a.xyz": verdict})
    told = Embedded(None, "file:///a.xyz", None, verdict)
    for embedded in ([picture(an_item("x"))], [picture(an_item("x")), told]):
        (row,) = planned(result_of(*embedded, sample=sample)).rows.quarantine
        assert (row["modality"], row["item_uri"], row["gate"]) == (None, "file:///a.xyz", "input.format")


def test_a_fusion_that_was_rejected_is_quarantined_as_the_whole() -> None:
    verdict = Rejected("alignment.minConfidence", "the parts do not agree", 0.1, 0.2)
    rows = planned(result_of(picture(an_item("x")), fusion=verdict)).rows
    assert [(row["modality"], row["gate"]) for row in rows.quarantine] == [("fused", "alignment.minConfidence")]
    assert rows.state is State.STORED


def test_a_row_that_milvus_would_refuse_is_quarantined_and_its_neighbours_are_not() -> None:
    bad = Item("x", Embedding(np.full(8, np.nan, np.float32), MODEL))
    rows = planned(result_of(picture(bad), picture(an_item("y"))))
    assert [row.vector[0] for row in rows.vectors] == [vector_of("y")[0]]
    assert [(row["gate"], row["reason"]) for row in rows.rows.quarantine] == [
        ("sink.milvus", "the vector holds NaN or infinity")
    ]
    assert [row["outcome"] for row in rows.rows.outcomes] == ["rejected", "embedded"]


def test_a_sample_whose_attributes_are_too_large_is_quarantined() -> None:
    sample = Sample("a", (PICTURE,), {"essay": "x" * 70_000})
    assert planned(result_of(picture(an_item("x")), sample=sample)).rows.state is State.QUARANTINED


def test_parts_are_recorded_with_digest_size_and_place() -> None:
    parts = planned(result_of()).rows.parts
    assert [(part["position"], part["modality"], part["format"], part["bytes"]) for part in parts] == [
        (0, "image", "jpeg", 1),
        (1, "video", "mp4", 1),
    ]
    assert parts[0]["sha256"].startswith("6b86b273ff34fce1")  # SHA-256 of "1" (coreutils)
    assert parts[0]["object_uri"] == "file:///objects/6b86"


def test_any_mixture_of_outcomes_has_as_many_outcome_rows_as_parts() -> None:
    kinds: list[Item[Embedding] | Rejected | Failed] = [an_item("x"), BLANK, CRASHED]
    for outcomes in itertools.product(kinds, repeat=3):
        rows = planned(result_of(*map(picture, outcomes))).rows
        assert len(rows.outcomes) == 3
        assert len(rows.segments) + len(rows.quarantine) == 3 - outcomes.count(CRASHED)


def both(*outcomes: Item[Embedding] | Rejected | Failed) -> Result:
    """A sample of a picture and a film, with these outcomes."""
    return result_of(
        *(Embedded(part.modality, part.uri, None, o) for part, o in zip((PICTURE, FILM), outcomes, strict=True))
    )


@pytest.mark.parametrize(
    ("outcomes", "degraded", "state"),
    [
        ((an_item("x"), CRASHED), (Modality.VIDEO,), State.STORED),
        ((BLANK, CRASHED), (Modality.VIDEO,), State.QUARANTINED),
        ((an_item("x"), CRASHED), (Modality.IMAGE,), State.FAILED),
        ((CRASHED, CRASHED), (Modality.IMAGE, Modality.VIDEO), State.FAILED),
    ],
)
def test_faults_of_degraded_modalities_do_not_fail_a_sample_that_has_others(
    outcomes: tuple[Item[Embedding] | Rejected | Failed, ...], degraded: tuple[Modality, ...], state: State
) -> None:
    result = both(*outcomes)
    rows = plan(result, digests_of(result.sample), SETTING, Passage(degraded=degraded)).rows
    assert rows.state is state
    assert rows.sample["degraded"] == [str(modality) for modality in degraded]


def test_a_part_that_is_referred_to_lies_where_its_reference_says() -> None:
    setting = replace(SETTING, lies_at=lambda sha256: f"s3://bucket/{sha256[:4]}")
    own = Part(Modality.VIDEO, Media(b"", "mp4", Segment(0, 5), reference("ab" * 32, 12_345)), "film.mp4")
    elsewhere = Part(Modality.IMAGE, Media(b"", "jpeg", None, Reference("https://h/a.jpg", "cd" * 32, 678)), "a.jpg")
    sample = Sample("a", (own, elsewhere, PICTURE))
    rows = plan(Result(sample, (), None, 1.0), digests_of(sample), setting).rows.parts
    assert [(row["sha256"], row["bytes"], row["object_uri"]) for row in rows] == [
        ("ab" * 32, 12_345, "s3://bucket/abab"),
        ("cd" * 32, 678, ""),
        (rows[2]["sha256"], 1, "file:///objects/6b86"),  # SHA-256 of "1"
    ]
    assert [(row["start_s"], row["end_s"]) for row in rows] == [(0, 5), (None, None), (None, None)]

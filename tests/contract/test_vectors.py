"""What a collection promises, embedded or on a server."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mmpipe.adapters.errors import FilterRefused, StoreMismatch, StoreRefused
from mmpipe.adapters.vectors import Collection, Place, VectorRow, Vectors
from mmpipe.records import Segment
from mmpipe.resilience import deadline
from mmpipe.testing import DIMENSION, MODEL, vector_of


def a_row(id_: str, **changed: object) -> VectorRow:
    given: dict[str, object] = {
        "id": id_,
        "sample_id": f"sample-{id_}",
        "modality": "image",
        "vector": vector_of(id_),
        "segment": None,
        "uri": f"file:///{id_}.jpg",
        "model": MODEL,
        "quality": 0.5,
        "attributes": {"year": 2020},
    }
    return VectorRow(**{**given, **changed})  # type: ignore[arg-type]  # a builder


SHARED = ["served", pytest.param("server", marks=pytest.mark.server)]
"""Kinds that take several clients at once."""


@pytest.fixture(params=["embedded", *SHARED])
def vectors_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# What the fake keeps too


def test_a_row_comes_back_as_it_was_written(any_vectors: Vectors) -> None:
    row = a_row("a", segment=Segment(30.0, 60.0), attributes={"year": 2021, "tags": ["x", None], "name": "Zoë"})
    any_vectors.upsert([row])
    (hit,) = any_vectors.search(row.vector, 1)
    assert hit.score == pytest.approx(1.0, abs=1e-5)
    assert (hit.id, hit.sample_id, hit.modality, hit.uri) == ("a", "sample-a", "image", "file:///a.jpg")
    assert (hit.segment, hit.model, hit.quality) == (Segment(30.0, 60.0), MODEL, 0.5)
    assert hit.attributes == {"year": 2021, "tags": ["x", None], "name": "Zoë"}


def test_a_row_of_a_whole_part_comes_back_without_a_segment(any_vectors: Vectors) -> None:
    any_vectors.upsert([a_row("a")])
    assert any_vectors.search(vector_of("a"), 1)[0].segment is None


def test_writing_a_row_again_replaces_it(any_vectors: Vectors) -> None:
    any_vectors.upsert([a_row("a", uri="old")])
    any_vectors.upsert([a_row("a", uri="new")])
    assert any_vectors.count() == 1
    assert any_vectors.search(vector_of("a"), 2)[0].uri == "new"


def test_of_two_rows_with_one_id_in_a_batch_the_last_is_stored_once(any_vectors: Vectors) -> None:
    any_vectors.upsert([a_row("a", uri="first"), a_row("b"), a_row("a", uri="last")])
    assert any_vectors.count() == 2
    assert any_vectors.search(vector_of("a"), 1)[0].uri == "last"


def test_deleted_rows_are_gone_and_absent_ones_do_not_matter(any_vectors: Vectors) -> None:
    any_vectors.upsert([a_row("a"), a_row("b")])
    any_vectors.delete(["a", "never there"])
    assert any_vectors.count() == 1
    assert any_vectors.present(["a", "b"]) == {"b"}


def test_nothing_is_written_deleted_or_asked_for_without_ids(any_vectors: Vectors) -> None:
    any_vectors.upsert([])
    any_vectors.delete([])
    assert any_vectors.present([]) == set()
    assert any_vectors.count() == 0


def test_more_rows_than_one_call_takes_are_all_there(any_vectors: Vectors) -> None:
    rows = [a_row(str(number)) for number in range(2_050)]
    any_vectors.upsert(rows)
    assert any_vectors.count() == 2_050
    assert any_vectors.present([row.id for row in rows]) == {row.id for row in rows}


def test_hits_are_sorted_by_cosine_similarity(any_vectors: Vectors) -> None:
    rows = [a_row(str(number)) for number in range(50)]
    any_vectors.upsert(rows)
    query = vector_of("query")
    expected = sorted((float(np.dot(row.vector, query)) for row in rows), reverse=True)[:5]
    assert [hit.score for hit in any_vectors.search(query, 5)] == pytest.approx(expected, abs=1e-5)


def test_modalities_keep_rows_of_these(any_vectors: Vectors) -> None:
    any_vectors.upsert([a_row("a"), a_row("b", modality="audio"), a_row("c", modality="fused")])
    hits = any_vectors.search(vector_of("a"), 10, modalities=["audio", "fused"])
    assert {hit.id for hit in hits} == {"b", "c"}


# What only Milvus does


def test_a_filter_over_attributes_and_modalities_keeps_what_it_says(vectors: Vectors) -> None:
    vectors.upsert(
        [
            a_row("old", attributes={"year": 1999}),
            a_row("new", attributes={"year": 2024}),
            a_row("sound", modality="audio", attributes={"year": 2024}),
            a_row("bare", attributes={}),
        ]
    )
    hits = vectors.search(vector_of("old"), 10, 'attributes["year"] > 2020', ["image", "text"])
    assert [hit.id for hit in hits] == ["new"]


@pytest.mark.parametrize("where", ["year >", "nonsense > 3", "modality in [1"])
def test_a_filter_that_is_no_expression_is_refused_with_itself_and_an_example(vectors: Vectors, where: str) -> None:
    vectors.upsert([a_row("a")])
    with pytest.raises(FilterRefused) as refused:
        vectors.search(vector_of("a"), 1, where)
    assert where in str(refused.value)
    assert 'attributes["year"] > 2020' in str(refused.value)


def test_rows_are_there_after_closing_and_opening(open_vectors: Callable[[], Vectors]) -> None:
    with open_vectors() as first:
        first.upsert([a_row("a")])
    with open_vectors() as second:
        assert second.count() == 1
        assert second.search(vector_of("a"), 1)[0].id == "a"


def test_clients_find_the_collection_under_its_alias(vectors: Vectors) -> None:
    vectors.upsert([a_row("a")])
    assert vectors.collection.searched_as == vectors.collection.pipeline.replace("-", "_")
    found = vectors._client.query(vectors.collection.searched_as, filter='id == "a"', output_fields=["uri"])  # noqa: SLF001  # as another client would
    assert found[0]["uri"] == "file:///a.jpg"


def test_a_model_of_another_dimension_is_refused_with_both_dimensions(
    vectors_place: Place, open_vectors: Callable[[], Vectors], pipeline: str
) -> None:
    with open_vectors() as first:
        first.open()
    with pytest.raises(StoreMismatch) as mismatch, Vectors(vectors_place, Collection(pipeline, 16)) as second:
        second.open()
    assert f"mmpipe_{pipeline.replace('-', '_')}_g1" in str(mismatch.value)
    assert f"dimension {DIMENSION}" in str(mismatch.value)
    assert "expected 16" in str(mismatch.value)
    assert "another name" in str(mismatch.value)


def test_an_alias_that_another_collection_has_is_refused_with_its_name(
    vectors_place: Place, open_vectors: Callable[[], Vectors], pipeline: str
) -> None:
    taken = pipeline.replace("-", "_")
    with open_vectors() as first:
        first.open()
    other = Collection(f"{pipeline}-other", DIMENSION, alias=taken)
    with pytest.raises(StoreMismatch, match=f"alias {taken}"), Vectors(vectors_place, other) as second:
        second.open()


def test_a_vector_of_the_wrong_length_is_refused(vectors: Vectors) -> None:
    with pytest.raises(StoreRefused):
        vectors.upsert([a_row("a", vector=vector_of("a", 16))])


def test_a_search_sees_what_was_written_before_it(vectors: Vectors) -> None:
    vectors.upsert([a_row("a")])
    vectors.upsert([a_row("a", uri="new"), a_row("b")])
    vectors.delete(["b"])
    assert [(hit.id, hit.uri) for hit in vectors.search(vector_of("a"), 5)] == [("a", "new")]


@pytest.mark.parametrize("vectors_kind", SHARED)
def test_clients_that_open_an_empty_store_at_once_make_its_collection_once(open_vectors: Callable[[], Vectors]) -> None:
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: open_vectors(), range(4)))
    for number, client in enumerate(opened):
        client.upsert([a_row(str(number))])
    assert {client.count() for client in opened} == {4}
    for client in opened:
        client.close()


def test_no_question_is_asked_once_the_deadline_has_passed(vectors: Vectors) -> None:
    vectors.upsert([a_row("a")])
    with deadline.within(0), pytest.raises(deadline.DeadlinePassed):
        vectors.search(vector_of("a"), 1)
    assert vectors.count() == 1

"""A search answers with the nearest samples, says who answered, and remembers for exactly the same question."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest
from tests.unit.runtimes.gateway.conftest import Ground

from mmpipe.adapters.cache import MemoryCache
from mmpipe.adapters.errors import StoreUnreachable
from mmpipe.adapters.vectors import VectorHit
from mmpipe.records import Floats, Modality, Part
from mmpipe.runtimes.gateway.dependencies import Dependency
from mmpipe.runtimes.gateway.faults import Refusal
from mmpipe.runtimes.gateway.searching import Origin, Searching
from mmpipe.runtimes.gateway.stores import Store
from mmpipe.runtimes.search import QueryError
from mmpipe.spec.processes import Limits
from mmpipe.testing import MODEL, MemoryVectors, a_result, a_sample, vector_of
from mmpipe.v1 import error_pb2, gateway_pb2, media_pb2, sample_pb2

ORIGIN = Origin("mmpipe_test_g1", MODEL)


@dataclass(slots=True)
class Embedding:
    """Stage services that make the vector of a text part as ``mmpipe.testing`` does."""

    asked: list[Sequence[Part]] = field(default_factory=list)
    error: Exception | None = None

    async def __call__(self, parts: Sequence[Part]) -> Floats:
        self.asked.append(parts)
        if self.error:
            raise self.error
        return vector_of(f"text {bytes(parts[0].media.content).hex()}")


@dataclass(slots=True)
class Clock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


def a_search(
    ground: Ground, embedding: Embedding, clock: Clock | None = None, limits: Limits | None = None
) -> Searching:
    samples = [a_sample(name, {Modality.TEXT: name.encode()}) for name in ("bell", "dog", "car")]
    ground.sink().write([a_result(sample) for sample in samples])
    cache = MemoryCache(clock=clock or Clock())
    vectors: Store[MemoryVectors] = Store(Dependency("vectors"), lambda: ground.vectors)
    of_tenant = ground.door(limits).limits
    return Searching(embedding, vectors, ORIGIN, ("https",), of_tenant, cache, ttl_s=10.0)  # type: ignore[arg-type]  # the fake of Vectors


def asking(text: str, **wanted: object) -> gateway_pb2.SearchRequest:
    part = sample_pb2.Part(media=media_pb2.Media(text=text))
    return gateway_pb2.SearchRequest(query=[part], **wanted)  # type: ignore[arg-type]  # fields of the message


def answer_to(searching: Searching, request: gateway_pb2.SearchRequest) -> gateway_pb2.SearchResponse:
    return asyncio.run(searching.search(request))


def test_the_nearest_sample_comes_first_and_the_answer_says_who_made_it(ground: Ground) -> None:
    answer = answer_to(a_search(ground, Embedding()), asking("dog", top=2))

    assert answer.hits[0].sample_id == "dog"
    assert answer.hits[0].score == pytest.approx(1.0)
    assert len(answer.hits) == 2
    assert (answer.generation, answer.model, answer.cached) == ("mmpipe_test_g1", MODEL, False)


def test_the_same_question_is_answered_from_memory_and_says_so(ground: Ground) -> None:
    embedding = Embedding()
    searching = a_search(ground, embedding)

    first, second = (answer_to(searching, asking("dog")) for _ in range(2))

    assert (first.cached, second.cached) == (False, True)
    assert first.hits == second.hits
    assert len(embedding.asked) == 1


def test_an_answer_is_forgotten_in_time(ground: Ground) -> None:
    embedding, clock = Embedding(), Clock()
    searching = a_search(ground, embedding, clock)
    answer_to(searching, asking("dog"))

    clock.now_s = 10.0

    assert not answer_to(searching, asking("dog")).cached


@pytest.mark.parametrize(
    "other",
    [asking("cat"), asking("dog", top=3), asking("dog", modalities=["text"])],
    ids=["query", "top", "modalities"],
)
def test_another_question_is_not_answered_from_memory(ground: Ground, other: gateway_pb2.SearchRequest) -> None:
    searching = a_search(ground, Embedding())
    answer_to(searching, asking("dog"))

    assert not answer_to(searching, other).cached


@pytest.mark.parametrize("origin", [Origin("mmpipe_test_g2", MODEL), Origin("mmpipe_test_g1", "other@1")])
def test_another_generation_or_model_is_not_answered_from_memory(ground: Ground, origin: Origin) -> None:
    searching = a_search(ground, embedding := Embedding())
    answer_to(searching, asking("dog"))
    searching = replace(searching, origin=origin)

    with suppress(Refusal):
        assert not answer_to(searching, asking("dog")).cached
    assert len(embedding.asked) == 2


def test_rows_of_another_model_than_the_querys_are_said_so(ground: Ground) -> None:
    searching = replace(a_search(ground, Embedding()), origin=Origin("mmpipe_test_g1", "other@1"))

    with pytest.raises(Refusal, match="found vectors by test@0") as refused:
        answer_to(searching, asking("dog"))

    assert refused.value.fault.reason == error_pb2.REASON_OTHER_MODEL


WRONG = {
    "no part": (gateway_pb2.SearchRequest(), "query", error_pb2.REASON_BAD_FIELD),
    "too many hits": (asking("dog", top=1001), "top", error_pb2.REASON_BAD_FIELD),
    "an unknown modality": (asking("dog", modalities=["text", "smell"]), "modalities[1]", error_pb2.REASON_BAD_FIELD),
    "bytes of no format": (
        gateway_pb2.SearchRequest(query=[sample_pb2.Part(media=media_pb2.Media(content=b"\x00\x01\xff\xfe" * 9))]),
        "query",
        error_pb2.REASON_QUERY_REJECTED,
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_query_is_refused_with_its_field_before_any_stage(ground: Ground, case: str) -> None:
    request, field_name, reason = WRONG[case]
    searching = a_search(ground, embedding := Embedding())

    with pytest.raises(Refusal) as refused:
        answer_to(searching, request)

    assert (refused.value.fault.field, refused.value.fault.reason) == (field_name, reason)
    assert not embedding.asked


def test_a_query_that_its_gates_reject_is_said_so(ground: Ground) -> None:
    searching = a_search(ground, Embedding(error=QueryError("query text: too short")))

    with pytest.raises(Refusal, match="too short") as refused:
        answer_to(searching, asking("x"))

    assert refused.value.fault.reason == error_pb2.REASON_QUERY_REJECTED


def test_a_vector_store_that_is_down_is_said_so(ground: Ground) -> None:
    class Down(MemoryVectors):
        def search(self, vector: Floats, top: int, where: str = "", modalities: Sequence[str] = ()) -> list[VectorHit]:
            del vector, top, where, modalities
            raise StoreUnreachable("http://milvus:19530", "nothing", "an answer", "start it")

    searching = replace(a_search(ground, Embedding()), vectors=Store(Dependency("vectors"), Down))  # type: ignore[arg-type]  # a fake

    with pytest.raises(Refusal) as refused:
        answer_to(searching, asking("dog"))

    assert refused.value.fault.metadata == {"dependency": "vectors"}
    assert "milvus:19530" not in str(refused.value)


def test_the_bytes_of_a_query_count_and_not_how_they_travel(ground: Ground) -> None:
    searching = a_search(ground, Embedding())
    digest = hashlib.sha256(b"dog").hexdigest()
    reference = media_pb2.Reference(uri="https://host/dog.txt", sha256=digest)
    modality = media_pb2.MODALITY_TEXT
    inline = sample_pb2.Part(modality=modality, media=media_pb2.Media(text="dog"))
    referred = sample_pb2.Part(modality=modality, media=media_pb2.Media(reference=reference, format="txt"))
    answer_to(searching, gateway_pb2.SearchRequest(query=[inline]))

    assert answer_to(searching, gateway_pb2.SearchRequest(query=[referred])).cached


def test_a_wrong_query_is_named_by_its_place_in_the_request(ground: Ground) -> None:
    request = gateway_pb2.SearchRequest(query=[sample_pb2.Part()])

    with pytest.raises(Refusal, match=r"^query\[0\]\.media: found ") as refused:
        answer_to(a_search(ground, Embedding()), request)

    assert refused.value.fault.field == "query[0].media"


def test_queries_are_held_to_the_rate_of_samples_remembered_ones_too(ground: Ground) -> None:
    searching = a_search(ground, Embedding(), limits=Limits(samples_per_second=1))
    answer_to(searching, asking("dog"))

    with pytest.raises(Refusal) as refused:
        answer_to(searching, asking("dog"))

    assert refused.value.fault.reason == error_pb2.REASON_RATE_LIMITED


def test_a_query_may_be_no_larger_than_a_sample(ground: Ground) -> None:
    searching = a_search(ground, Embedding(), limits=Limits(max_sample_bytes=4))

    with pytest.raises(Refusal) as refused:
        answer_to(searching, asking("dog"))

    assert (refused.value.fault.reason, refused.value.fault.field) == (error_pb2.REASON_TOO_LARGE, "query")

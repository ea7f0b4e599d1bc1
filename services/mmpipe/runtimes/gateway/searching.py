"""Searches: a query through the stage services to a vector, Milvus, and answers that are remembered for a while.

A query goes the way of a sample, ahead of the samples (the query lane), so that it meets the rows on equal terms. An
answer is remembered under all that decides it: generation, model, the bytes of the query, and what was asked for. So a
new generation or model is never answered from the old one's memory; new rows of the same generation show after
``spec.gateway.cache.ttlSeconds``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from mmpipe import telemetry
from mmpipe.adapters.cache import Cache
from mmpipe.adapters.vectors import Vectors
from mmpipe.adapters.wire import WireError
from mmpipe.records import Floats, Modality, Part
from mmpipe.runtimes.gateway import messages, naming
from mmpipe.runtimes.gateway.authentication import tenant
from mmpipe.runtimes.gateway.faults import Refusal, bad_field, fault_of
from mmpipe.runtimes.gateway.limits import TenantLimits
from mmpipe.runtimes.gateway.stores import Store
from mmpipe.runtimes.gateway.validation import Checked, checked
from mmpipe.runtimes.search import Hit, QueryError, Wanted, search
from mmpipe.v1 import error_pb2, gateway_pb2, sample_pb2

_TOP = 10
_MOST = 1_000
_ROWS = (*Modality, "fused")

type Embed = Callable[[Sequence[Part]], Awaitable[Floats]]
"""The vector of a query. Raises QueryError where a part of it is rejected, Refusal where a service is down."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What answers: the collection of a generation, and the model of query and rows, ``name@digest``."""

    generation: str
    model: str


@dataclass(frozen=True, slots=True)
class Searching:
    """The searches of a pipeline. ``cache`` is None where nothing is remembered."""

    embed: Embed
    vectors: Store[Vectors]
    origin: Origin
    schemes: Sequence[str]
    limits: TenantLimits
    cache: Cache | None = None
    ttl_s: float = 10.0

    async def search(self, request: gateway_pb2.SearchRequest) -> gateway_pb2.SearchResponse:
        """The nearest samples.

        A query counts as a sample of its tenant. Raises Refusal TOO_LARGE, RATE_LIMITED, BAD_FIELD, QUERY_REJECTED,
        OTHER_MODEL or DEPENDENCY_DOWN.
        """
        self.limits.check_sample(request.ByteSize(), "query")
        self.limits.admit(tenant(), 1, request.ByteSize())
        query, wanted = _query(request, self.schemes), _wanted(request)
        key = _key(self.origin, query, wanted)
        remembered = await self._remembered(key)
        if remembered is not None:
            return remembered
        hits = await self._find(await self._vector(query), wanted)
        answer = gateway_pb2.SearchResponse(
            hits=map(messages.hit, hits), generation=self.origin.generation, model=self.origin.model
        )
        await self._remember(key, answer)
        return answer

    async def _vector(self, query: Checked) -> Floats:
        try:
            return await self.embed(query.sample.parts)
        except QueryError as error:
            raise Refusal(error_pb2.REASON_QUERY_REJECTED, str(error), field="query") from error

    async def _find(self, vector: Floats, wanted: Wanted) -> list[Hit]:
        try:
            with self._span() as span:
                hits = await self.vectors.ask(lambda vectors: search(vectors, vector, self.origin.model, wanted))
                span.set(rows=len(hits))
                return hits
        except QueryError as error:
            raise Refusal(error_pb2.REASON_OTHER_MODEL, str(error)) from error

    def _span(self) -> AbstractContextManager[telemetry.Span]:
        generation = self.origin.generation
        return telemetry.span(
            "mmpipe.search.vectors", db_system_name="milvus", db_operation_name="search", db_collection_name=generation
        )

    async def _remembered(self, key: str) -> gateway_pb2.SearchResponse | None:
        if self.cache is None:
            return None
        found = await self.cache.get(key)
        return None if found is None else _as_remembered(found)

    async def _remember(self, key: str, answer: gateway_pb2.SearchResponse) -> None:
        if self.cache is not None:
            await self.cache.set(key, answer.SerializeToString(), self.ttl_s)


def _as_remembered(content: bytes) -> gateway_pb2.SearchResponse:
    answer = gateway_pb2.SearchResponse.FromString(content)
    answer.cached = True
    return answer


def _query(request: gateway_pb2.SearchRequest, schemes: Sequence[str]) -> Checked:
    """The query as a sample that nobody will store."""
    if not request.query:
        raise bad_field("query", "nothing", "at least one part", "send a text or a medium")
    try:
        query = checked(sample_pb2.Sample(parts=request.query), schemes, "query")
    except (Refusal, WireError) as error:
        raise _of_request(error) from error
    for verdict in query.sample.unreadable.values():
        raise Refusal(error_pb2.REASON_QUERY_REJECTED, f"query: {verdict.reason}", field="query")
    return query


def _of_request(error: Refusal | WireError) -> Refusal:
    """The same about a part of the request: no sample stands between them."""
    fault = fault_of(error)
    return Refusal(fault.reason, _of_parts(fault.message), field=_of_parts(fault.field))


def _of_parts(path: str) -> str:
    return path.replace("query.parts", "query", 1)


def _wanted(request: gateway_pb2.SearchRequest) -> Wanted:
    if request.top > _MOST:
        raise bad_field("top", f"{request.top:,}", f"at most {_MOST:,}", "ask for fewer samples")
    for at, modality in enumerate(request.modalities):
        if modality not in _ROWS:
            raise bad_field(f"modalities[{at}]", repr(modality[:60]), f"one of {', '.join(_ROWS)}", "correct it")
    return Wanted(request.top or _TOP, tuple(sorted(set(request.modalities))), request.where)


def _key(origin: Origin, query: Checked, wanted: Wanted) -> str:
    content = naming.content_of(query.message, query.sample)
    asked = [origin.generation, origin.model, content, wanted.top, wanted.modalities, wanted.where]
    return f"search:{hashlib.sha256(json.dumps(asked).encode()).hexdigest()}"

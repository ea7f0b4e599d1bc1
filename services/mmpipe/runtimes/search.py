"""Search: a query of any modalities becomes a vector by the stages of the pipeline, and the nearest rows become hits.

A query goes the same way as a sample (decode, clean, embed), so that it meets the rows on equal terms; several parts
are averaged (late fusion). Every hit says where it is from. One sample is one hit, by its best row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mmpipe.adapters.vectors import VectorHit, Vectors
from mmpipe.errors import MmpipeError
from mmpipe.records import (
    Attributes,
    Embedded,
    Floats,
    Fusion,
    Item,
    Part,
    Sample,
    Segment,
)
from mmpipe.runtimes.parts import embedded_by_modality
from mmpipe.runtimes.path import DataPath
from mmpipe.spec.joint import Alignment
from mmpipe.spec.joint import Fusion as FusionOptions
from mmpipe.stages.joint.fuse import fuse

_ROWS_PER_HIT = 8
"""Rows asked for each hit wanted: a sample has a row for each of its five modalities, the fused one, and segments."""


class QueryError(MmpipeError):
    """A query that cannot be answered: nothing in it, or a part of it that its own gates reject."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One sample that answers a query, by its best row. ``score`` is the cosine similarity of that row, at most 1."""

    score: float
    sample_id: str
    modality: str
    uri: str
    segment: Segment | None
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows may answer: of these modalities (all where empty), and by this Milvus filter expression."""

    top: int = 10
    modalities: tuple[str, ...] = ()
    where: str = ""


def embed_query(path: DataPath, parts: Sequence[Part]) -> Floats:
    """The vector of a query. Raises QueryError naming the part that cannot be used and why."""
    if not parts:
        raise QueryError(
            "query: found nothing, expected a text or a file; give a text, --image, --audio, --video or --depth"
        )
    (result,) = path.process([Sample("query", tuple(parts))])
    return query_vector(parts, result.embedded)


def query_vector(parts: Sequence[Part], embedded: Sequence[Embedded]) -> Floats:
    """The vector of a query from what became of its parts, wherever they went through the stages. Raises QueryError."""
    for part in parts:
        _check_usable(part, embedded)
    items = embedded_by_modality(embedded)
    fusion = fuse(items, list(items), FusionOptions(strategy="Late"), Alignment())
    assert isinstance(fusion, Fusion)  # noqa: S101  # late fusion without a gate, over at least one vector
    return fusion.embedding.vector


def search(vectors: Vectors, vector: Floats, model: str, wanted: Wanted) -> list[Hit]:
    """The nearest samples, best first, to a vector made by ``model`` (``name@digest``).

    Raises StoreError where the filter is not a valid expression, QueryError where rows are of another model.
    """
    rows = vectors.search(vector, wanted.top * _ROWS_PER_HIT, wanted.where, wanted.modalities)
    _check_comparable(rows, model)
    return list(_best_by_sample(rows))[: wanted.top]


def _check_comparable(rows: Sequence[VectorHit], model: str) -> None:
    """Vectors of different models share no space, even where they are equally long."""
    if strangers := sorted({row.model for row in rows} - {model}):
        found, remedy = ", ".join(strangers), "run the inputs again to embed them anew"
        raise QueryError(
            f"stored rows: found vectors by {found}, expected only {model}, which made the query's; {remedy}"
        )


def _best_by_sample(rows: Iterable[VectorHit]) -> Iterable[Hit]:
    seen: set[str] = set()
    for row in rows:
        if row.sample_id not in seen:
            seen.add(row.sample_id)
            yield Hit(row.score, row.sample_id, row.modality, row.uri, row.segment, row.attributes)


def _check_usable(part: Part, embedded: Sequence[Embedded]) -> None:
    """Whether anything of the part can be looked for; a film without sound, say, still has its pictures."""
    fates = [one.outcome for one in embedded if one.uri == part.uri and one.modality == part.modality]
    if not any(isinstance(fate, Item) for fate in fates):
        reasons = [fate.reason for fate in fates if not isinstance(fate, Item)]
        raise QueryError(f"query {part.modality}: {reasons[0]}")

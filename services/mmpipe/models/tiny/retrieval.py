"""How well one set of vectors finds its matches in another: relevance, recall at k, average precision.

Relevance is by what can be known: a query and a candidate match when they agree on every attribute that both show
(a text shows what it mentions) and there is at least one. See Manning et al., *Introduction to Information Retrieval*,
chapter 8.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmpipe.records import Floats

type Codes = NDArray[np.int64]
type Mask = NDArray[np.bool_]
type Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scores:
    """Means over queries, all in [0, 1].

    ``recall_at_1`` and ``recall_at_5``: a match is first, or among the first five; ``mean_average_precision``: over all
    matches. One who reads every shared attribute without error, and nothing else, reaches 1 in all three.
    ``exact_at_1``: the very scene is first; ``exact_limit``: how often that perfect reader would put it there, who must
    guess among the matches that share the most attributes with the query.
    """

    recall_at_1: float
    recall_at_5: float
    mean_average_precision: float
    exact_at_1: float
    exact_limit: float


def score(queries: Floats, candidates: Floats, shared: Counts) -> Scores:
    """Rank all candidates for each query by dot product; row i of both sets shows scene i.

    ``shared`` int64 [queries, candidates] as from :func:`shared_attributes`. Queries without any match don't count.
    """
    asked = np.flatnonzero((shared > 0).any(axis=1))
    ranked = np.argsort(-(queries[asked] @ candidates.T), axis=1, kind="stable")
    hits = np.take_along_axis(shared[asked] > 0, ranked, axis=1)
    best = shared[asked] == shared[asked].max(axis=1, keepdims=True)
    return Scores(
        recall_at_1=float(hits[:, 0].mean()),
        recall_at_5=float(hits[:, :5].any(axis=1).mean()),
        mean_average_precision=float(average_precision(hits).mean()),
        exact_at_1=float((ranked[:, 0] == asked).mean()),
        exact_limit=float((best[np.arange(len(asked)), asked] / best.sum(axis=1)).mean()),
    )


def shared_attributes(codes: Codes, shown_a: Mask, shown_b: Mask) -> Counts:
    """How many attributes a pair shares if it matches, 0 if it doesn't: int64 [scenes, scenes].

    ``codes`` int64 [scenes, attributes]; ``shown_*`` bool of the same shape: what each rendering shows.
    """
    both = shown_a[:, None] & shown_b[None, :]
    agree = ((codes[:, None] == codes[None, :]) | ~both).all(axis=2)
    return np.asarray(both.sum(axis=2) * agree, np.int64)


def average_precision(hits: Mask) -> NDArray[np.float64]:
    """The average precision of each row of ranked hits, best first: the mean precision at the ranks of its hits."""
    precision = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    return np.asarray((precision * hits).sum(axis=1) / hits.sum(axis=1))

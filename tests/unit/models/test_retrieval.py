from __future__ import annotations

import numpy as np
import pytest

from mmpipe.models.package import ModelPackage
from mmpipe.models.tiny import evaluate, retrieval, world
from mmpipe.records import Modality


def test_scenes_match_when_they_agree_on_all_attributes_that_both_show() -> None:
    codes = np.array([[0, 1], [0, 2]])
    everything, first_only = np.ones((2, 2), bool), np.array([[True, False], [True, False]])

    assert retrieval.shared_attributes(codes, everything, everything).tolist() == [[2, 0], [0, 2]]
    assert retrieval.shared_attributes(codes, first_only, everything).tolist() == [[1, 1], [1, 1]]


def test_scenes_that_share_no_attribute_do_not_match() -> None:
    codes = np.zeros((1, 2), np.int64)

    assert retrieval.shared_attributes(codes, np.array([[True, False]]), np.array([[False, True]])).tolist() == [[0]]


def test_average_precision_is_the_mean_precision_at_the_hits() -> None:
    ranked = np.array([[True, False, True, False], [False, True, False, False]])

    assert retrieval.average_precision(ranked).tolist() == pytest.approx([(1 / 1 + 2 / 3) / 2, 1 / 2])


def test_a_perfect_space_scores_one_and_its_exact_limit_counts_ties() -> None:
    vectors = np.eye(3, dtype=np.float32)[[0, 0, 1, 2]]
    shared = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])

    scores = retrieval.score(vectors, vectors, shared)

    assert (scores.recall_at_1, scores.recall_at_5, scores.mean_average_precision) == (1, 1, 1)
    assert scores.exact_limit == pytest.approx((1 / 2 + 1 / 2 + 1 + 1) / 4)


def test_queries_without_a_match_do_not_count() -> None:
    vectors = np.eye(2, dtype=np.float32)

    assert retrieval.score(vectors, vectors, np.array([[0, 0], [0, 1]])).recall_at_1 == 1


def test_evaluation_scenes_are_held_out_and_seeded() -> None:
    first, again = (evaluate.held_out_scenes(50, 1) for _ in range(2))

    assert first == again
    assert all(world.is_held_out(scene) for scene in first)


@pytest.mark.parametrize(
    ("query", "candidate", "recall", "precision"),
    [(Modality.TEXT, Modality.IMAGE, 0.85, 0.8), (Modality.TEXT, Modality.AUDIO, 0.85, 0.8)],
)
def test_the_shipped_model_finds_what_a_text_asks_for_among_unseen_combinations(
    tiny: ModelPackage, query: Modality, candidate: Modality, recall: float, precision: float
) -> None:
    count, seed = 200, 11
    chosen = evaluate.held_out_scenes(count, seed)
    codes = np.array([world.codes(scene) for scene in chosen])
    asked, found = (
        evaluate.embedded(tiny, modality, chosen, seed, through_codecs=False) for modality in (query, candidate)
    )
    shared = retrieval.shared_attributes(
        codes, evaluate.shown(query, count, seed), evaluate.shown(candidate, count, seed)
    )

    scores = retrieval.score(asked, found, shared)

    assert scores.recall_at_1 >= recall
    assert scores.mean_average_precision >= precision

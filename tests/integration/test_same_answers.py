"""The same samples through one process, through services by modality and by stage, and the queue: the same rows.

200 samples of all five modalities, films with sound tracks and rejected parts among them. Ids, states, outcomes,
weights, quarantine are equal; vectors, and numbers that are computed from them, within :data:`TOLERANCE`, since a
batch of another size adds its floats in another order.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.integration.stack import mmpipe, rows, stack_running, vectors

from mmpipe.runtimes.pipeline import Pipeline

MEDIA = Path(__file__).parents[2] / "examples" / "media"
COPIES = 8
TOLERANCE = 1e-5

QUERIES = {
    "samples": "SELECT id, state, content, attributes, weights, missing, alignment_confidence, quality FROM samples",
    "parts": "SELECT sample_id, position, modality, format, uri, sha256, bytes, facts FROM parts",
    "segments": "SELECT sample_id, row_id, modality, uri, start_s, end_s, model, quality, facts FROM segments",
    "outcomes": "SELECT sample_id, modality, uri, start_s, end_s, outcome, stage, reason FROM outcomes",
    "quarantine": (
        "SELECT sample_id, modality, item_uri, start_s, end_s, gate, reason, score, threshold FROM quarantine"
    ),
}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process made of the samples."""
    data = tmp_path_factory.mktemp("local")
    for copy in range(COPIES):
        Pipeline(data=data).run(MEDIA, id_prefix=f"copy-{copy}")
    return data


@pytest.mark.server
@pytest.mark.parametrize("topology", ["PerModality", "PerStage"])
def test_services_and_queue_give_the_rows_of_one_process(topology: str, local: Path, tmp_path: Path) -> None:
    spec = tmp_path / "pipeline.yaml"
    head = "apiVersion: mmpipe.dev/v1alpha1\nkind: MultimodalPipeline\nmetadata: {name: default}\n"
    spec.write_text(f"{head}spec: {{topology: {topology}}}\n")

    with stack_running(tmp_path / "data", spec) as stack:
        for copy in range(COPIES):
            mmpipe("submit", str(MEDIA), "--gateway", stack.gateway, "--id-prefix", f"copy-{copy}", "--wait")

    assert len(rows(local, "SELECT id FROM samples")) == 28 * COPIES
    for table, query in QUERIES.items():
        assert_alike(rows(tmp_path / "data", query), rows(local, query), table)
    assert_same_vectors(vectors(tmp_path / "data"), vectors(local))


def assert_alike(found: list[tuple[Any, ...]], expected: list[tuple[Any, ...]], table: str) -> None:
    """The same rows in any order; floats within the tolerance."""
    assert len(found) == len(expected), table
    for one, other in zip(sorted(found, key=str), sorted(expected, key=str), strict=True):
        for value, wanted in zip(_values(one), _values(other), strict=True):
            assert _alike(value, wanted), f"{table}: {one} is not {other}"


def assert_same_vectors(found: dict[str, list[float]], expected: dict[str, list[float]]) -> None:
    assert found.keys() == expected.keys()
    furthest = max(float(np.abs(np.subtract(found[row], expected[row])).max()) for row in expected)
    assert furthest <= TOLERANCE


def _values(row: tuple[Any, ...]) -> list[object]:
    """The columns of a row, JSON taken apart into its leaves."""
    return [leaf for value in row for leaf in _leaves(value)]


def _leaves(value: object) -> list[object]:
    if isinstance(value, str) and value[:1] in {"{", "["}:
        value = json.loads(value)
    if isinstance(value, dict):
        return [leaf for key in sorted(value) for leaf in (key, *_leaves(value[key]))]
    if isinstance(value, list):
        return [leaf for each in value for leaf in _leaves(each)]
    return [value]


def _alike(value: object, wanted: object) -> bool:
    if isinstance(value, float) and isinstance(wanted, float):
        return math.isclose(value, wanted, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return value == wanted

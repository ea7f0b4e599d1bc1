"""What ``kill -9`` does to Milvus Lite: the answers that ``mmpipe.adapters.vectors.lite`` builds on."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from mmpipe.adapters.vectors import Collection, Place, Vectors
from mmpipe.testing import DIMENSION, vector_of

ROWS = 200
CHILD = """
import sys
from mmpipe.adapters.vectors import Collection, Place, VectorRow, Vectors
from mmpipe.testing import vector_of

vectors = Vectors(Place(sys.argv[1]), Collection("p", 8))
one = vector_of("any")
for batch in range(1_000_000):
    rows = [VectorRow(f"{batch}-{n}", str(batch), "image", one, None, "u", "m", 1.0) for n in range(int(sys.argv[2]))]
    vectors.upsert(rows)
    print(batch, flush=True)
"""


@pytest.mark.parametrize("batches", [1, 4, 9])
def test_acknowledged_upserts_survive_a_kill_and_no_batch_is_half_there(tmp_path: Path, batches: int) -> None:
    acknowledged = upsert_until_killed(tmp_path / "vectors", batches)
    with Vectors(Place(str(tmp_path / "vectors")), Collection("p", DIMENSION)) as vectors:
        hits = vectors.search(vector_of("any"), 16_000)
        assert vectors.count() == len(hits)
    by_batch = Counter(int(hit.sample_id) for hit in hits)
    assert set(range(acknowledged + 1)) <= set(by_batch)
    assert set(by_batch.values()) == {ROWS}


def upsert_until_killed(folder: Path, batches: int) -> int:
    """The last batch that was acknowledged; the process is killed while it is about the next."""
    command = [sys.executable, "-c", CHILD, str(folder), str(ROWS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:  # ours
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(batches)]
        child.kill()
        lines += child.stdout.readlines()
    return int(lines[-1])

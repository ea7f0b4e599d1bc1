"""``kill -9`` at any moment and a rerun ends in the state of an undisturbed run: swept over every step in a store."""

import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmpipe.runtimes import home
from mmpipe.runtimes.path import DataPath

CHILD = Path(__file__).with_name("crash_child.py")
PASSING = {"run_id", "written_at", "rejected_at", "latency_ms"}
TIMED_KILLS = 8


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten samples: pictures with captions, one that is blank and one that is broken."""
    folder = tmp_path_factory.mktemp("media")
    noise = np.random.default_rng(3)
    for number in range(8):
        Image.fromarray(noise.integers(0, 255, (64, 64, 3), np.uint8)).save(folder / f"s{number}.png")
        (folder / f"s{number}.txt").write_text(f"a red bell, number {number}")
    Image.new("RGB", (64, 64)).save(folder / "blank.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    return folder


def crash_run(media: Path, data: Path, deadly: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CHILD), str(media), str(data), str(deadly)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def rerun(media: Path, data: Path) -> dict[str, Any]:
    mmpipe = Path(sys.executable).with_name("mmpipe")
    command = [str(mmpipe), "run", str(media), "--data", str(data), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def state(data: Path) -> dict[str, Any]:
    """Everything that the stores say, without the times of saying it."""
    pipeline = home.stored_pipeline(data, None)
    path = DataPath(pipeline.spec)
    probe = np.ones(path.package.dimension, np.float32) / np.sqrt(path.package.dimension)
    with home.open_vectors(pipeline, data, path) as vectors:
        rows = {
            hit.id: (round(hit.score, 5), hit.modality, hit.uri, hit.sample_id) for hit in vectors.search(probe, 1000)
        }
        assert vectors.count() == len(rows)
    folder = data / pipeline.metadata.name
    objects = sorted(path.name for path in (folder / "objects").rglob("*") if path.is_file() and "#" not in path.name)
    return {"rows": rows, "objects": objects, "tables": tables(folder / "metadata.db")}


def tables(database: Path) -> dict[str, list[dict[str, Any]]]:
    names = ("samples", "parts", "segments", "outcomes", "quarantine")
    with sqlite3.connect(database) as connection:
        connection.row_factory = sqlite3.Row
        return {name: [_lasting(row) for row in connection.execute(f"SELECT * FROM {name}")] for name in names}  # noqa: S608


def _lasting(row: sqlite3.Row) -> dict[str, Any]:
    return {key: row[key] for key in row.keys() if key not in PASSING}  # noqa: SIM118  # a Row iterates values


@pytest.fixture(scope="module")
def undisturbed(media: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], int]:
    data = tmp_path_factory.mktemp("undisturbed")
    steps = int(crash_run(media, data, -1).stdout)
    return state(data), steps


def test_a_run_killed_at_any_step_ends_like_an_undisturbed_one(
    media: Path, undisturbed: tuple[dict[str, Any], int], tmp_path: Path
) -> None:
    expected, steps = undisturbed
    assert steps > 40
    for deadly in range(steps):
        data = tmp_path / str(deadly)
        assert crash_run(media, data, deadly).returncode == -9, deadly
        rerun(media, data)
        assert state(data) == expected, f"killed at step {deadly} of {steps}"


def test_a_run_killed_at_any_time_ends_like_an_undisturbed_one(
    media: Path, undisturbed: tuple[dict[str, Any], int], tmp_path: Path
) -> None:
    started = time.perf_counter()
    crash_run(media, tmp_path / "timed", -1)
    whole_s = time.perf_counter() - started
    for kill in range(TIMED_KILLS):
        data = tmp_path / str(kill)
        command = [sys.executable, str(CHILD), str(media), str(data), "-1"]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(whole_s * (kill + 1) / (TIMED_KILLS + 2))
        child.kill()
        child.wait()
        rerun(media, data)
        assert state(data) == undisturbed[0], f"killed after {kill + 1}/{TIMED_KILLS + 2} of the time"


def test_a_second_run_adds_nothing(media: Path, undisturbed: tuple[dict[str, Any], int], tmp_path: Path) -> None:
    rerun(media, tmp_path)
    again = rerun(media, tmp_path)
    assert again["vectors"] == 0
    assert again["samples"]["duplicates"] == 10
    assert state(tmp_path) == undisturbed[0]

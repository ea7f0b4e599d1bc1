"""Runs that are killed: reads commands as JSON lines, carries each out in a fork of itself, and says how that ended.

Everything is imported once, so a run costs what it does and not the second that imports take; nothing is started
before the fork. Groups are kept small, so that a run has several. Commands: ``run`` (kill yourself at the edge
``deadly`` of a step in a store; -1 never), ``run`` with ``kill_after_s`` (be killed by the parent), and ``state`` (what
the stores say).
"""

import json
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import Any

import milvus_lite.adapter.grpc.servicer  # noqa: F401  # as pymilvus: imported before any fork
import numpy as np
import pymilvus  # noqa: F401

from mmpipe.adapters.metadata import Metadata
from mmpipe.adapters.objects import Objects
from mmpipe.adapters.vectors import Vectors
from mmpipe.runtimes import home, local
from mmpipe.runtimes.path import DataPath
from mmpipe.runtimes.pipeline import Pipeline
from mmpipe.runtimes.tally import OUTCOMES

STEPS = [
    (Objects, "put"),
    (Metadata, "begin_run"),
    (Metadata, "intend"),
    (Vectors, "upsert"),
    (Vectors, "delete"),
    (Metadata, "settle"),
    (Vectors, "close"),
    (Metadata, "end_run"),
]
PASSING = {"run_id", "written_at", "rejected_at", "latency_ms"}
TABLES = ("samples", "parts", "segments", "outcomes", "quarantine")


class Steps:
    """Counts the edges of steps and kills the process at the one it was told."""

    def __init__(self, deadly: int) -> None:
        self.deadly, self.count, self.lock = deadly, 0, Lock()

    def edge(self) -> None:
        with self.lock:
            if self.count == self.deadly:
                os.kill(os.getpid(), signal.SIGKILL)
            self.count += 1

    def around(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            self.edge()
            answer = original(*args, **kwargs)
            self.edge()
            return answer

        return stepped


def run(where: str, data: str, deadly: int = -1) -> dict[str, Any]:
    """A whole run with its steps counted."""
    steps = Steps(deadly)
    for owner, name in STEPS:
        setattr(owner, name, steps.around(getattr(owner, name)))
    local.SAMPLES_PER_BATCH, local.ROWS_PER_GROUP = 2, 6
    done = Pipeline(data=Path(data), workers=1).run(where)
    outcomes = {outcome: done.counts["sample", outcome] for outcome in OUTCOMES}
    return {"steps": steps.count, "vectors": done.vectors, "samples": outcomes}


def state(data: str) -> dict[str, Any]:
    """Everything that the stores say, without the times of saying it."""
    pipeline = home.stored_pipeline(Path(data), None)
    path = DataPath(pipeline.spec)
    probe = np.ones(path.package.dimension, np.float32) / np.sqrt(path.package.dimension)
    with home.open_vectors(pipeline, Path(data), path) as vectors:
        found = vectors.search(probe, 1_000)
        assert vectors.count() == len(found)
    rows = {hit.id: (round(hit.score, 5), hit.modality, hit.uri, hit.sample_id) for hit in found}
    folder = Path(data) / pipeline.metadata.name
    objects = sorted(file.name for file in (folder / "objects").rglob("*") if file.is_file() and "#" not in file.name)
    return {"rows": rows, "objects": objects, "tables": tables(folder)}


def tables(folder: Path) -> dict[str, list[dict[str, Any]]]:
    with closing(sqlite3.connect(folder / "metadata.db")) as connection:
        connection.row_factory = sqlite3.Row
        return {name: [lasting(row, folder) for row in connection.execute(f"SELECT * FROM {name}")] for name in TABLES}  # noqa: S608  # our own names


def lasting(row: sqlite3.Row, folder: Path) -> dict[str, Any]:
    """A row without the times and the run of its writing, and with the data folder called the same in every state."""
    values = {key: row[key] for key in row.keys() if key not in PASSING}  # noqa: SIM118  # a Row iterates values
    if "object_uri" in values:
        values["object_uri"] = values["object_uri"].replace(folder.as_uri(), "file:///data")
    return values


def carried_out(do: str, kill_after_s: float | None = None, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401
    """A command in a fork; its answer, how long it took, and the exit code of the fork (-9 where it was killed)."""
    reading, writing = os.pipe()
    started = time.perf_counter()
    if (child := os.fork()) == 0:
        answer = run(**arguments) if do == "run" else state(**arguments)
        with open(writing, "w") as pipe:  # noqa: PTH123  # a file descriptor
            json.dump(answer, pipe)
            pipe.flush()
            os._exit(0)
    os.close(writing)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(child, signal.SIGKILL)
    with open(reading) as pipe:  # noqa: PTH123
        said = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return {"code": code, "seconds": time.perf_counter() - started, **(json.loads(said) if said else {})}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(carried_out(**json.loads(line))), flush=True)  # noqa: T201  # the answer

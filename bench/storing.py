"""JPEG to stored vector: `Pipeline.run` against a hand-written loop over the same kernels and the same stores.

The loop is what one would write for this one job: two threads that read, hash, copy, decode, measure and embed batches
of 32, and the main thread that writes rows of a thousand to Milvus and SQLite. It keeps no promises: no resume, no
quarantine, no order of writes. What the promises cost is the ratio.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import batched, count
from pathlib import Path

import cv2

from bench.measuring import Row, interleaved, median_ratio
from bench.pictures import jpegs
from mmpipe.adapters.identity import row_id, sha256_of
from mmpipe.adapters.objects import Objects
from mmpipe.adapters.vectors import Collection, Place, VectorRow, Vectors
from mmpipe.models.package import ModelPackage, load, resolve
from mmpipe.records import Floats, Item, Media, Modality
from mmpipe.runtimes.pipeline import Pipeline
from mmpipe.spec.image import ImageClean, ImageDecode
from mmpipe.stages.image import clean, decode

_BATCH, _GROUP, _THREADS = 32, 1_000, 2


def rows(pictures: int = 4_000, repeats: int = 5) -> list[Row]:
    """The time of the run as a ratio to that of the loop; 1.10 is 10 % slower."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = _folder(Path(scratch) / "pictures", pictures)
        fresh = (Path(scratch) / str(number) for number in count())
        contestants = {"run": lambda: _run(folder, next(fresh)), "loop": lambda: _loop(folder, next(fresh))}
        seconds = interleaved(contestants, repeats)
    ratio = median_ratio(seconds["run"], seconds["loop"])
    ours, loop = (pictures / sorted(seconds[name])[repeats // 2] for name in ("run", "loop"))
    return [Row("JPEG to stored vector, time", f"{ours:.0f}/s", f"loop {loop:.0f}/s", ratio, 1.10, at_least=False)]


def _folder(folder: Path, pictures: int) -> Path:
    """So many files, all different: a few pictures, each with its number behind the end of the image."""
    folder.mkdir()
    drawn = jpegs(50)
    for number in range(pictures):
        (folder / f"{number:06}.jpg").write_bytes(drawn[number % len(drawn)] + b"%d" % number)
    return folder


def _run(folder: Path, data: Path) -> None:
    done = Pipeline(modalities=["image"], data=data, workers=_THREADS).run(folder)
    assert done.counts["image", "stored"] == done.vectors, done.counts  # noqa: S101  # the work was done


def _loop(folder: Path, data: Path) -> None:
    cv2.setNumThreads(1)
    data.mkdir()
    package = load(resolve("builtin:tiny"))
    objects = Objects.open(str(data / "objects"))
    kernels = _Kernels(package, objects)
    database = sqlite3.connect(data / "metadata.db")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE samples (id TEXT PRIMARY KEY, row_id TEXT, uri TEXT, sha256 TEXT, quality REAL)")
    place, collection = Place(str(data / "vectors")), Collection("loop", package.dimension)
    with Vectors(place, collection) as vectors, ThreadPoolExecutor(_THREADS) as pool, closing(database):
        done = (row for batch in pool.map(kernels, batched(sorted(folder.iterdir()), _BATCH)) for row in batch)
        for group in batched(done, _GROUP):
            vectors.upsert([row for row, _ in group])
            known = [(row.sample_id, row.id, row.uri, digest, row.quality) for row, digest in group]
            database.executemany("INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?, ?)", known)
            database.commit()


class _Kernels:
    """The stage functions, called by hand."""

    def __init__(self, package: ModelPackage, objects: Objects) -> None:
        self.model, self.objects = package.identity, objects
        self.decode, self.clean = decode.build(ImageDecode()), clean.build(ImageClean())
        self.tower = package.tower(Modality.IMAGE)

    def __call__(self, paths: Sequence[Path]) -> list[tuple[VectorRow, str]]:
        contents = [path.read_bytes() for path in paths]
        digests = [sha256_of(content) for content in contents]
        for content, digest in zip(contents, digests, strict=True):
            self.objects.put(content, digest)
        items = [Item(str(path), Media(content, "jpeg")) for path, content in zip(paths, contents, strict=True)]
        decoded = self.decode(items)
        cleaned = self.clean([item for item in decoded if isinstance(item, Item)])
        kept = [item for item in cleaned if isinstance(item, Item)]
        vectors = self.tower([item.payload for item in kept])
        made = [self._row(item.id, vector, item.quality) for item, vector in zip(kept, vectors, strict=True)]
        return list(zip(made, digests, strict=True))

    def _row(self, uri: str, vector: Floats, quality: float) -> VectorRow:
        return VectorRow(row_id("loop", uri, "image", None), uri, "image", vector, None, uri, self.model, quality)

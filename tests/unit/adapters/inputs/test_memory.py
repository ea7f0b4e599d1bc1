"""An input of any size is read in the memory of a small one."""

from __future__ import annotations

import gc
import gzip
import resource
import tarfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from mmpipe.adapters.inputs import InputLimits, open_input, windows
from mmpipe.records import Sample

SAMPLES = 20_000
MIB = 1024 * 1024


def _growth_bytes(samples: Iterator[Sample], warm: int, counted: int) -> int:
    """Resident memory that ``counted`` samples leave behind, after ``warm`` of them have filled caches and buffers."""
    _exhaust(samples, warm)
    before = _resident_bytes()
    _exhaust(samples, counted)
    return _resident_bytes() - before


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])  # proc_pid_statm(5): the second field is resident
    return pages * resource.getpagesize()


def _exhaust(samples: Iterator[Sample], count: int) -> None:
    taken = sum(1 for _ in islice(samples, count))
    gc.collect()
    assert taken == count


def test_twenty_thousand_small_files_iterate_in_flat_memory(tmp_path: Path) -> None:
    words, folder = tmp_path / "words.txt", tmp_path / "photos"
    words.write_bytes(b"some words")
    folder.mkdir()
    for number in range(SAMPLES):
        (folder / f"{number:05d}.txt").hardlink_to(words)  # a quarter of the time that as many files take
    grown = _growth_bytes(open_input(str(folder), InputLimits()), 1000, SAMPLES - 2000)
    assert grown < 4 * MIB


def test_twenty_thousand_rows_of_a_manifest_cost_their_ids_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text('{"text": "some words"}\n' * SAMPLES)
    grown = _growth_bytes(open_input(str(tmp_path / "m.jsonl"), InputLimits()), 1000, SAMPLES - 2000)
    assert grown < 4 * MIB  # a hash per id, in a table that doubles at times


def test_ten_thousand_members_of_a_stream_cost_their_ids_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = tarfile.TarInfo("00000.txt")
    header.size = 10
    with gzip.open(tmp_path / "shard.tar.gz", "wb", compresslevel=1) as file:
        for number in range(SAMPLES // 2):
            header.name = f"{number:05d}.txt"
            file.write(header.tobuf() + b"some words".ljust(tarfile.BLOCKSIZE, b"\0"))
    monkeypatch.setattr(windows, "WINDOW_BYTES", MIB)  # so that it is full before the count begins
    samples = open_input(str(tmp_path / "shard.tar.gz"), InputLimits(max_decompression_ratio=1000))
    assert _growth_bytes(samples, 1000, SAMPLES // 2 - 3000) < 2 * MIB

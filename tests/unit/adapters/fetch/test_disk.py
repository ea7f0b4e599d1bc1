"""The cache on disk: whole or not at all, bounded, shared by threads and processes."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from mmap import mmap
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
from tests.unit.adapters.fetch.sites import sha256

from mmpipe.adapters.fetch.disk import DiskCache
from mmpipe.adapters.inputs.content import MAP_FROM_BYTES

KIB = 1024
LARGE = bytes(range(256)) * (MAP_FROM_BYTES // 256)


def _patient() -> float:
    return 30.0


def _none_left() -> float:
    raise TimeoutError


def _fill(cache: DiskCache, content: bytes) -> str:
    digest = sha256(content)
    with cache.filling(digest, _patient) as data:
        data.write_bytes(content)
        cache.keep(data, digest)
    return digest


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _age(folder: Path, digests: list[str]) -> None:
    """Used in this order, a second apart, long ago."""
    for second, digest in enumerate(digests):
        os.utime(folder / "sha256" / digest[:2] / digest, (second, second))


def test_small_content_is_in_memory_and_large_content_is_mapped(folder: Path) -> None:
    cache = DiskCache(folder, 10**9)
    small, large = cache.get(_fill(cache, b"a red bell")), cache.get(_fill(cache, LARGE))

    assert small == b"a red bell"
    assert isinstance(large, mmap)
    assert large[:] == LARGE


def test_what_is_not_kept_is_none(folder: Path) -> None:
    assert DiskCache(folder, KIB).get(sha256(b"nothing")) is None


def test_what_breaks_off_leaves_nothing(folder: Path) -> None:
    with suppress(RuntimeError), DiskCache(folder, KIB).filling("key", _patient) as data:
        data.write_bytes(b"a half")
        raise RuntimeError
    assert not _files(folder)


def test_the_least_recently_used_goes_first(folder: Path) -> None:
    cache = DiskCache(folder, 16 * KIB)
    digests = [_fill(cache, bytes([number]) * 3 * KIB) for number in range(5)]
    _age(folder, digests)
    assert cache.get(digests[0]) is not None  # used again
    _fill(cache, b"x" * 3 * KIB)

    assert [digest for digest in digests if cache.get(digest) is None] == [digests[1]]


def test_the_last_one_stays_even_where_it_is_larger_than_the_room(folder: Path) -> None:
    cache = DiskCache(folder, KIB)
    assert cache.get(_fill(cache, bytes(4 * KIB))) == bytes(4 * KIB)


def test_a_map_outlives_the_eviction_of_its_file(folder: Path) -> None:
    cache = DiskCache(folder, KIB)
    digest = _fill(cache, LARGE)
    mapped = cache.get(digest)
    _fill(cache, bytes(KIB))

    assert cache.get(digest) is None
    assert mapped is not None
    assert mapped[:] == LARGE


def test_a_file_of_another_process_is_read_through_before_its_name_is_believed(folder: Path) -> None:
    digest = _fill(DiskCache(folder, KIB), b"a red bell")
    path = folder / "sha256" / digest[:2] / digest
    path.write_bytes(b"a red")  # as after a power failure

    assert DiskCache(folder, KIB).get(digest) is None
    assert not path.exists()


def test_threads_that_want_the_same_come_one_after_another(folder: Path) -> None:
    cache, together, most = DiskCache(folder, KIB), [], []

    def fill(_: int) -> None:
        with cache.filling("key", _patient):
            together.append(1)
            most.append(len(together))
            together.pop()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fill, range(100)))
    assert most == [1] * 100
    assert not _files(folder)


def test_who_wants_something_else_does_not_wait(folder: Path) -> None:
    cache = DiskCache(folder, KIB)
    with cache.filling("one", _patient):
        _fill(cache, b"another")


def test_who_waited_holds_the_lock_that_others_see(folder: Path) -> None:
    cache, waiting, inside, done = DiskCache(folder, KIB), threading.Event(), threading.Event(), threading.Event()

    def patience() -> float:
        waiting.set()
        return _patient()

    def wait_and_hold() -> None:
        with cache.filling("key", patience):
            inside.set()
            done.wait(30)

    with ThreadPoolExecutor(1) as pool:
        with cache.filling("key", _patient):
            pool.submit(wait_and_hold)
            assert waiting.wait(30)
        assert inside.wait(30)
        with pytest.raises(TimeoutError), cache.filling("key", _none_left):
            pass
        done.set()


def test_a_wait_ends_when_the_time_is_up(folder: Path) -> None:
    cache = DiskCache(folder, KIB)
    with cache.filling("key", _patient), pytest.raises(TimeoutError), cache.filling("key", _none_left):
        pass


def _hold(folder: Path, held: Event) -> None:
    with DiskCache(folder, KIB).filling("key", _patient) as data:
        data.write_bytes(b"a half")
        held.set()
        threading.Event().wait()


@pytest.fixture
def holder(folder: Path) -> Iterator[multiprocessing.process.BaseProcess]:
    """Another process that is fetching ``key``, and will for ever."""
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    process = context.Process(target=_hold, args=(folder, held))
    process.start()
    assert held.wait(30)
    yield process
    process.kill()
    process.join()


def test_another_process_waits_until_the_one_that_fetches_is_killed(
    folder: Path, holder: multiprocessing.process.BaseProcess
) -> None:
    cache, entered = DiskCache(folder, KIB), threading.Event()

    def enter() -> None:
        with cache.filling("key", _patient):
            entered.set()

    waiting = threading.Thread(target=enter)
    waiting.start()
    assert not entered.wait(0.1)
    holder.kill()
    assert entered.wait(30)
    waiting.join()


def test_what_a_killed_process_left_is_taken_away_and_what_a_living_one_writes_is_not(
    folder: Path, holder: multiprocessing.process.BaseProcess
) -> None:
    half = folder / "partial" / "key.data"
    _fill(DiskCache(folder, KIB), b"one")
    assert half.exists()
    holder.kill()
    holder.join()
    _fill(DiskCache(folder, KIB), b"another")
    assert not half.exists()

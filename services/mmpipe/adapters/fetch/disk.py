"""What was fetched, kept on disk by its SHA-256, so that a film is fetched once for all of its segments.

Any number of threads and of processes may share the folder::

    sha256/ab/abcd…    content, complete and immutable; its time of modification is the time of its last use
    partial/KEY        a lock, held by the one who fetches KEY
    partial/KEY.data   what has come so far

Whole or not at all: content gets its name by a rename, once it was checked. A process killed in between leaves a lock
that nobody holds any more, and the next look around takes both files away. After a power failure a named file may be
short (nothing is fsynced, it is a cache), so each process reads a file that it did not write itself through once before
it believes its name.

Bounded: past ``max_bytes`` the least recently used goes, the last one used always stays. A process looks around after
each 16th of that, so several may exceed it by a 16th each, and by what is on its way. Whoever still reads evicted
content goes on reading: the map holds it.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path
from threading import Lock

from mmpipe.adapters.identity import sha256_of
from mmpipe.adapters.inputs.content import MAP_FROM_BYTES, Content

_LOOKS_PER_FILL = 16
_POLL_S = 0.02
"""Between two tries for a lock: a wait for another process has no event."""


@dataclass(frozen=True, slots=True)
class _Entry:
    last_used_ns: int
    size_bytes: int
    path: Path


class DiskCache:
    """Content by its SHA-256 under ``folder``, which is made where it is missing. Safe for threads and processes."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._contents = folder / "sha256"
        self._partials = folder / "partial"
        for each in (self._contents, self._partials):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._max_bytes = max_bytes
        self._since_look = max_bytes  # so that the first one kept looks around
        self._looking = Lock()
        self._believed: set[str] = set()

    def get(self, sha256: str) -> Content | None:
        """The content, in memory while it is small and mapped when it is not; None where it is not kept."""
        path = self._path(sha256)
        try:
            content = _read(path)
        except FileNotFoundError:
            return None
        if sha256 not in self._believed and sha256_of(content) != sha256:
            path.unlink(missing_ok=True)
            return None
        self._believed.add(sha256)
        return content

    @contextmanager
    def filling(self, key: str, remaining_s: Callable[[], float]) -> Iterator[Path]:
        """Where to write what ``key`` stands for, once nobody else does, in whatever thread or process.

        What is not :meth:`keep`-ed by the end is gone. ``remaining_s`` says how long the wait may still be, or raises.
        """
        lock = self._partials / key
        with _locked(lock, remaining_s):
            data = lock.with_name(f"{key}.data")
            try:
                yield data
            finally:
                data.unlink(missing_ok=True)

    def keep(self, data: Path, sha256: str) -> Content:
        """Give what was written, and checked by the caller, its name; the content."""
        path = self._path(sha256)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        content = _read(data)  # before anybody could take it away
        data.rename(path)
        self._believed.add(sha256)
        self._kept(len(content))
        return content

    def _path(self, sha256: str) -> Path:
        return self._contents / sha256[:2] / sha256

    def _kept(self, size_bytes: int) -> None:
        self._since_look += size_bytes
        if self._since_look >= self._max_bytes // _LOOKS_PER_FILL and self._looking.acquire(blocking=False):
            try:
                self._since_look = 0
                self._look_around()
            finally:
                self._looking.release()

    def _look_around(self) -> None:
        """Make room for what comes until the next look, and take away what killed processes left."""
        entries = sorted(_entries(self._contents), key=lambda entry: entry.last_used_ns)
        excess = sum(entry.size_bytes for entry in entries) - self._max_bytes + self._max_bytes // _LOOKS_PER_FILL
        for entry in entries[:-1]:
            if excess <= 0:
                break
            entry.path.unlink(missing_ok=True)
            excess -= entry.size_bytes
        self._believed &= {entry.path.name for entry in entries}
        _sweep(self._partials)


def _read(path: Path) -> Content:
    with path.open("rb") as file:
        os.utime(file.fileno())
        size = os.fstat(file.fileno()).st_size
        return mmap(file.fileno(), size, access=ACCESS_READ) if size >= MAP_FROM_BYTES else file.read()


def _entries(folder: Path) -> Iterator[_Entry]:
    for path in folder.glob("*/*"):
        with suppress(FileNotFoundError):  # another process has taken it away
            status = path.stat()
            yield _Entry(status.st_mtime_ns, status.st_size, path)


def _sweep(partials: Path) -> None:
    for lock in partials.iterdir():
        if lock.suffix:
            continue
        with suppress(BlockingIOError), _locked(lock, _no_patience):
            lock.with_name(f"{lock.name}.data").unlink(missing_ok=True)


def _no_patience() -> float:
    raise BlockingIOError


@contextmanager
def _locked(path: Path, remaining_s: Callable[[], float]) -> Iterator[None]:
    """Hold the lock file, and take it away at the end. The kernel frees the lock of a process that dies."""
    descriptor = _lock(path, remaining_s)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is held: see _is_still
        os.close(descriptor)


def _lock(path: Path, remaining_s: Callable[[], float]) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _wait_for(descriptor, remaining_s)
        except BaseException:
            os.close(descriptor)
            raise
        if _is_still(path, descriptor):
            return descriptor
        os.close(descriptor)


def _wait_for(descriptor: int, remaining_s: Callable[[], float]) -> None:
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(min(_POLL_S, remaining_s()))


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the file that was locked is the one of that name: its last holder may have taken it away meanwhile."""
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False

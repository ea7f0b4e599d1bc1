"""One process at a time in an embedded store, and a message that names the one that is there.

Milvus Lite takes a lock of its own but says only that "another process" has it. This one is taken first, beside the
folder, and holds a line about its holder. The kernel releases it with the process, however that ends: a leftover file
is no lock. It protects against accidents between processes of one machine, not against network file systems.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from mmpipe.adapters.errors import StoreBusy


class FolderLock:
    """Holds ``path`` until :meth:`release`. Raises StoreBusy naming the holder."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(path)
            self._file.close()
            raise StoreBusy(
                str(path.with_suffix("")), f"it in use by {holder}", "no other process", "wait for it or stop it"
            ) from None
        self._sign()

    def release(self) -> None:
        """Let the next process in. Does nothing the second time."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _sign(self) -> None:
        started = datetime.now(UTC).isoformat(timespec="seconds")
        command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
        self._file.truncate(0)
        json.dump({"pid": os.getpid(), "command": command, "since": started}, self._file)
        self._file.flush()


def _holder(path: Path) -> str:
    """What the holder wrote about itself; it may be about to write it."""
    try:
        line = json.loads(path.read_text(encoding="utf-8"))
        return f"process {line['pid']} ({line['command']}, since {line['since']})"
    except (ValueError, KeyError):
        return "a process that has just started"

"""Milvus Lite inside this process, behind a socket that only this user can open.

pymilvus would start it too, but on a TCP port that every user of the machine can write to, and it keeps to itself why a
start failed. So the same few public pieces of milvus-lite are put together here.

What milvus-lite 3.2.2 does, found out by killing it (``tests/integration/test_milvus_lite_crashes.py`` asks again):

* ``kill -9`` loses no acknowledged upsert: each is in its log, handed to the kernel, before it is acknowledged.
* One upsert call is atomic: after ``kill -9`` in the middle, its rows are there all or none.
* A power failure may lose acknowledged rows: neither the log nor the data files are fsynced. :meth:`Lite.stop` does it
  for them, and after a run that ended badly the sink counts (``Sink.open``).
* Two processes: the second gets DataDirLockedError. Threads: it says of itself that writes are not safe, so ``store``
  lets in one at a time.
* A kill while a collection is made leaves a folder without a schema, and making it again then fails. Such a folder
  holds nothing; :func:`_clear_unfinished` removes it.
* Rows in the log are searched slowly (30,000 rows in 2 s); stopping moves them to data files (60 ms).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mmpipe.adapters.errors import StoreBusy, StoreRefused

_MESSAGE_BYTES = 256 * 1024 * 1024
_THREADS = 4
_GRACE_S = 5.0


class Lite:
    """Milvus Lite over one folder, running from construction to :meth:`stop`. ``uri`` is what pymilvus connects to."""

    def __init__(self, folder: Path) -> None:
        """Start it. Raises StoreBusy where another program holds the folder, StoreRefused where it can't be used."""
        # These take a second, see ``store``.
        import grpc  # noqa: PLC0415
        from milvus_lite.adapter.grpc.servicer import MilvusServicer  # noqa: PLC0415
        from milvus_lite.db import MilvusLite  # noqa: PLC0415
        from milvus_lite.exceptions import DataDirLockedError  # noqa: PLC0415
        from pymilvus.grpc_gen import milvus_pb2_grpc  # noqa: PLC0415

        self._folder = folder
        _clear_unfinished(folder)
        try:
            self._database = MilvusLite(str(folder))
        except DataDirLockedError as error:
            found = "it in use by a program that is not mmpipe"
            raise StoreBusy(str(folder), found, "no other process", "stop that program") from error
        except OSError as error:
            expected, remedy = "a folder to write to", "check the path and its rights"
            raise StoreRefused(str(folder), str(error), expected, remedy) from error
        self._door = tempfile.TemporaryDirectory(prefix="mmpipe-")  # mode 0700
        self.uri = f"unix:{self._door.name}/milvus"
        limits = [("grpc.max_receive_message_length", _MESSAGE_BYTES), ("grpc.max_send_message_length", _MESSAGE_BYTES)]
        self._server = grpc.server(ThreadPoolExecutor(_THREADS, thread_name_prefix="mmpipe-milvus"), options=limits)
        milvus_pb2_grpc.add_MilvusServiceServicer_to_server(MilvusServicer(self._database), self._server)
        self._server.add_insecure_port(self.uri)
        self._server.start()

    def stop(self) -> None:
        """Move everything to data files, put them on disk, and let go of the folder."""
        self._server.stop(_GRACE_S).wait()
        self._database.close()
        self._door.cleanup()
        _sync(self._folder)


def _clear_unfinished(folder: Path) -> None:
    for collection in folder.glob("collections/*/"):
        if not (collection / "schema.json").exists():
            shutil.rmtree(collection)


def _sync(folder: Path) -> None:
    """Fsync every file and folder: what is clean already costs next to nothing."""
    for path in (folder, *folder.rglob("*")):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

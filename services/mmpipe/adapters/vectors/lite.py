"""Milvus Lite behind a socket that only this user can open: inside this process, or in one that serves it to others.

pymilvus would start it too, but on a TCP port that every user of the machine can write to, and it keeps to itself why a
start failed. So the same few public pieces of milvus-lite are put together here.

What milvus-lite 3.2.2 does, found out by killing it (``tests/integration/test_milvus_lite_crashes.py`` asks again):

* ``kill -9`` loses no acknowledged upsert: each is in its log, handed to the kernel, before it is acknowledged.
* One upsert call is atomic: after ``kill -9`` in the middle, its rows are there all or none.
* A power failure may lose acknowledged rows: neither the log nor the data files are fsynced. :meth:`Lite.stop` does it
  for them, and after a run that ended badly the sink counts (``Sink.open``).
* Two processes: the second gets DataDirLockedError. Threads: it says of itself that writes are not safe, so the server
  has one thread and answers one call after the other, from however many clients.
* A kill while a collection is made leaves a folder without a schema, and making it again then fails. Such a folder
  holds nothing; :func:`_clear_unfinished` removes it.
* Rows in the log are searched slowly (30,000 rows in 2 s); stopping moves them to data files (60 ms).
  :func:`serve_lite` does so between writes.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

from mmpipe.adapters.errors import StoreBusy, StoreRefused
from mmpipe.adapters.folder_lock import FolderLock

_MESSAGE_BYTES = 256 * 1024 * 1024
_ONE_THREAD = 1
_GRACE_S = 5.0
_SETTLE_S = 5.0
_SOCKET_PATH_BYTES = 107
"""Linux' limit (unix(7): 108 with the NUL at the end)."""


class Lite:
    """Milvus Lite over one folder, running from construction to :meth:`stop`. ``uri`` is what pymilvus connects to.

    The caller holds the folder's lock (see ``folder_lock``).
    """

    def __init__(self, folder: Path, socket: Path | None = None) -> None:
        """Start it behind ``socket``, or one of its own choosing.

        Raises StoreBusy where another program holds the folder, StoreRefused where it or the socket can't be used.
        """
        # These take a second, see ``store``.
        import grpc  # noqa: PLC0415
        from milvus_lite.adapter.grpc.servicer import MilvusServicer  # noqa: PLC0415
        from pymilvus.grpc_gen import milvus_pb2_grpc  # noqa: PLC0415

        self._folder = folder
        if socket:
            _make_way(socket)
        self._database = _opened(folder)
        self._door = tempfile.TemporaryDirectory(prefix="mmpipe-")  # mode 0700
        self._socket = socket or Path(self._door.name) / "milvus"
        self.uri = f"unix:{self._socket}"
        self._hand = ThreadPoolExecutor(_ONE_THREAD, thread_name_prefix="mmpipe-milvus")
        limits = [("grpc.max_receive_message_length", _MESSAGE_BYTES), ("grpc.max_send_message_length", _MESSAGE_BYTES)]
        self._server = grpc.server(self._hand, options=limits)
        milvus_pb2_grpc.add_MilvusServiceServicer_to_server(MilvusServicer(self._database), self._server)
        self._server.add_insecure_port(self.uri)
        self._socket.chmod(0o600)
        self._server.start()

    def settle(self) -> None:
        """Move what was written to data files and put them on disk, when the call that is answered now is done."""
        self._hand.submit(self._flush).result()
        _sync(self._folder)

    def stop(self) -> None:
        """Move everything to data files, put them on disk, and let go of the folder."""
        self._server.stop(_GRACE_S).wait()
        self._database.close()
        self._socket.unlink(missing_ok=True)
        self._door.cleanup()
        _sync(self._folder)

    def _flush(self) -> None:
        for collection in _collections(self._database):
            collection.flush()


def serve_lite(folder: Path, socket: Path, stop: Event, ready: Callable[[], None] = lambda: None) -> None:
    """Serve the Milvus Lite in ``folder`` to other processes at ``unix:SOCKET`` until ``stop`` is set.

    ``ready`` is called once they may connect. Clients wait for a server that starts again. Raises StoreBusy where
    another process holds the folder, StoreRefused where it or the socket can't be used.
    """
    with FolderLock(folder.with_name(f"{folder.name}.lock").absolute()):
        lite = Lite(folder.absolute(), socket.absolute())
        try:
            ready()
            while not stop.wait(_SETTLE_S):
                lite.settle()
        finally:
            lite.stop()


def _opened(folder: Path) -> Any:  # noqa: ANN401  # milvus_lite ships no types
    """The database in ``folder``, all its collections ready to be searched."""
    from milvus_lite.db import MilvusLite  # noqa: PLC0415  # see ``store``
    from milvus_lite.exceptions import DataDirLockedError  # noqa: PLC0415

    _clear_unfinished(folder)
    try:
        database = MilvusLite(str(folder))
    except DataDirLockedError as error:
        found = "it in use by a program that is not mmpipe"
        raise StoreBusy(str(folder), found, "no other process", "stop that program") from error
    except OSError as error:
        expected, remedy = "a folder to write to", "check the path and its rights"
        raise StoreRefused(str(folder), str(error), expected, remedy) from error
    for collection in _collections(database):
        collection.load()  # clients that were connected before a crash won't ask for it
    return database


def _collections(database: Any) -> Iterator[Any]:  # noqa: ANN401  # milvus_lite ships no types
    for name in database.list_databases():
        for collection in database.list_collections(database_name=name):
            yield database.get_collection(collection, database_name=name)


def _make_way(socket: Path) -> None:
    """Make its folder, for this user alone, where it is missing. A socket that a crash left is replaced by gRPC."""
    size = len(os.fsencode(socket))
    if size > _SOCKET_PATH_BYTES:
        expected = f"at most {_SOCKET_PATH_BYTES}"
        raise StoreRefused(str(socket), f"a path of {size} bytes", expected, "choose a shorter one for the socket")
    socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def _clear_unfinished(folder: Path) -> None:
    for collection in folder.glob("collections/*/"):
        if not (collection / "schema.json").exists():
            shutil.rmtree(collection)


def _sync(folder: Path) -> None:
    """Fsync every file and folder: what is clean already costs next to nothing."""
    for path in (folder, *folder.rglob("*")):
        with suppress(FileNotFoundError):  # merged into another since
            _sync_one(path)


def _sync_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

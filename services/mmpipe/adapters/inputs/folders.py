"""Files below a folder, in an order that never changes and that keeps files of one key together.

One folder's names are in memory at a time, and the paths of folders still to come. Links to files are followed; links
to folders are not (they may lead in circles, or out of what the user named) and show up as unreadable.
"""

from __future__ import annotations

import logging
import os
import posixpath
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from mmpipe.adapters.inputs.content import read_file
from mmpipe.adapters.inputs.entries import Entry, failed, is_left_out, key_of, together
from mmpipe.adapters.inputs.errors import InputRefusedError
from mmpipe.adapters.inputs.uris import file_uri, readable
from mmpipe.records import Rejected

logger = logging.getLogger(__name__)


def walk(root: str, descend: Callable[[str], bool] = lambda _: True) -> Iterator[str]:
    """Paths below ``root``, relative to it; a folder that can't be listed comes as its own path with a final ``/``.

    ``descend`` says whether a folder (by its relative path) is worth listing. Raises InputRefusedError where ``root``
    itself can't be listed.
    """
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            files, folders = _listing(posixpath.join(root, folder))
        except OSError as error:
            yield _unlisted(root, folder, error)
            continue
        yield from (posixpath.join(folder, name) for name in files)
        below = (posixpath.join(folder, name) for name in reversed(folders))
        waiting.extend(path for path in below if descend(path))


def _listing(folder: str) -> tuple[list[str], list[str]]:
    files: list[str] = []
    folders: list[str] = []
    left_out = 0
    with os.scandir(folder) as listed:
        for item in listed:
            if is_left_out(item.name):
                left_out += 1
            else:
                (folders if item.is_dir(follow_symlinks=False) else files).append(item.name)
    if left_out:
        logger.info("%s: %d hidden or system files left out", readable(folder), left_out)
    return sorted(files, key=together), sorted(folders)


def _unlisted(root: str, folder: str, error: OSError) -> str:
    if folder:
        return folder + "/"
    raise InputRefusedError(
        readable(root),
        f"cannot be listed ({error.strerror})",
        "a folder that this user can read",
        "give this user permission to read it",
    ) from error


def entries_of(root: str, paths: Iterable[str], max_bytes: int) -> Iterator[Entry]:
    """The files at ``paths`` (as :func:`walk` gives them) as entries."""
    return (_entry(root, path, max_bytes) for path in paths)


def _entry(root: str, path: str, max_bytes: int) -> Entry:
    whole = posixpath.join(root, path)
    if path.endswith("/"):
        reason = f"{readable(path)} is a folder that cannot be listed; give this user permission to read it."
        return failed(path, file_uri(whole) + "/", Rejected("input.read", reason))
    return Entry(key_of(path), path, file_uri(whole), partial(read_file, whole, max_bytes))

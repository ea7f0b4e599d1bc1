"""One file of an input before anyone looked into it, and the rules of its name.

Files belong together by WebDataset's convention: the key of a file is its path up to the first dot of its name, so
``x/a.jpg``, ``x/a.wav`` and ``x/a.depth.png`` are all ``x/a``. A name that begins with its only dots is its own key.

What no person put there is left out without a word: hidden names, what file managers leave behind, and WebDataset's
``__meta__`` members. This module is pure; folders, tars and zips all obey it, which is why they give the same samples.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass

from mmpipe.adapters.inputs.content import Content
from mmpipe.records import Rejected

_LITTER = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx"})
_META = re.compile(r"__[^/]*__")
_STEPS = re.compile(r"[\\/]")
_ABSOLUTE = re.compile(r"[\\/]|[A-Za-z]:[\\/]")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file by its ``key`` (of the sample it belongs to), its ``name`` (path inside the input) and its URI.

    ``load`` reads the content. Entries of a stream can only be loaded while they are the newest one.
    """

    key: str
    name: str
    uri: str
    load: Callable[[], Content | Rejected]


def failed(key: str, uri: str, verdict: Rejected) -> Entry:
    """An entry whose content is known to be out of reach."""
    return Entry(key, key, uri, lambda: verdict)


def key_of(path: str) -> str:
    """The key of the sample that a path belongs to."""
    folder, name = posixpath.split(path)
    return posixpath.join(folder, name.partition(".")[0] or name)


def neighbours(path: str) -> tuple[str, str]:
    """Sort key that brings files of one key together: plain order puts ``a-b.jpg`` between ``a`` and ``a.jpg``."""
    folder, name = posixpath.split(path)
    return folder, together(name)


def together(name: str) -> str:
    """:func:`neighbours` for names of one folder: NUL sorts before anything a name can hold."""
    return name.replace(".", "\0", 1)


def is_left_out(name: str) -> bool:
    """Whether one step of a path (a file's or a folder's name) is hidden, litter or meta."""
    return name.startswith(".") or name.lower() in _LITTER or _META.fullmatch(name) is not None


def member_path(name: str) -> str | None:
    """The path of an archive's member, normalised; None where it would lead out of the archive."""
    if _ABSOLUTE.match(name) or "\0" in name or ".." in _STEPS.split(name):
        return None
    return posixpath.normpath(name)


def is_wanted(path: str) -> bool:
    """Whether no step of a member's path is left out."""
    return not any(is_left_out(step) for step in path.split("/") if step not in {".", ".."})

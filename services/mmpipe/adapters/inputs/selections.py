"""Files that were named, by themselves or by a pattern, as samples: media by their stems, containers opened.

A folder is different (``folders``): there a container is a stray file and unreadable, because whoever names a folder
means the media in it. Here every file is meant, so ``shards/*.tar`` and ``data-{00..99}.jsonl.gz`` are read shard by
shard; a shard that can't be opened is an outcome of its own and the next one follows.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from mmpipe.adapters.inputs.containers import Reading, file_samples, is_container
from mmpipe.adapters.inputs.content import read_head
from mmpipe.adapters.inputs.errors import InputError, InputRefusedError, SpoolError
from mmpipe.adapters.inputs.folders import entries_of
from mmpipe.adapters.inputs.kinds import HEAD_BYTES
from mmpipe.adapters.inputs.limits import InputLimits
from mmpipe.adapters.inputs.samples import samples_of
from mmpipe.adapters.inputs.uris import origin_of, readable
from mmpipe.records import Sample


@dataclass(frozen=True, slots=True)
class Selection:
    """Where named files are, and what the ids of their samples begin with: of media, and of what is in containers."""

    root: str
    media_prefix: str
    container_prefix: str
    limits: InputLimits


def one_file(selection: Selection, name: str) -> Iterator[Sample]:
    """The samples of the one file that an input is. Raises InputRefusedError where it can't be read."""
    path = posixpath.join(selection.root, name)
    try:
        head = read_head(path, HEAD_BYTES)
    except OSError as error:
        found, expected = f"cannot be read ({error.strerror})", "a file that this user can read"
        raise InputRefusedError(readable(path), found, expected, "give this user permission to read it") from error
    return _container(selection, path) if is_container(head, name) else _media(selection, [name])


def many_files(selection: Selection, paths: Iterable[str]) -> Iterator[Sample]:
    """The samples of files at paths relative to the root, neighbours by key, in their order."""
    for opened, group in groupby(paths, key=partial(_is_container, selection.root)):
        if not opened:
            yield from _media(selection, group)
            continue
        for path in group:
            yield from _shard(selection, posixpath.join(selection.root, path))


def _is_container(root: str, path: str) -> bool:
    try:
        return is_container(read_head(posixpath.join(root, path), HEAD_BYTES), path)
    except (OSError, ValueError):  # whoever reads the content says why it can't be read
        return False


def _media(selection: Selection, paths: Iterable[str]) -> Iterator[Sample]:
    return samples_of(entries_of(selection.root, paths, selection.limits.max_bytes), selection.media_prefix)


def _container(selection: Selection, path: str) -> Iterator[Sample]:
    with Path(path).open("rb") as file:
        yield from file_samples(file, Reading(origin_of(path), selection.container_prefix, selection.limits))


def _shard(selection: Selection, path: str) -> Iterator[Sample]:
    try:
        yield from _container(selection, path)
    except SpoolError:
        raise
    except InputError as error:
        origin = origin_of(path)
        yield Sample(readable(selection.container_prefix + origin.name), (), {}, {origin.uri: error.verdict()})

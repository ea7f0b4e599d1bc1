"""From what a user typed to samples: the one place that decides which reader an input gets.

An input that exists under its literal name is that, whatever characters are in it; only then it may be a pattern.
"""

from __future__ import annotations

import difflib
import os
import posixpath
import stat
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from mmpipe.adapters.inputs.containers import Reading, stream_samples
from mmpipe.adapters.inputs.content import file_type
from mmpipe.adapters.inputs.entries import neighbours
from mmpipe.adapters.inputs.errors import InputMissingError, InputRefusedError
from mmpipe.adapters.inputs.folders import entries_of, walk
from mmpipe.adapters.inputs.limits import InputLimits
from mmpipe.adapters.inputs.patterns import Pattern, expand_braces, has_magic, parse
from mmpipe.adapters.inputs.samples import samples_of, unique
from mmpipe.adapters.inputs.selections import Selection, many_files, one_file
from mmpipe.adapters.inputs.uris import STDIN_URI, Origin, path_of, pattern_uri, readable, scheme_of
from mmpipe.records import Sample

STDIN = "-"
_EXPECTED = "a folder, a file, a glob, braces, or - for standard input"


def open_input(
    where: str, limits: InputLimits, *, id_prefix: str | None = None, stdin: BinaryIO | None = None
) -> Iterator[Sample]:
    """The samples of an input, in an order that depends on nothing but the input.

    ``where`` is a folder, a file (a medium, an archive, a manifest), a glob or braces for many files, a ``file:`` URI,
    or ``-`` for standard input (``stdin``, where it isn't the process's own). Ids are ``<folder name>/<path and stem>``
    for folders, globs and media, the key (path and stem) in archives, and the row's own in manifests; ``id_prefix``
    stands in place of the folder's name, or before the key, and an empty one for nothing.

    Raises InputError, at the call or at the first sample; see :mod:`mmpipe.adapters.inputs.errors` for what it means.
    """
    if where == STDIN:
        return _stdin_samples(stdin or sys.stdin.buffer, limits, id_prefix)
    path = _local_path(where)
    if os.path.lexists(path):
        return _path_samples(posixpath.abspath(path), limits, id_prefix)
    return unique(_pattern_samples(path, limits, id_prefix))


def source_of(where: str) -> str:
    """The canonical name of an input: the absolute ``file:`` URI of what was named, patterns included, or ``stdin:``.

    The same id from another source may be another thing; from the same source it is the same thing, perhaps changed.
    All standard inputs are one source: give them an id prefix where they are not.
    """
    return STDIN_URI if where == STDIN else pattern_uri(_local_path(where))


def _local_path(where: str) -> str:
    scheme = scheme_of(where)
    path = where if scheme is None else path_of(where) if scheme == "file" else None
    if path is None:
        raise InputRefusedError(
            readable(where), "is not on this machine", _EXPECTED, "fetch it first, and name the copy"
        )
    if "\0" in path:
        raise InputRefusedError(readable(where), "holds a NUL byte", _EXPECTED, "correct the name")
    return path


def _stdin_samples(stdin: BinaryIO, limits: InputLimits, id_prefix: str | None) -> Iterator[Sample]:
    if stdin.isatty():
        raise InputRefusedError(
            "-", "standard input is a terminal", "a stream", "pipe something in: tar c photos | mmpipe run -"
        )
    origin = Origin(STDIN_URI, "stdin", str(Path.cwd()))
    return unique(stream_samples(stdin, Reading(origin, _prefix(id_prefix, ""), limits)))


def _path_samples(path: str, limits: InputLimits, id_prefix: str | None) -> Iterator[Sample]:
    mode = _mode(path)
    if stat.S_ISDIR(mode):
        entries = entries_of(path, walk(path), limits.max_bytes)
        return samples_of(entries, _prefix(id_prefix, posixpath.basename(path)))
    if stat.S_ISREG(mode):
        root, name = posixpath.split(path)
        return unique(one_file(_selection(root, limits, id_prefix), name))
    raise InputRefusedError(readable(path), f"is {file_type(mode)}", _EXPECTED, "pipe it in: mmpipe run - < PATH")


def _mode(path: str) -> int:
    try:
        return Path(path).stat().st_mode
    except OSError as error:
        found, remedy = f"cannot be followed ({error.strerror})", "correct the link, or give this user permission"
        raise InputMissingError(readable(path), found, _EXPECTED, remedy) from error


def _selection(root: str, limits: InputLimits, id_prefix: str | None) -> Selection:
    return Selection(root, _prefix(id_prefix, posixpath.basename(root)), _prefix(id_prefix, ""), limits)


def _prefix(given: str | None, default: str) -> str:
    prefix = default if given is None else given
    return f"{prefix}/" if prefix else ""


def _pattern_samples(where: str, limits: InputLimits, id_prefix: str | None) -> Iterator[Sample]:
    alternatives = expand_braces(where)
    if any(map(has_magic, alternatives)):
        pattern = parse(alternatives)
        return many_files(_selection(pattern.root, limits, id_prefix), _matching(pattern, where))
    root, names = _existing(alternatives)
    return many_files(_selection(root, limits, id_prefix), names)


def _matching(pattern: Pattern, where: str) -> Iterator[str]:
    if not Path(pattern.root).is_dir():
        raise _missing(pattern.root)
    paths = (path for path in walk(pattern.root, pattern.leads) if path.endswith("/") or pattern.takes(path))
    first = next(paths, None)
    if first is None:
        found = f"matches nothing below {readable(pattern.root)}"
        raise InputMissingError(
            readable(where), found, "at least one file", "note that * stays in one folder and ** does not"
        )
    return chain([first], paths)


def _existing(alternatives: Sequence[str]) -> tuple[str, list[str]]:
    """The folder that files listed by braces share, and their paths below it. Raises InputMissingError."""
    for path in alternatives:
        if not os.path.lexists(path):
            raise _missing(path)
    whole = [posixpath.abspath(path) for path in alternatives]
    root = posixpath.commonpath([posixpath.dirname(path) for path in whole])
    return root, sorted((posixpath.relpath(path, root) for path in whole), key=neighbours)


def _missing(path: str) -> InputMissingError:
    return InputMissingError(readable(path) or "''", "does not exist", _EXPECTED, _did_you_mean(path))


def _did_you_mean(path: str) -> str:
    folder, name = posixpath.split(posixpath.abspath(path))
    if not Path(folder).is_dir():
        return f"the folder {readable(folder)} does not exist either"
    try:
        near = difflib.get_close_matches(name, (path.name for path in Path(folder).iterdir()), cutoff=0.5)
    except OSError as error:
        return f"and {readable(folder)} cannot be listed ({error.strerror})"
    if near:
        return f"did you mean {' or '.join(map(readable, near))}?"
    return f"nothing in {readable(folder)} has a name like that"

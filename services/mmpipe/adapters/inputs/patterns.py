"""Patterns for many files: globs (``photos/**/*.jpg``) and braces (``shard-{000..003}.tar``, ``*.{jpg,wav}``).

A glob is matched step by step against paths that a walk finds, so that a million matches are never a list, and a
walk never enters folders that can't match. ``*`` and ``?`` and ``[...]`` stay within one step, ``**`` spans any number.
Everything here is pure but for the errors about a pattern.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice

from mmpipe.adapters.inputs.errors import InputRefusedError

MAX_ALTERNATIVES = 100_000
"""Most paths that the braces of one pattern may stand for."""

_MAGIC = re.compile(r"[*?\[]")
_GROUP = re.compile(r"\{([^{}]+)\}")
_RANGE = re.compile(r"(\d{1,9})\.\.(\d{1,9})")

type Steps = Sequence[str]


@dataclass(frozen=True, slots=True)
class Pattern:
    """The fixed folder a pattern starts from, and the alternatives that paths below it may match."""

    root: str
    alternatives: tuple[Steps, ...]

    def takes(self, path: str) -> bool:
        """Whether a relative path is meant."""
        return any(_matches(path.split("/"), steps) for steps in self.alternatives)

    def leads(self, folder: str) -> bool:
        """Whether something below a relative folder may be meant."""
        return any(_leads(folder.split("/"), steps) for steps in self.alternatives)


def has_magic(path: str) -> bool:
    """Whether a path has to be matched, not just opened."""
    return _MAGIC.search(path) is not None


def parse(alternatives: Sequence[str]) -> Pattern:
    """The pattern that several globs make together; its root is the last folder that all of them share literally."""
    whole = [posixpath.abspath(alternative) for alternative in alternatives]
    root = posixpath.commonpath([_fixed_part(path) for path in whole])
    return Pattern(root, tuple(posixpath.relpath(path, root).split("/") for path in whole))


def _fixed_part(path: str) -> str:
    steps = path.split("/")
    magic = next((index for index, step in enumerate(steps) if has_magic(step)), len(steps) - 1)
    return "/".join(steps[:magic]) or "/"


def _matches(path: Steps, steps: Steps) -> bool:
    if not steps:
        return not path
    if steps[0] == "**":
        return _matches(path, steps[1:]) or (bool(path) and _matches(path[1:], steps))
    return bool(path) and fnmatchcase(path[0], steps[0]) and _matches(path[1:], steps[1:])


def _leads(folder: Steps, steps: Steps) -> bool:
    if not folder:
        return bool(steps)
    if not steps:
        return False
    return steps[0] == "**" or (fnmatchcase(folder[0], steps[0]) and _leads(folder[1:], steps[1:]))


def expand_braces(pattern: str) -> tuple[str, ...]:
    """Every path a pattern's braces stand for, once, in their order; braces that hold no choice are plain characters.

    Raises InputRefusedError above :data:`MAX_ALTERNATIVES`.
    """
    expanded = list(islice(_expanded(pattern), MAX_ALTERNATIVES + 1))
    if len(expanded) <= MAX_ALTERNATIVES:
        return tuple(dict.fromkeys(expanded))
    raise InputRefusedError(
        pattern,
        f"its braces stand for more than {MAX_ALTERNATIVES} paths",
        "fewer",
        "match the files by a glob, or list them in a manifest",
    )


def _expanded(pattern: str) -> Iterator[str]:
    for group in _GROUP.finditer(pattern):
        if choices := _choices(group[1]):
            before, after = pattern[: group.start()], pattern[group.end() :]
            for choice in choices:
                yield from _expanded(before + choice + after)
            return
    yield pattern


def _choices(group: str) -> Iterator[str] | list[str]:
    """``000..003`` counts, keeping the width of its ends; ``a,b`` lists; anything else is no choice."""
    if ends := _RANGE.fullmatch(group):
        first, last = int(ends[1]), int(ends[2])
        width = max(len(ends[1]), len(ends[2])) if "0" in {ends[1][0], ends[2][0]} else 0
        step = 1 if first <= last else -1
        return (f"{number:0{width}d}" for number in range(first, last + step, step))
    return group.split(",") if "," in group else []

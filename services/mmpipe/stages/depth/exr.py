"""EXR: the format of renderers, through the OpenEXR library.

The depth is the channel called Z (of any layer), else Y, else R. OpenEXR decodes all channels of a file at once, so
the caps count each of them. ``OpenEXR.File`` is the safe door: the older ``InputFile`` could read one channel alone,
but crashes the process on broken files (3.5.3, found by flipping bytes).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import BytesIO, TextIOBase
from threading import Lock, get_ident
from typing import Any, TextIO

import numpy as np
import OpenEXR

from mmpipe.records import Media
from mmpipe.stages.depth.arrays import Header, Numbers
from mmpipe.stages.verdicts import Refused

_GATE = "depth.decode"
_DEPTH_CHANNELS = ("Z", "Y", "R")
# Runtimes run one stage on each core: no threads of OpenEXR's own.
_THREADS = 0
_STDOUT = Lock()


def read_header(media: Media) -> Header:
    """Size and channels of the first part that has a depth channel. Raises :class:`Refused` where there is none."""
    with _refusing():
        parts = _parts(media, header_only=True)
        named = [(index, str(channel.name)) for index, part in enumerate(parts) for channel in part.header["channels"]]
        windows = [[tuple(map(int, corner)) for corner in part.header["dataWindow"]] for part in parts]
    index, channel = _depth_channel(named)
    (left, top), (right, bottom) = windows[index]
    return Header(right - left + 1, bottom - top + 1, lambda: _numbers(media, index, channel), len(named))


def _numbers(media: Media, index: int, channel: str) -> Numbers:
    with _refusing(), _hushed():
        parts = _parts(media, header_only=False)
        # A part whose pixels are broken is left out, or is left without channels.
        return np.asarray(parts[index].channels[channel].pixels)


def _parts(media: Media, *, header_only: bool) -> list[Any]:
    stream = BytesIO(media.content)
    return list(OpenEXR.File(stream, separate_channels=True, header_only=header_only, num_threads=_THREADS).parts)


def _depth_channel(named: list[tuple[int, str]]) -> tuple[int, str]:
    """The index of the part and the name of the channel that hold the depth."""
    for wanted in _DEPTH_CHANNELS:
        for index, name in named:
            if name.rpartition(".")[2].upper() == wanted:
                return index, name
    present = ", ".join(name for _, name in named) or "no channels"
    raise Refused(_GATE, f"the EXR has {present}: a depth map needs a channel called Z, Y or R")


@contextmanager
def _refusing() -> Iterator[None]:
    """What the binding raises on broken bytes (it has no errors of its own) becomes :class:`Refused`."""
    try:
        yield
    except (RuntimeError, ValueError, TypeError, LookupError, OSError, OverflowError) as fault:
        words = f"{type(fault).__name__}: {fault}"
        raise Refused(_GATE, f"the EXR doesn't decode ({words}): the file is truncated or broken") from fault


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep the binding, which prints its complaints about pixels, out of the program's own output."""
    with _STDOUT:
        others = _OtherThreads(sys.stdout)
        try:
            with redirect_stdout(others):
                yield
        finally:
            others.open()


class _OtherThreads(TextIOBase):
    """Standard output for every thread but the one that made this, until it is opened again."""

    def __init__(self, stdout: TextIO) -> None:
        self._stdout = stdout
        self._silent: int | None = get_ident()

    def open(self) -> None:
        """Let every thread write: somebody may have kept this as *the* standard output."""
        self._silent = None

    def write(self, text: str, /) -> int:
        """Pass on what another thread writes; returns the number of characters taken."""
        return len(text) if get_ident() == self._silent else self._stdout.write(text)

    def flush(self) -> None:
        """As that of standard output."""
        self._stdout.flush()

    def isatty(self) -> bool:
        """As that of standard output."""
        return self._stdout.isatty()

    def fileno(self) -> int:
        """As that of standard output."""
        return self._stdout.fileno()

"""What can go wrong with an input as a whole.

::

    MmpipeError
    └── InputError              the input can't be read as asked: tell the user, don't retry
        ├── InputMissingError   nothing is at that path, or nothing matches that pattern
        ├── InputRefusedError   it is there, but not something this package reads: a FIFO, a remote scheme
        ├── DamagedInputError   it is an archive or a manifest, and broken
        ├── InputBombError      it unpacks to more than the limits allow
        └── SpoolError          this machine's temporary folder can't take what has to be spooled

An InputError is raised before the first sample. After that nothing is raised about the input any more: what is wrong
with one file, row or member becomes an entry in :attr:`mmpipe.records.Sample.unreadable`, and the rest still flows.
Two faults of the machine are no verdicts on the input and are raised at any time: :class:`SpoolError`, and the OSError
of a process that has run out of file descriptors or memory.
"""

from __future__ import annotations

from typing import ClassVar

from mmpipe.errors import MmpipeError
from mmpipe.records import Rejected


class InputError(MmpipeError):
    """An input can't be read; the message names the input, what was found, what was expected and the remedy."""

    gate: ClassVar[str] = "input.read"

    def __init__(self, where: str, found: str, expected: str, remedy: str) -> None:
        super().__init__(f"{where}: {found}; expected {expected}; {remedy}")

    def verdict(self) -> Rejected:
        """The same fault as an outcome, for an input that is one of many."""
        return Rejected(self.gate, str(self))


class InputMissingError(InputError):
    """Nothing is at that path, or nothing matches that pattern."""


class InputRefusedError(InputError):
    """Something is there that this package doesn't read, by kind or by rule."""


class DamagedInputError(InputError):
    """An archive or a manifest that breaks the rules of its own format."""

    gate = "input.damaged"


class InputBombError(InputError):
    """Packed content that unpacks to more bytes per byte than the limits allow."""

    gate = "source.files.maxDecompressionRatio"


class SpoolError(InputError):
    """The temporary folder can't take what has to be spooled: a fault of the machine, never a verdict on the input."""

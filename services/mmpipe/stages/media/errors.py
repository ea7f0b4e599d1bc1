"""Why media cannot be decoded: raised by what audio and video share, and turned into a verdict by the stage that asked.

::

    Exception
    └── UnreadableError   no decoder makes sense of the bytes: permanent, for the item's quarantine row

What is shared by two modalities cannot name a gate; :func:`as_verdict` gives the error the gate of its stage. Faults
that may pass (no memory, a bug) are not of this tree and stay raised.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mmpipe.stages.verdicts import Refused


class UnreadableError(Exception):
    """No decoder makes sense of the bytes; the text is a full sentence for a person."""


@contextmanager
def as_verdict(gate: str) -> Iterator[None]:
    """Raise an :class:`UnreadableError` from the block on as :class:`~mmpipe.stages.verdicts.Refused` by ``gate``."""
    try:
        yield
    except UnreadableError as error:
        raise Refused(gate, str(error)) from error

"""How long media are cut, and how much of them is decoded at once: the same in every runtime.

The cutting itself is each modality's own (``stages/<modality>/decode.segments``).
"""

from __future__ import annotations

from importlib import import_module

from mmpipe.records import Failed, Media, Modality, Rejected, Segment
from mmpipe.runtimes.parts import SEGMENTED
from mmpipe.spec import ModalitySpec

ITEMS_AT_ONCE = {Modality.VIDEO: 4, Modality.AUDIO: 16}
"""Decoded segments held at once: a film of 8 frames at 224 pixels takes 3 MB with its sound, 30 s of audio 2 MB."""


def segments(options: ModalitySpec, media: Media) -> tuple[Segment | None, ...] | Rejected | Failed:
    """The segments to decode ``media`` in, ``(None,)`` for the whole; a verdict or a fault where it cannot be cut."""
    if options.name not in SEGMENTED:
        return (None,)
    decode = import_module(f"mmpipe.stages.{options.name}.decode")
    try:
        cut: tuple[Segment | None, ...] | Rejected = decode.segments(media, options.decode)
    except Exception as error:  # noqa: BLE001  # as a stage that raises: a fault of one part, reported as such
        return Failed(f"{options.name}.decode", f"{type(error).__name__}: {error}")
    return cut

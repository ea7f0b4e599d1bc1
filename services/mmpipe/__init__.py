"""mmpipe: raw text, images, audio, video and depth maps become vectors, searchable across modalities.

``from mmpipe import Pipeline`` is the way in from Python; the ``mmpipe`` command is the other. Importing the package
loads nothing else: the names below come when they are first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmpipe.errors import MmpipeError
    from mmpipe.records import Modality, Result, Sample
    from mmpipe.runtimes.pipeline import Pipeline

__all__ = ["MmpipeError", "Modality", "Pipeline", "Result", "Sample"]

_HOMES = {
    "MmpipeError": "mmpipe.errors",
    "Modality": "mmpipe.records",
    "Pipeline": "mmpipe.runtimes.pipeline",
    "Result": "mmpipe.records",
    "Sample": "mmpipe.records",
}


def __getattr__(name: str) -> object:
    """Load a public name from its module (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'mmpipe' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)

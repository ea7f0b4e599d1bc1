"""The three stores of a pipeline, as those take them who keep them together: the sink, verification, deletion."""

from __future__ import annotations

from dataclasses import dataclass

from mmpipe.adapters.metadata import Metadata
from mmpipe.adapters.objects import Objects
from mmpipe.adapters.vectors import VectorStore


@dataclass(frozen=True, slots=True)
class Stores:
    """The three stores of a pipeline; a sink closes its own."""

    vectors: VectorStore
    objects: Objects
    metadata: Metadata

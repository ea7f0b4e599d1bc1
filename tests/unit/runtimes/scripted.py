"""Stages without servers: they answer what a test tells them to, and remember what they were asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmpipe.records import Embedding, Fate, Floats, Fusion, Item, Media, Modality, Rejected, Segment
from mmpipe.runtimes.stage_clients.clients import Asked, Chained, Segments
from mmpipe.testing import MODEL, vector_of

SOUND = np.ones(16, np.float32)


@dataclass(slots=True)
class ScriptedStages:
    """``faults`` are raised one after the other at calls for a modality (``fuse`` is one); then it answers.

    ``cuts`` are the segments of long media, ``outcomes`` what an item ends as instead of a vector; ``sounding`` says
    whether films have a sound track.
    """

    faults: dict[str, list[Exception]] = field(default_factory=dict)
    cuts: dict[Modality, Segments | Fate] = field(default_factory=dict)
    outcomes: dict[Modality, Fate] = field(default_factory=dict)
    sounding: bool = False
    asked: list[tuple[str, Segment | None]] = field(default_factory=list)
    gates_ignored: list[bool] = field(default_factory=list)

    async def segments(self, modality: Modality, media: Media, asked: Asked) -> Segments | Fate:
        del media, asked
        return self.cuts.get(modality, (None,))

    async def chain(self, modality: Modality, items: Sequence[Item[Media]], asked: Asked, *, sound: bool) -> Chained:
        self.asked += [(modality, item.payload.segment) for item in items]
        self.gates_ignored.append(asked.ignore_gates)
        self._fall(modality)
        fates = tuple(self.outcomes.get(modality) or _embedded(item, modality) for item in items)
        tracks: dict[int, Floats] = {0: SOUND} if sound and self.sounding else {}
        return Chained(fates, tracks)

    async def finish(self, modality: Modality, items: Sequence[Item[Any]], asked: Asked) -> tuple[Fate, ...]:
        del asked
        self.asked += [(f"{modality} heard", None)] * len(items)
        self._fall(modality)
        return tuple(_embedded(item, modality) for item in items)

    async def fuse(self, parts: Mapping[Modality, Sequence[Item[Embedding]]], asked: Asked) -> Fusion | Rejected | None:
        del asked
        self._fall("fuse")
        share = 1 / len(parts)
        vector = vector_of("+".join(parts))
        return Fusion(Embedding(vector, MODEL), dict.fromkeys(parts, share), (), 1.0, 1.0)

    def _fall(self, name: str) -> None:
        if faults := self.faults.get(name):
            raise faults.pop(0)


def _embedded(item: Item[Any], modality: Modality) -> Item[Embedding]:
    return Item(item.id, Embedding(vector_of(f"{modality} {item.payload}"), MODEL))

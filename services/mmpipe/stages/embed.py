"""Embed: clean payloads become vectors of the pipeline's space. One stage for every modality: only the tower differs.

The tower (preprocessing and weights) comes from a model package; this module knows neither files nor ONNX.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmpipe.models.package import ModelPackage, load, resolve
from mmpipe.records import Embedding, Item, Modality, Stage
from mmpipe.spec.embed import Embed


def build(options: Embed, modality: Modality) -> Stage[Any, Embedding]:
    """A stage over the modality's tower. Raises ModelError where the package is missing, damaged or lacks the tower."""
    return from_package(load(resolve(options.model.uri)), options, modality)


def from_package(package: ModelPackage, options: Embed, modality: Modality) -> Stage[Any, Embedding]:
    """As :func:`build`, from a package that is already loaded."""
    tower = package.tower(modality)

    def embed(items: Sequence[Item[Any]], /) -> list[Item[Embedding]]:
        embedded: list[Item[Embedding]] = []
        for start in range(0, len(items), options.batch_size):
            batch = items[start : start + options.batch_size]
            vectors = tower([item.payload for item in batch])
            embedded += [
                item.becomes(Embedding(vector, package.identity)) for item, vector in zip(batch, vectors, strict=True)
            ]
        return embedded

    return embed

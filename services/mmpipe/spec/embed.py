"""Embed: from clean payloads to vectors, the same for every modality."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mmpipe.spec.model import Later, SpecModel


class Model(SpecModel):
    """Which weights make the vectors."""

    uri: Annotated[str, Field(min_length=1, max_length=2048)] = "builtin:tiny"
    """`builtin:tiny`, a folder that holds a model package, or a Hugging Face id (which needs `revision`)."""
    revision: Annotated[str, Field(max_length=64)] = ""
    """Pinned revision of a remote model."""


class Embed(SpecModel):
    """From a clean payload to an L2-normalised vector."""

    model: Model = Model()
    precision: Annotated[
        Literal["Float32", "Int8"],
        Later("quantised inference comes with model export; set precision to Float32"),
    ] = "Float32"
    """Arithmetic of the model."""
    device: Annotated[
        Literal["Cpu", "Cuda"],
        Later("inference on a GPU comes with a later release; set device to Cpu"),
    ] = "Cpu"
    """Where the model runs."""
    batch_size: Annotated[int, Field(ge=1, le=1024)] = 32
    """Most items in one call of the model. It never changes an answer."""

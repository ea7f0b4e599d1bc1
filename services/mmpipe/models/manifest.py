"""``package.json``: what a model package says about itself, as typed, frozen records.

The file is written by an export and read by :mod:`mmpipe.models.package`, which trusts nothing else in the folder
before its digest agrees.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mmpipe.models.errors import ModelError
from mmpipe.models.inputs import Input, TextInput
from mmpipe.records import Modality

FILE = "package.json"
FORMAT = 1


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TowerEntry(_Record):
    """One modality: its network's file, and how inputs are prepared.

    ``parity`` is the largest difference to the trained network that the export measured on real inputs (absolute, per
    component of a unit vector).
    """

    file: str
    input: Input
    parity: float = Field(ge=0)


class Manifest(_Record):
    """All of ``package.json``.

    ``files`` maps every other file of the package to its SHA-256 in hex; ``digest`` is :func:`package_digest`.
    """

    format: int = FORMAT
    name: str
    revision: str
    licence: str
    dimension: int = Field(gt=0)
    towers: Mapping[Modality, TowerEntry]
    files: Mapping[str, str]
    digest: str


def read(folder: Path) -> Manifest:
    """The manifest of the package in ``folder``; :class:`ModelError` if there is none or it makes no sense."""
    file = folder / FILE
    try:
        return Manifest.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        raise ModelError(
            f"{folder}: no {FILE} there; give the folder of a model package, or use builtin:tiny"
        ) from None
    except ValidationError as error:
        raise ModelError(_first_complaint(file, error)) from error


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest into the package's folder."""
    (folder / FILE).write_text(manifest.model_dump_json(indent=2) + "\n")


def file_digest(file: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def package_digest(towers: Mapping[Modality, TowerEntry], files: Mapping[str, str]) -> str:
    """SHA-256 over all that a vector depends on, in hex: how inputs are prepared, and the digests of the files opened.

    The model card and the licence are verified like every file, but a new wording of theirs makes no new model.
    ``KeyError`` if ``files`` lacks one that is opened.
    """
    lines = [f"{modality} {towers[modality].input.model_dump_json()}\n" for modality in sorted(towers)]
    lines += [f"{files[name]}  {name}\n" for name in sorted(opened(towers))]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def opened(towers: Mapping[Modality, TowerEntry]) -> set[str]:
    """The names of the files that embedding reads: networks and tokenizers."""
    tokenizers = {entry.input.tokenizer for entry in towers.values() if isinstance(entry.input, TextInput)}
    return {entry.file for entry in towers.values()} | tokenizers


def _first_complaint(file: Path, error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "the whole file"
    return f"{file}: {place}: {first['msg']}; export the package again, or use builtin:tiny"

"""Model packages: folders with one network per modality, and a digest that says exactly which.

=====================  ==================================================================
``package.json``       name, revision, licence, dimension, inputs, digests (:mod:`.manifest`)
``<modality>.onnx``    one network per modality: prepared arrays in, unit vectors out
``tokenizer.json``     for the text tower
``MODEL_CARD.md``      what it is, what it was trained on, how good it is, what it must not be used for
``training.json``      the record of the training run
``LICENSE``            the terms
=====================  ==================================================================

:func:`resolve` turns a ``model.uri`` into a folder, :func:`load` verifies it, :meth:`ModelPackage.tower` opens one
modality's network. Nothing is downloaded, and no code from a package is ever run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from mmpipe.models import manifest
from mmpipe.models.errors import ModelError
from mmpipe.models.locating import resolve
from mmpipe.models.manifest import Manifest
from mmpipe.models.tower import Payload, Tower, open_tower
from mmpipe.records import Modality

__all__ = ["ModelError", "ModelPackage", "Payload", "Tower", "load", "resolve"]

_DIGITS = 12


@dataclass(frozen=True, slots=True, eq=False)
class ModelPackage:
    """A verified package; towers are opened when first asked for and then shared by all threads."""

    folder: Path
    manifest: Manifest
    _towers: dict[Modality, Tower] = field(default_factory=dict, repr=False)
    _opening: Lock = field(default_factory=Lock, repr=False)

    @property
    def name(self) -> str:
        """The package's name, ``tiny``."""
        return self.manifest.name

    @property
    def dimension(self) -> int:
        """How many components every vector of this package has."""
        return self.manifest.dimension

    @property
    def licence(self) -> str:
        """The SPDX identifier of the package's licence."""
        return self.manifest.licence

    @property
    def digest(self) -> str:
        """The first twelve hex digits of :func:`.manifest.package_digest`: equal digests, equal vectors."""
        return self.manifest.digest[:_DIGITS]

    @property
    def identity(self) -> str:
        """``name@digest``, as recorded beside every vector."""
        return f"{self.name}@{self.digest}"

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """What the package can embed, in the order of :class:`Modality`."""
        return tuple(modality for modality in Modality if modality in self.manifest.towers)

    def tower(self, modality: Modality) -> Tower:
        """The network for one modality; :class:`ModelError` if the package has none."""
        entry = self.manifest.towers.get(modality)
        if entry is None:
            raise ModelError(
                f"{self.name}: no tower for {modality}, only for {', '.join(self.modalities)}; "
                f"remove the modality from the pipeline, or use builtin:tiny, which has all five"
            )
        with self._opening:
            if modality not in self._towers:
                self._towers[modality] = open_tower(self.folder, entry, self.dimension)
            return self._towers[modality]


def load(path: Path) -> ModelPackage:
    """The package in a folder, every file checked against ``package.json``.

    Raises :class:`ModelError` naming the file, what was expected and what was found, when anything differs. No network
    is read into memory yet.
    """
    described = manifest.read(path)
    if described.format != manifest.FORMAT:
        raise ModelError(
            f"{path}: package format {described.format}, expected {manifest.FORMAT}; export it again with this release"
        )
    for name, expected in described.files.items():
        _verify(path, name, expected)
    _verify_digest(path, described)
    return ModelPackage(path, described)


def _verify(folder: Path, name: str, expected: str) -> None:
    file = folder / name
    if Path(name).name != name:
        raise ModelError(f"{folder}: package.json lists {name!r}, expected a plain file name; don't use this package")
    found = manifest.file_digest(file) if file.is_file() else "no such file"
    if found != expected:
        raise ModelError(f"{file}: expected SHA-256 {expected}, found {found}; the package was changed, fetch it again")


def _verify_digest(folder: Path, described: Manifest) -> None:
    """Every file that will be opened must be among those verified, and the digest must be theirs."""
    file = folder / manifest.FILE
    unlisted = sorted(manifest.opened(described.towers) - set(described.files))
    if unlisted:
        raise ModelError(f"{file}: files: expected a digest of {unlisted[0]}, found none; don't use this package")
    found = manifest.package_digest(described.towers, described.files)
    if found != described.digest:
        raise ModelError(
            f"{file}: digest: expected {described.digest}, found {found} over inputs and files; "
            "the package was changed, fetch it again"
        )

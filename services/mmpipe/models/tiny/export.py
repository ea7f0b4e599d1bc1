"""Trained towers become a model package: ONNX files, tokenizer, record, licence, digests, then its card (torch).

Weights are stored in half precision, which halves the files. Parity is measured on real inputs: the largest difference
between what the trained network answers and what ONNX Runtime makes of the exported file. A package whose parity is
worse than :data:`TOLERANCE` is not written.
"""

from __future__ import annotations

import json
import logging
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mmpipe.models import manifest
from mmpipe.models.errors import ModelError
from mmpipe.models.locating import BUILTIN
from mmpipe.models.manifest import Manifest, TowerEntry
from mmpipe.models.tiny import card, dataset, inputs, towers, weights, world
from mmpipe.models.tiny.evaluate import Report
from mmpipe.models.tiny.train import Trained, write_record
from mmpipe.records import Modality

TOLERANCE = 2e-3
NAME, REVISION, LICENCE = "tiny", "1", "Apache-2.0"
OPSET = 18

type Examples = Mapping[Modality, Mapping[str, NDArray[np.generic]]]


def export(trained: Trained, folder: Path) -> Manifest:
    """Write the package into ``folder`` and answer its manifest; :class:`ModelError` if parity is lost."""
    folder.mkdir(parents=True, exist_ok=True)
    trained.tokenizer.save(str(folder / inputs.TEXT.tokenizer))
    examples = example_arrays(trained)
    entries = {
        modality: _tower(trained.towers[modality.value], modality, arrays, folder)
        for modality, arrays in examples.items()
    }
    write_record(trained, folder / "training.json")
    shutil.copyfile(BUILTIN / NAME / "LICENSE", folder / "LICENSE")
    return seal(folder, entries)


def complete(folder: Path, report: Report) -> Manifest:
    """Add the evaluation and the model card to an exported package, and seal it again."""
    (folder / "evaluation.json").write_text(json.dumps(report.as_json(), indent=2) + "\n")
    (folder / "MODEL_CARD.md").write_text(card.text(json.loads((folder / "training.json").read_text()), report))
    return seal(folder, manifest.read(folder).towers)


def seal(folder: Path, entries: Mapping[Modality, TowerEntry]) -> Manifest:
    """Digest every file of the package and write its ``package.json``."""
    names = sorted(file.name for file in folder.iterdir() if file.is_file() and file.name != manifest.FILE)
    files = {name: manifest.file_digest(folder / name) for name in names}
    sealed = Manifest(
        name=NAME,
        revision=REVISION,
        licence=LICENCE,
        dimension=towers.DIMENSION,
        towers=entries,
        files=files,
        digest=manifest.package_digest(entries, files),
    )
    manifest.write(folder, sealed)
    return sealed


def example_arrays(trained: Trained, count: int = 8) -> Examples:
    """A few prepared inputs of every modality, for tracing and for parity."""
    drawn = world.scenes(world.generator(0, "parity"), held_out=False)
    rows = [dataset.columns(next(drawn), 0, number) for number in range(count)]
    stacked = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    mel, film_mel = (
        stacked[name][:, :, : inputs.SOUND.frames].astype(np.float32) / 255 for name in ("mel", "film_mel")
    )
    ids = np.zeros((count, inputs.TEXT.max_tokens), np.int64)
    ids[:, :5] = trained.tokenizer.encode("a red striped bell ringing").ids[:5]
    return {
        Modality.TEXT: {"tokens": ids},
        Modality.IMAGE: {"pixels": stacked["pixels"]},
        Modality.AUDIO: {"mel": mel},
        Modality.VIDEO: {
            "frames": stacked["frames"],
            "mel": film_mel,
            "has_audio": np.arange(count).astype(np.float32) % 2,
        },
        Modality.DEPTH: {"depth": stacked["depth"].astype(np.float32)},
    }


def _tower(tower: nn.Module, modality: Modality, arrays: Mapping[str, NDArray[np.generic]], folder: Path) -> TowerEntry:
    file = folder / f"{modality}.onnx"
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    _trace(tower, tensors, file)
    with torch.no_grad():
        trained = tower(**tensors).numpy()
    exported = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"]).run(None, dict(arrays))[0]
    parity = float(np.abs(trained - exported).max())
    if parity > TOLERANCE:
        raise ModelError(
            f"{file}: differs from the trained tower by {parity:.1e}, expected at most {TOLERANCE}; report a bug"
        )
    return TowerEntry(file=file.name, input=inputs.INPUTS[modality], parity=parity)


def _trace(tower: nn.Module, tensors: Mapping[str, Tensor], file: Path) -> None:
    """Export with a free batch axis, weights inside the file."""
    batch = torch.export.Dim("batch", min=1, max=4_096)
    shapes = {name: {0: batch} for name in tensors}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns about its own internals
        program = torch.onnx.export(
            tower, kwargs=dict(tensors), dynamo=True, dynamic_shapes=shapes, opset_version=OPSET, verbose=False
        )
    if program is None:
        raise ModelError(f"{file}: torch {torch.__version__} exported nothing; report a bug")
    onnx.save(weights.in_half_precision(weights.without_traces(program.model_proto)), file)

"""One modality's network, ready to embed: payloads in, unit vectors out, whatever the size of the batch.

A :class:`Tower` is a plain callable that threads may share. ONNX Runtime does the arithmetic on the calling thread
alone (``intra_op_num_threads=1``), so that a process with a thread per core has exactly as many busy threads as cores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from mmpipe.models import preprocess
from mmpipe.models.errors import ModelError
from mmpipe.models.inputs import AudioInput, DepthInput, ImageInput, TextInput
from mmpipe.models.manifest import TowerEntry
from mmpipe.models.preprocess import Arrays
from mmpipe.records import Clip, Floats

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

type Payload = str | NDArray[np.generic] | Clip
type Prepare = Callable[[Payload], Arrays]

WINDOWS_PER_RUN = 32
"""How many windows go through the network at once: enough to amortise a call, few enough to stay in the caches."""


@dataclass(frozen=True, slots=True, eq=False)
class Tower:
    """A callable from payloads of one modality to unit vectors; safe to share between threads."""

    prepare: Prepare
    session: InferenceSession
    dimension: int

    def __call__(self, payloads: Sequence[Payload], /) -> Floats:
        """Embed: float32 [len(payloads), dimension], L2-normalised, in the order of the payloads.

        Each payload is embedded as the normalised mean of its windows, so no payload influences another's vector.
        """
        prepared = [self.prepare(payload) for payload in payloads]
        if not prepared:
            return np.zeros((0, self.dimension), np.float32)
        vectors = self._embed_windows(
            {name: np.concatenate([arrays[name] for arrays in prepared]) for name in prepared[0]}
        )
        counts = [len(next(iter(arrays.values()))) for arrays in prepared]
        return _unit(np.add.reduceat(vectors, np.cumsum([0, *counts[:-1]]), axis=0))

    def _embed_windows(self, arrays: Arrays) -> Floats:
        total = len(next(iter(arrays.values())))
        runs = [
            self.session.run(None, {name: array[start : start + WINDOWS_PER_RUN] for name, array in arrays.items()})[0]
            for start in range(0, total, WINDOWS_PER_RUN)
        ]
        return np.concatenate(runs)


def open_tower(folder: Path, entry: TowerEntry, dimension: int) -> Tower:
    """The tower of a verified package; :class:`ModelError` if ONNX Runtime can't read its file."""
    return Tower(_prepare(folder, entry), _session(folder / entry.file), dimension)


def _prepare(folder: Path, entry: TowerEntry) -> Prepare:
    spec = entry.input
    if isinstance(spec, TextInput):
        return cast("Prepare", partial(_tokenised, spec, _tokenizer(folder / spec.tokenizer)))
    if isinstance(spec, ImageInput):
        return cast("Prepare", partial(preprocess.image_arrays, spec))
    if isinstance(spec, AudioInput):
        return cast("Prepare", partial(preprocess.audio_arrays, spec))
    if isinstance(spec, DepthInput):
        return cast("Prepare", partial(preprocess.depth_arrays, spec))
    return cast("Prepare", partial(preprocess.video_arrays, spec))


def _tokenised(spec: TextInput, tokenizer: Tokenizer, text: str) -> Mapping[str, NDArray[np.generic]]:
    return preprocess.text_arrays(spec, tokenizer.encode(text).ids)


def _tokenizer(file: Path) -> Tokenizer:
    from tokenizers import Tokenizer  # noqa: PLC0415 - only a text tower pays for it

    return Tokenizer.from_file(str(file))


def _session(file: Path) -> InferenceSession:
    import onnxruntime  # noqa: PLC0415 - loads a large shared library

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own errors share no other base
        raise ModelError(
            f"{file}: ONNX Runtime {onnxruntime.__version__} can't read this network ({error}); export it again"
        ) from error


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)

"""Arrays as media: written without loss into a container that the decoders know.

So there is one way through the stages, and the original can be kept. Pixels become BMP, sound WAV (32-bit float), depth
NPY. ``runtimes.samples`` and ``client.samples`` take arrays from Python programs and hand them here.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmpipe.adapters.inputs import InputError
from mmpipe.records import Modality

SAMPLE_RATE_HZ = 16_000

_ARRAYS = {
    Modality.IMAGE: "uint8 [height, width, 3] RGB",
    Modality.AUDIO: "float32 [samples] mono 16 kHz",
    Modality.DEPTH: "float32 [height, width] metres",
}


def encoded(modality: Modality, array: NDArray[Any], name: str) -> bytes:
    """The bytes of a container that holds the array. Raises InputError naming ``name`` where the shape does not fit."""
    shaped = {
        Modality.IMAGE: array.dtype == np.uint8 and array.ndim == 3 and array.shape[-1] == 3,  # noqa: PLR2004  # H, W, RGB
        Modality.AUDIO: array.dtype == np.float32 and array.ndim == 1,
        Modality.DEPTH: array.dtype == np.float32 and array.ndim == 2,  # noqa: PLR2004  # H, W
    }
    if not shaped.get(modality, False):
        expected = _ARRAYS.get(modality, "a path or bytes")
        raise InputError(name, f"{array.dtype} {list(array.shape)}", expected, "convert the array")
    return _ENCODERS[modality](array)


def _bmp(pixels: NDArray[Any]) -> bytes:
    from PIL import Image  # noqa: PLC0415  # only arrays of pixels need it

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "BMP")
    return stream.getvalue()


def _wav(samples: NDArray[Any]) -> bytes:
    import soundfile  # noqa: PLC0415  # only arrays of samples need it

    stream = io.BytesIO()
    soundfile.write(stream, samples, SAMPLE_RATE_HZ, format="WAV", subtype="FLOAT")
    return stream.getvalue()


def _npy(metres: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, metres, allow_pickle=False)
    return stream.getvalue()


_ENCODERS = {Modality.IMAGE: _bmp, Modality.AUDIO: _wav, Modality.DEPTH: _npy}

"""What a Python program may hand in as a sample, and how it becomes one.

A mapping names its parts by modality; values are paths, bytes, or arrays that are decoded already. Arrays are written
without loss into a container that the decoders know, so that there is one way through the stages and the original can
be kept. Inputs on disk (folders, archives, manifests) are ``mmpipe.adapters.inputs``.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmpipe.adapters.inputs import InputError
from mmpipe.records import Media, Modality, Part, Rejected, Sample
from mmpipe.stages.formats import recognise

SAMPLE_RATE_HZ = 16_000

type PartValue = str | Path | bytes | NDArray[Any]
type SampleLike = Sample | Mapping[str, Any]

_ARRAYS = {
    Modality.IMAGE: "uint8 [height, width, 3] RGB",
    Modality.AUDIO: "float32 [samples] mono 16 kHz",
    Modality.DEPTH: "float32 [height, width] metres",
}


def as_sample(value: SampleLike, number: int) -> Sample:
    """A sample from a mapping such as ``{"id": "a", "text": "a red bell", "image": Path("a.jpg")}``.

    Keys are the modalities, ``id`` (else ``sample-<number>``) and ``attributes``. ``text`` as a str is the text itself;
    any other str is a path. Raises InputError naming the key, what was found and what is expected.
    """
    if isinstance(value, Sample):
        return value
    sample_id = str(value.get("id", f"sample-{number}"))
    parts: list[Part] = []
    unreadable: dict[str, Rejected] = {}
    for key in value.keys() - {"id", "attributes"}:
        part = as_part(_modality(key, sample_id), value[key], uri=f"memory:///{sample_id}/{key}")
        if isinstance(part, Part):
            parts.append(part)
        else:
            unreadable[f"memory:///{sample_id}/{key}"] = part
    return Sample(sample_id, tuple(parts), dict(value.get("attributes", {})), unreadable)


def as_part(modality: Modality, value: PartValue, uri: str) -> Part | Rejected:
    """One part from a path, bytes, an array or (for text) the text; Rejected where the content is not that modality."""
    if modality == Modality.TEXT and isinstance(value, str):
        return Part(modality, Media(value.encode(), "txt"), uri)
    name = ""
    if isinstance(value, str | Path):
        name, uri, value = Path(value).name, Path(value).absolute().as_uri(), _read(Path(value))
    content = value if isinstance(value, bytes) else _encoded(modality, np.asarray(value), uri)
    found = recognise(content, modality, name)
    if isinstance(found, Rejected):
        return found
    return Part(modality, Media(content, found.format), uri, {"name": name} if name else {})


def _modality(key: str, sample_id: str) -> Modality:
    try:
        return Modality(key)
    except ValueError:
        known = ", ".join(["id", "attributes", *Modality])
        raise InputError(f"sample {sample_id}", f"key {key!r}", f"one of {known}", "rename the key") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(str(path), str(error.strerror), "a readable file", "give the path of one") from error


def _encoded(modality: Modality, array: NDArray[Any], uri: str) -> bytes:
    shaped = {
        Modality.IMAGE: array.dtype == np.uint8 and array.ndim == 3 and array.shape[-1] == 3,  # noqa: PLR2004  # H, W, RGB
        Modality.AUDIO: array.dtype == np.float32 and array.ndim == 1,
        Modality.DEPTH: array.dtype == np.float32 and array.ndim == 2,  # noqa: PLR2004  # H, W
    }
    if not shaped.get(modality, False):
        expected = _ARRAYS.get(modality, "a path or bytes")
        raise InputError(uri, f"{array.dtype} {list(array.shape)}", expected, "convert the array")
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

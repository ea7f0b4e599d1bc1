"""What a Python program may hand in as a sample, and how it becomes one.

A mapping names its parts by modality; values are paths, bytes, or arrays that are decoded already, which
``adapters.arrays`` writes into a container. Inputs on disk (folders, archives, manifests) are
``mmpipe.adapters.inputs``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmpipe.adapters.arrays import encoded
from mmpipe.adapters.inputs import InputError
from mmpipe.records import Media, Modality, Part, Rejected, Sample
from mmpipe.stages.formats import recognise

type PartValue = str | Path | bytes | NDArray[Any]
type SampleLike = Sample | Mapping[str, Any]


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
    content = value if isinstance(value, bytes) else encoded(modality, np.asarray(value), uri)
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

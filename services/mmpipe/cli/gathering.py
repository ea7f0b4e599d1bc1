"""What a page shows of each hit: the parts of its sample, with their originals from wherever they are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mmpipe.adapters.errors import StoreError
from mmpipe.adapters.metadata.reading import StoredPart, StoredSample
from mmpipe.adapters.objects import Objects
from mmpipe.cli.page import Query, Shown, ShownPart
from mmpipe.records import Modality, Part
from mmpipe.runtimes import home
from mmpipe.runtimes.pipeline import Pipeline
from mmpipe.runtimes.samples import as_part
from mmpipe.runtimes.search import Hit

_MOST_BYTES = 64 * 1024 * 1024
"""A preview is not worth fetching more; the page says that the original is too large."""


def shown(searched: Pipeline, hits: Sequence[Hit]) -> list[Shown]:
    """The hits with everything that is known and kept of their samples."""
    ids = [hit.sample_id for hit in hits]
    with home.open_reader(searched.pipeline, searched.data) as reader:
        samples, parts = reader.samples(ids), reader.parts(ids)
    objects = home.open_objects(searched.pipeline, searched.data)
    return [_shown(hit, samples.get(hit.sample_id), parts[hit.sample_id], objects) for hit in hits]


def asked(text: str, files: Mapping[str, Path]) -> Query:
    """The query as the page shows it. Its files were embedded before, so they are what they were declared to be."""
    parts = [as_part(Modality(name), path, name) for name, path in files.items()]
    return Query(text, [_asked(part) for part in parts if isinstance(part, Part)])


def _shown(hit: Hit, sample: StoredSample | None, parts: Sequence[StoredPart], objects: Objects) -> Shown:
    pieces = [
        ShownPart(Modality(part.modality), part.format, _original(part, objects), part.uri, _facts(part))
        for part in parts
    ]
    return Shown(hit, pieces, sample.weights, sample.alignment_confidence) if sample else Shown(hit, pieces)


def _asked(part: Part) -> ShownPart:
    return ShownPart(part.modality, part.media.format, bytes(part.media.content), part.uri)


def _original(part: StoredPart, objects: Objects) -> bytes | None:
    """The bytes of a part: its kept copy, else the file it came from, if it is still there."""
    if part.bytes > _MOST_BYTES:
        return None
    try:
        return objects.get(part.sha256) if part.object_uri else _referenced(part.uri)
    except (StoreError, OSError):
        return None  # the page says that there is none


def _referenced(uri: str) -> bytes | None:
    return Path(unquote(urlsplit(uri).path)).read_bytes() if uri.startswith("file:") else None


def _facts(part: StoredPart) -> dict[str, str | int | float | bool | None]:
    return {name: value for name, value in part.facts.items() if not isinstance(value, list | dict)}

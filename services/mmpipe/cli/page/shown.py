"""What the page is given: the query, and each hit with the media of its sample.

The caller searches and fetches originals; nothing here opens a file or a store. ``previews`` turns parts into something
to look at, ``cards`` turns hits into sentences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mmpipe.records import Facts, Modality
from mmpipe.runtimes.search import Hit


@dataclass(frozen=True, slots=True)
class ShownPart:
    """One part of a sample, or one file of the query.

    ``content`` is the original, None where it was not kept or is too large to fetch; the page then says so. ``facts``
    are what the stages measured.
    """

    modality: Modality
    format: str
    content: bytes | None
    uri: str
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shown:
    """A hit and every part of its sample.

    ``weights`` are those of the fusion, by modality, and sum to 1; ``alignment_confidence`` in [0, 1] is how well the
    modalities agree. Both may be unknown.
    """

    hit: Hit
    parts: Sequence[ShownPart] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    alignment_confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """What was looked for: words, files, or both."""

    text: str = ""
    parts: Sequence[ShownPart] = ()

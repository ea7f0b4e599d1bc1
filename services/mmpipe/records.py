"""The records that travel along the data path, and the contract every stage keeps.

Everything above (stages, adapters, runtimes) speaks in these words, so this module imports nothing of mmpipe.
A record is frozen: a stage answers with new records and never changes the ones it was given.

The stage contract
------------------
``build(options) -> Stage`` runs once per process; weights load there. A :class:`Stage` then is a callable:

* a sequence of items in, one outcome per item out, same order, same length;
* no I/O, clock, global state or network: the bytes of an item are already at hand;
* an outcome is the item with its next payload, or :class:`Rejected`, which is permanent;
* a raised exception is a fault that may be transient: the runtime decides on a retry;
* the size of a batch never changes an answer (beyond floating-point tolerance).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from mmap import mmap
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

type Scalar = str | int | float | bool | None
type Facts = Mapping[str, Scalar]
type Attributes = Mapping[str, object]
type Pixels = NDArray[np.uint8]
type Floats = NDArray[np.float32]


class Modality(StrEnum):
    """What kind of thing a part of a sample is. The names are those of the CRD, the wire and the metrics."""

    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    DEPTH = "depth"


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a long part, in seconds from its start: ``start_s`` inclusive, ``end_s`` exclusive."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Reference:
    """Where bytes lie that did not come along: `object:<sha256>` in the pipeline's own object store, or another URI.

    ``sha256`` is empty where nobody has read the bytes yet, ``size_bytes`` is 0 likewise.
    """

    uri: str
    sha256: str = ""
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Media:
    """Undecoded bytes of one part (or one segment of it).

    ``content`` is ``bytes`` for small media and a read-only ``mmap`` for large local files, so that a long
    film never has to fit in memory. ``format`` is what the content was recognised as (``jpeg``, ``wav``, ``mp4`` ...;
    the catalogue is ``mmpipe.stages.formats``). ``segment`` is None when the whole is meant.

    Between services, ``content`` is empty where ``reference`` says where the bytes lie; whoever calls a stage fetches
    them first, so no stage ever sees a reference.
    """

    content: bytes | mmap
    format: str
    segment: Segment | None = None
    reference: Reference | None = None

    @property
    def size_bytes(self) -> int:
        """Bytes of the whole medium, whatever its segment; 0 where they lie elsewhere and nobody knows."""
        return self.reference.size_bytes if self.reference else len(self.content)


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A decoded film or a segment of one.

    ``frames`` is uint8 [frames, height, width, 3] RGB; ``timestamps_s`` float32 [frames], seconds from the start of the
    whole film; ``audio`` is the sound of the same stretch, float32 [samples] mono 16 kHz, or None without a track.
    """

    frames: Pixels
    timestamps_s: Floats
    audio: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """A vector in a shared space: float32 [dimension], L2-normalised, made by ``model`` (``name@digest``)."""

    vector: Floats
    model: str


@dataclass(frozen=True, slots=True)
class Item[P]:
    """One part (or segment) on its way through the stages.

    ``id`` names it within a run; ``quality`` in [0, 1] is what the stages measured so far (1: nothing to complain of);
    ``facts`` are what they observed, for people and for search: width, sharpness, encoding, ...
    """

    id: str
    payload: P
    quality: float = 1.0
    facts: Facts = field(default_factory=dict)

    def becomes[Q](self, payload: Q, quality: float | None = None, **facts: Scalar) -> Item[Q]:
        """The same item with its next payload; ``quality`` multiplies what was measured before, ``facts`` add to it."""
        return Item(
            self.id,
            payload,
            self.quality if quality is None else self.quality * quality,
            {**self.facts, **facts},
        )


@dataclass(frozen=True, slots=True)
class Rejected:
    """A permanent verdict on one item: kept in quarantine with all that a person needs to judge it.

    ``gate`` is the dotted name of the setting or check that fired (``image.clean.minContrast``, ``image.decode``);
    ``score`` was measured and ``threshold`` asked for, where the gate compares numbers; ``reason`` is a full sentence.
    """

    gate: str
    reason: str
    score: float | None = None
    threshold: float | None = None


type Outcome[P] = Item[P] | Rejected


class Stage[In, Out](Protocol):
    """See the stage contract at the head of this module."""

    def __call__(self, items: Sequence[Item[In]], /) -> Sequence[Outcome[Out]]:
        """One outcome per item, in the order of the items."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """One modality of a sample as it came in: where it is from, and its bytes."""

    modality: Modality
    media: Media
    uri: str
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """What belongs together: parts of different modalities that show the same thing, under one id.

    ``unreadable`` holds the parts that were there but could not become a :class:`Part` (an unknown format, say), by
    their URI; they go to quarantine like any other rejected part.
    """

    id: str
    parts: tuple[Part, ...]
    attributes: Attributes = field(default_factory=dict)
    unreadable: Mapping[str, Rejected] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """A fault that is no verdict on the item (a crash in a stage, a store that stayed away): a later run tries again.

    ``stage`` is the dotted place (``image.decode``, ``sink``); ``reason`` names the error and what to do.
    """

    stage: str
    reason: str


type Fate = Item[Any] | Rejected | Failed
"""What becomes of an item in a runtime: an outcome of a stage, or a fault."""


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """What became of one part, or of one segment of it: a vector, or why there is none.

    ``modality`` is None for a part that was not recognised as anything.
    """

    modality: Modality | None
    uri: str
    segment: Segment | None
    outcome: Item[Embedding] | Rejected | Failed


@dataclass(frozen=True, slots=True, eq=False)
class Fusion:
    """One vector for the whole sample, and how it came about.

    ``weights`` names every modality that took part and sums to 1; ``missing`` names those that the spec asks for and
    the sample could not give; ``alignment_confidence`` in [0, 1] says how well the modalities agree (1 for a single
    one, which has nothing to disagree with).
    """

    embedding: Embedding
    weights: Mapping[Modality, float]
    missing: tuple[Modality, ...]
    alignment_confidence: float
    quality: float


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """Everything the data path says about one sample. ``latency_ms`` is the time from first byte decoded to fused.

    ``degraded`` names modalities that the sample went on without, because their services were down and the pipeline
    allows it; nothing is said of their parts in ``embedded``.
    """

    sample: Sample
    embedded: tuple[Embedded, ...]
    fusion: Fusion | Rejected | None
    latency_ms: float
    degraded: tuple[Modality, ...] = ()

    @property
    def vector(self) -> Floats | None:
        """The fused vector, float32 [dimension], or None where there is none."""
        return self.fusion.embedding.vector if isinstance(self.fusion, Fusion) else None

    @property
    def vectors(self) -> dict[Modality, list[Floats]]:
        """The vectors of each modality, one for each segment in order of time."""
        found: dict[Modality, list[Floats]] = {}
        for part in self.embedded:
            if part.modality is not None and isinstance(part.outcome, Item):
                found.setdefault(part.modality, []).append(part.outcome.payload.vector)
        return found

    @property
    def alignment_confidence(self) -> float | None:
        """How well the modalities agree, in [0, 1]; None without a fused vector."""
        return self.fusion.alignment_confidence if isinstance(self.fusion, Fusion) else None

    @property
    def rejected(self) -> dict[str, Rejected]:
        """The verdict on each part that a gate rejected, by its URI."""
        return {part.uri: part.outcome for part in self.embedded if isinstance(part.outcome, Rejected)}

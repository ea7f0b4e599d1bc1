"""Counting what became of a run's samples: one tally for each, made beside the work, added up when it is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from mmpipe.records import Embedded, Failed, Item, Rejected, Result, Sample

type Key = tuple[str, str]
type Counts = Counter[Key]
"""Parts by (modality or ``unknown`` or ``sample``, outcome), where an outcome is one of :data:`OUTCOMES`."""

OUTCOMES = ("stored", "duplicates", "quarantined", "failed")


@dataclass(frozen=True, slots=True)
class Tally:
    """What one sample adds to the counts: ``written`` when it was, ``conflict`` when its id was taken.

    ``mismatches`` says by URI what a file is that its name does not say.
    """

    sample_id: str
    written: tuple[Key, ...]
    conflict: tuple[Key, ...]
    mismatches: dict[str, str]


def tally_of(result: Result) -> Tally:
    """One count for each part, whatever its number of segments: stored if any segment was, else its worst fate."""
    fates: dict[Key, str] = {}
    for embedded in result.embedded:
        key = (str(embedded.modality or "unknown"), embedded.uri)
        fates[key] = _better(fates.get(key, OUTCOMES[-1]), _outcome(embedded))
    parts = [(modality, outcome) for (modality, _), outcome in fates.items()]
    whole = min(fates.values(), default="quarantined", key=OUTCOMES.index)
    mismatches = {part.uri: str(part.facts["mismatch"]) for part in result.sample.parts if "mismatch" in part.facts}
    return Tally(result.sample.id, (*parts, ("sample", whole)), tuple(_all(result.sample, "failed")), mismatches)


def duplicates(samples: Iterable[Sample]) -> Counts:
    """The counts of samples that are stored already exactly so."""
    return Counter(key for sample in samples for key in _all(sample, "duplicates"))


def _all(sample: Sample, outcome: str) -> Iterable[Key]:
    yield "sample", outcome
    yield from ((str(part.modality), outcome) for part in sample.parts)


def _better(one: str, other: str) -> str:
    return min(one, other, key=OUTCOMES.index)


def _outcome(embedded: Embedded) -> str:
    match embedded.outcome:
        case Item():
            return "stored"
        case Rejected():
            return "quarantined"
        case Failed():
            return "failed"

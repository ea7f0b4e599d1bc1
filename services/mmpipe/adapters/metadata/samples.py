"""What is written about a sample, and what was known about it before: the words between the sink and the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from mmpipe.adapters.metadata.database import Values


class State(StrEnum):
    """Where a sample is; see the head of ``store``."""

    PENDING = "pending"
    STORED = "stored"
    QUARANTINED = "quarantined"
    FAILED = "failed"


SETTLED = (State.STORED, State.QUARANTINED)
"""States that no further attempt would change."""


@dataclass(frozen=True, slots=True)
class SampleRows:
    """Everything the tables will say about one sample. ``pipeline`` and ``sample_id`` are added on the way."""

    id: str
    state: State
    sample: Values
    parts: Sequence[Values] = ()
    segments: Sequence[Values] = ()
    outcomes: Sequence[Values] = ()
    quarantine: Sequence[Values] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What was known about a sample before: where it came from, what it said, and the rows it may have in Milvus."""

    source: str
    content: str
    row_ids: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Claimed:
    """What became of a claim on a group of samples.

    ``row_ids`` holds, for each sample that is ours to write now, the rows it may have in Milvus already. ``busy`` are
    those that another process is writing at this moment; ``superseded`` those of which something newer is there, and
    ``deleted`` those that were forgotten after they were accepted.
    """

    row_ids: Mapping[str, frozenset[str]]
    busy: frozenset[str] = frozenset()
    superseded: frozenset[str] = frozenset()
    deleted: frozenset[str] = frozenset()

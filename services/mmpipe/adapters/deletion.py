"""Forgetting a sample by its lineage: its vectors, its originals, and every row about it.

As in the sink, an order in which every step may be the last one before a crash, and every step may be repeated::

    1  metadata   the sample is claimed, so that no worker writes it; what the queue holds of it is superseded
    2  Milvus     delete the rows that are recorded
    3  objects    delete the originals that no other sample has, in any pipeline of this database
    4  metadata   forget every row

Until step 4 the metadata still know what was to be deleted, so a repeat finds it. What stays is a hash of the id with
the time (table ``deletions``): an envelope that is older is not stored when it comes.

An original that another process puts at the very moment of step 3 may be missed by the question who has it: it was put
before it was recorded. The gateway records what it accepts before it says so, which leaves the milliseconds between.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from mmpipe.adapters.metadata.lineage import Lineage
from mmpipe.adapters.stores import Stores


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Whether anything was known of the sample, how many vectors it had, and how many originals were deleted."""

    found: bool
    vectors: int = 0
    originals: int = 0


def forget(stores: Stores, sample_id: str) -> Forgotten:
    """Forget a sample, wherever it is: queued, stored, quarantined or dead. May be repeated.

    Raises SampleBusy while a worker is writing it, and StoreError.
    """
    lineage = Lineage(stores.metadata.database)
    found = lineage.claim(sample_id)
    if found is None:
        return Forgotten(found=False)
    stores.vectors.delete(sorted(found.row_ids))
    dropped = drop_originals(stores, sample_id, found.sha256s)
    lineage.forget(sample_id)
    return Forgotten(found=True, vectors=len(found.row_ids), originals=dropped)


def drop_originals(stores: Stores, sample_id: str, sha256s: Collection[str]) -> int:
    """Delete those originals of a sample that no other sample has; how many they were."""
    alone = Lineage(stores.metadata.database).only_of(sample_id, sha256s)
    for sha256 in sorted(alone):
        stores.objects.delete(sha256)
    return len(alone)

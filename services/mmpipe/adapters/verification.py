"""Whether the vectors are what the metadata say: by counting, and by looking for each where the counts differ.

What a store acknowledged it may still lose with the power (see ``vectors.lite``). Samples whose rows are gone become
PENDING again, so that the next run writes them anew. Neighbour: ``sink`` verifies after a run that did not end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mmpipe.adapters.metadata import State
from mmpipe.adapters.stores import Stores


@dataclass(frozen=True, slots=True)
class Verified:
    """Rows that the metadata expect in Milvus and rows that were counted; ``lost`` samples will be written again."""

    expected: int
    counted: int
    lost: frozenset[str] = frozenset()

    @property
    def ok(self) -> bool:
        """Whether the stores agree."""
        return self.expected == self.counted and not self.lost


def verify(stores: Stores) -> Verified:
    """Count the vectors against the metadata; where they differ, find the samples that lost some and doubt them."""
    settled = sum(rows for state, rows in stores.metadata.rows_by_state().items() if state is not State.PENDING)
    half_done = sum(len(stores.vectors.present(_rows(batch))) for batch in stores.metadata.row_ids(pending=True))
    expected, counted = settled + half_done, stores.vectors.count()
    lost = frozenset(_lost(stores)) if counted != expected else frozenset()
    stores.metadata.doubt(lost)
    return Verified(expected, counted, lost)


def recover(stores: Stores) -> None:
    """After a run that did not end: find out what the stores lost with the power, and close the run's books."""
    unfinished = stores.metadata.unfinished_runs()
    if unfinished and stores.metadata.rows_by_state():
        verify(stores)
    if stores.vectors.embedded:  # nobody else can be running
        for run_id in unfinished:
            stores.metadata.end_run(run_id, {}, finished=False)


def _lost(stores: Stores) -> Iterable[str]:
    for batch in stores.metadata.row_ids(pending=False):
        present = stores.vectors.present(_rows(batch))
        yield from (sample_id for sample_id, row in batch if row not in present)


def _rows(batch: Iterable[tuple[str, str]]) -> list[str]:
    return [row for _, row in batch]

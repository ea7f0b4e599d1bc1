"""Claims: one process at a time writes a sample, and never an older result over a newer one.

Several workers may have results for one sample at once: its envelope was delivered twice because a lease ran out, or
it was sent again with other content while the first was on its way. A claim is a row of ``samples`` in state PENDING
with the run that writes it and since when (``run_id``, ``claimed_at``). Taking it is one statement, so of two processes
one gets it::

    INSERT the sample as PENDING, mine, now
    ON CONFLICT overwrite it
       WHERE nobody holds it, or I do, or its holder is silent for CLAIM_S      else: busy, try again a little later
         AND it was not accepted later than what I have                         else: superseded, there is nothing to do

``settle`` gives it back. A process that dies with a claim blocks its samples for CLAIM_S and no longer. One that lives
but stalls for longer than that may find its claim taken; ``settle`` then leaves its samples to whoever has them. The
vectors it wrote meanwhile stand under the same row ids: they are the same where the same envelope was delivered twice.
Clocks of the processes are expected to agree within seconds; ``accepted_at`` is the gateway's.

Neighbours: ``store`` writes and settles, ``deletion`` claims what it forgets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, or_, select

from mmpipe.adapters.metadata.database import Database, Values, overwritten
from mmpipe.adapters.metadata.samples import SampleRows, State
from mmpipe.adapters.metadata.tables import checkpoints, dead_letters, deletions, originals, samples

CLAIM_S = 60.0
"""After so many seconds a claim counts for nothing. A group is written in one; the sink gives up before this."""


def take(database: Database, connection: Connection, rows: Sequence[Values]) -> set[str]:
    """Claim the samples of these rows (of table ``samples``) and overwrite them; the ids of those that were to be had.

    Where ``accepted_at`` is absent, on either side, nothing is superseded.
    """
    if not rows:
        return set()
    since = database.clock()
    claims = [row | {"pipeline": database.pipeline, "state": State.PENDING, "claimed_at": since} for row in rows]
    statement = database.insert(samples)
    new = statement.excluded
    free = or_(
        samples.c.claimed_at.is_(None),
        samples.c.claimed_at <= since - timedelta(seconds=CLAIM_S),
        samples.c.run_id == new.run_id,
    )
    in_order = or_(samples.c.accepted_at.is_(None), new.accepted_at.is_(None), samples.c.accepted_at <= new.accepted_at)
    claim = statement.on_conflict_do_update(
        index_elements=list(samples.primary_key.columns),
        set_=overwritten(statement, samples),
        where=free & in_order,
    ).returning(samples.c.id)
    return set(connection.scalars(claim, sorted(claims, key=lambda row: str(row["id"]))))


def later(database: Database, connection: Connection, group: Iterable[SampleRows]) -> frozenset[str]:
    """Those of a group that could not be claimed because what is there was accepted later."""
    mine = {each.id: each.sample["accepted_at"] for each in group}
    there = database.about_in(connection, mine, samples.c.id, samples.c.accepted_at)
    return frozenset(id_ for id_, accepted_at in there if _is_later(accepted_at, mine[id_]))


def deleted(database: Database, connection: Connection, accepted: Mapping[str, datetime | None]) -> frozenset[str]:
    """Those of these samples (id: when accepted) that were forgotten since."""
    hashes = {sample_hash(id_): id_ for id_ in accepted}
    mine = deletions.c.pipeline == database.pipeline
    statement = select(deletions.c.sample_hash, deletions.c.deleted_at).where(mine, deletions.c.sample_hash.in_(hashes))
    found = ((hashes[row.sample_hash], row.deleted_at) for row in connection.execute(statement))
    return frozenset(id_ for id_, deleted_at in found if _is_later(deleted_at, accepted[id_]))


def sample_hash(sample_id: str) -> str:
    """What is remembered of the id of a sample that was forgotten."""
    return hashlib.sha256(sample_id.encode("utf-8", "backslashreplace")).hexdigest()


def clear_way(database: Database, connection: Connection, accepted: Mapping[str, datetime]) -> None:
    """Forget what was kept to get these samples (id: when accepted) done: checkpoints, and letters not newer."""
    for some in database.groups(checkpoints, accepted):
        connection.execute(delete(checkpoints).where(some))
    letters = database.about_in(connection, accepted, dead_letters.c.sample_id, dead_letters.c.accepted_at)
    past = [id_ for id_, accepted_at in letters if accepted_at <= accepted[id_]]
    for some in database.groups(dead_letters, past):
        connection.execute(delete(dead_letters).where(some))


def remember_originals(database: Database, connection: Connection, of: Iterable[tuple[str, str]]) -> None:
    """These originals, as (sample id, SHA-256), came with these samples, whatever the parts of the samples say."""
    rows = [{"pipeline": database.pipeline, "sample_id": id_, "sha256": sha256} for id_, sha256 in sorted(set(of))]
    database.add(connection, originals, rows)


def _is_later(there: datetime | None, mine: datetime | None) -> bool:
    return there is not None and mine is not None and there > mine

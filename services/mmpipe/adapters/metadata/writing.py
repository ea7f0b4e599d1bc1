"""The transactions that write samples: intended or claimed, then settled; each function is one, for ``store`` to run.

Order within a transaction matters where others write the same samples: the claim is taken first, and only what it let
through is read and written after it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import batched

from sqlalchemy import Connection, delete, select, update

from mmpipe.adapters.metadata import claims
from mmpipe.adapters.metadata.database import IDS_AT_ONCE, Database
from mmpipe.adapters.metadata.samples import SETTLED, Claimed, SampleRows, State
from mmpipe.adapters.metadata.tables import outcomes, parts, quarantine, samples, segments

_CHILDREN = (parts, segments, outcomes, quarantine)


def intend(database: Database, connection: Connection, group: Sequence[SampleRows], known: Sequence[str]) -> None:
    """See ``Metadata.intend``."""
    owner = {"pipeline": database.pipeline, "state": State.PENDING}
    database.upsert(connection, samples, [owner | {"id": each.id} | each.sample for each in group])
    _write_children(database, connection, group, known)


def claim(database: Database, connection: Connection, group: Sequence[SampleRows]) -> Claimed:
    """See ``Metadata.claim``."""
    accepted = {each.id: each.sample["accepted_at"] for each in group}
    gone = claims.deleted(database, connection, accepted)
    claims.clear_way(database, connection, {id_: accepted[id_] for id_ in gone})
    rest = [each for each in group if each.id not in gone]
    taken = claims.take(database, connection, [{"id": each.id} | each.sample for each in rest])
    ours = [each for each in rest if each.id in taken]
    refused = [each for each in rest if each.id not in taken]
    newer = claims.later(database, connection, refused)
    rows = row_ids_of(database, connection, taken)
    _write_children(database, connection, ours, sorted(taken))
    in_vain = [each for each in refused if each.id in newer]
    claims.remember_originals(database, connection, _originals_of(in_vain))
    return Claimed(rows, frozenset(each.id for each in refused) - newer, newer, gone)


def settle(
    database: Database, connection: Connection, group: Sequence[SampleRows], stale: Sequence[tuple[str, str]]
) -> set[str]:
    """See ``Metadata.settle``."""
    ours = _set_states(database, connection, group)
    for pairs in batched((pair for pair in stale if pair[0] in ours), IDS_AT_ONCE):
        of_samples = segments.c.sample_id.in_({sample_id for sample_id, _ in pairs})
        rows = segments.c.row_id.in_([row_id for _, row_id in pairs])
        connection.execute(delete(segments).where(segments.c.pipeline == database.pipeline, of_samples, rows))
    queued = {each.id: each.sample.get("accepted_at") for each in group if each.id in ours and each.state in SETTLED}
    claims.clear_way(database, connection, {id_: at for id_, at in queued.items() if at is not None})
    return ours


def confirm(
    database: Database, connection: Connection, sample_id: str, fingerprint: str, accepted_at: datetime
) -> bool:
    """See ``Metadata.confirm``."""
    still = (samples.c.pipeline == database.pipeline) & (samples.c.id == sample_id)
    still &= samples.c.state.in_(SETTLED) & (samples.c.fingerprint == fingerprint)
    found = connection.execute(select(samples.c.accepted_at).where(still).with_for_update()).one_or_none()
    if found is None:
        return False
    newest = max(found.accepted_at or accepted_at, accepted_at)
    connection.execute(update(samples).where(still).values(accepted_at=newest))
    claims.clear_way(database, connection, {sample_id: newest})
    return True


def row_ids_of(database: Database, connection: Connection, ids: Iterable[str]) -> dict[str, frozenset[str]]:
    """The rows in Milvus that are recorded for each of these samples."""
    rows: dict[str, set[str]] = {id_: set() for id_ in ids}
    for id_, row_id in database.about_in(connection, rows, segments.c.sample_id, segments.c.row_id):
        rows[id_].add(row_id)
    return {id_: frozenset(found) for id_, found in rows.items()}


def _write_children(
    database: Database, connection: Connection, group: Sequence[SampleRows], known: Sequence[str]
) -> None:
    """``known`` are the ids of samples that may have rows already."""
    claims.remember_originals(database, connection, _replaced_originals(database, connection, group, known))
    for table in (parts, outcomes, quarantine):
        for some in database.groups(table, known):
            connection.execute(delete(table).where(some))
    for table in _CHILDREN:
        owners = ((each, {"pipeline": database.pipeline, "sample_id": each.id}) for each in group)
        rows = [owner | row for each, owner in owners for row in getattr(each, table.name)]
        database.upsert(connection, table, rows)


def _replaced_originals(
    database: Database, connection: Connection, group: Sequence[SampleRows], known: Sequence[str]
) -> set[tuple[str, str]]:
    """What the parts of known samples were and will not be."""
    before = database.about_in(connection, known, parts.c.sample_id, parts.c.sha256)
    return {(id_, sha256) for id_, sha256 in before} - set(_originals_of(group))


def _originals_of(group: Iterable[SampleRows]) -> Iterator[tuple[str, str]]:
    return ((each.id, part["sha256"]) for each in group for part in each.parts)


def _set_states(database: Database, connection: Connection, group: Sequence[SampleRows]) -> set[str]:
    """The ids of those samples that the run of the group still holds."""
    alike: defaultdict[tuple[State, str], list[str]] = defaultdict(list)
    for each in group:
        alike[each.state, each.sample["run_id"]].append(each.id)
    ours: set[str] = set()
    for (state, run_id), ids in alike.items():
        for some in database.groups(samples, ids):
            mine = update(samples).where(some, samples.c.run_id == run_id)
            settled = mine.values(state=state, claimed_at=None).returning(samples.c.id)
            ours.update(connection.scalars(settled))
    return ours

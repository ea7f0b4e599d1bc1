"""The tables, as SQLAlchemy Core sees them: the one description that queries, new databases and tests use.

::

    runs        one row for each time a pipeline was run over an input
    samples     one row for each sample: its state, its fingerprint, how it was fused
     ├── parts       what it is made of, one row for each modality that came in
     ├── segments    one row for each vector; ``row_id`` is the key of the vector in Milvus
     ├── outcomes    what became of every part and segment: embedded, rejected or failed
     └── quarantine  what a gate rejected, with all that a person needs to judge it

The services know samples before they are stored, and after they were given up. Their tables stand alone::

    acceptances   what the gateway took in, one row for each sample
    checkpoints   segments of long parts that a worker is done with
    dead_letters  samples that were given up, each as it was in the queue
    originals     bytes in the object store that a sample brings or brought along, beside those in parts
    deletions     samples that were forgotten, by a hash of their id: what is still in the queue of them is not stored

A database may hold several pipelines, so every key starts with the pipeline. Times are UTC. Facts and attributes are
JSON. ``migrations`` brings older databases here; a test holds the two together.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
)

if TYPE_CHECKING:
    from sqlalchemy import Dialect

HEAD = "0002"
"""The migration that makes these tables; opening compares it with the database and is done when they agree."""


class Utc(TypeDecorator[datetime]):
    """A moment with its time zone, which SQLite would lose."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """In UTC."""
        del dialect
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """SQLite answers without a zone: it was UTC."""
        del dialect
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _about_a_sample(name: str, *columns: Column[object] | Index) -> Table:
    """A table of what the services know about a sample that need not be stored."""
    return Table(
        name,
        metadata,
        Column("pipeline", String(200), primary_key=True),
        Column("sample_id", String, primary_key=True),
        *columns,
        sqlite_with_rowid=False,
    )


def _of_a_sample(name: str, *columns: Column[object] | Index) -> Table:
    """A table whose rows belong to a stored sample: keyed by it, and gone with it.

    WITHOUT ROWID keeps a SQLite row in its primary key: one tree to write instead of two, and neighbours together.
    """
    return Table(
        name,
        metadata,
        Column("pipeline", String(200), primary_key=True),
        Column("sample_id", String, primary_key=True),
        *columns,
        ForeignKeyConstraint(["pipeline", "sample_id"], ["samples.pipeline", "samples.id"], ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )


runs = Table(
    "runs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("pipeline", String(200), nullable=False),
    Column("recipe", String(64), nullable=False),
    Column("source", String, nullable=False),
    Column("state", String(16), nullable=False),  # running, finished, interrupted
    Column("started_at", Utc, nullable=False),
    Column("ended_at", Utc),
    Column("counts", JSON, nullable=False),  # samples by state, vectors, conflicts
)

samples = Table(
    "samples",
    metadata,
    Column("pipeline", String(200), primary_key=True),
    Column("id", String, primary_key=True),
    Column("state", String(16), nullable=False),  # see store.State
    Column("source", String, nullable=False),
    Column("content", String(64), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("weights", JSON, nullable=False),
    Column("missing", JSON, nullable=False),
    Column("alignment_confidence", Float),
    Column("quality", Float),
    Column("latency_ms", Float, nullable=False),
    Column("run_id", String(32), nullable=False),
    Column("written_at", Utc, nullable=False),
    Column("accepted_at", Utc),  # by the gateway; absent where it came another way
    Column("degraded", JSON, nullable=False, server_default="[]"),  # modalities left out because a service was down
    Column("claimed_at", Utc),  # while run_id writes it; see claims
    sqlite_with_rowid=False,
)

parts = _of_a_sample(
    "parts",
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("modality", String(16), nullable=False),
    Column("format", String(32), nullable=False),
    Column("uri", String, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("object_uri", String, nullable=False),  # empty where originals are referenced only
    Column("facts", JSON, nullable=False),
    Column("start_s", Float),  # the stretch that was meant, where it was not the whole
    Column("end_s", Float),
    Index(None, "sha256"),
)

segments = _of_a_sample(
    "segments",
    Column("row_id", String(32), primary_key=True),
    Column("modality", String(16), nullable=False),
    Column("uri", String, nullable=False),
    Column("start_s", Float),
    Column("end_s", Float),
    Column("model", String, nullable=False),
    Column("quality", Float, nullable=False),
    Column("facts", JSON, nullable=False),
)

outcomes = _of_a_sample(
    "outcomes",
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("modality", String(16)),
    Column("uri", String, nullable=False),
    Column("start_s", Float),
    Column("end_s", Float),
    Column("outcome", String(16), nullable=False),  # embedded, rejected, failed
    Column("stage", String),  # the gate that rejected or the stage that failed
    Column("reason", String),
)

quarantine = _of_a_sample(
    "quarantine",
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("modality", String(16)),
    Column("item_uri", String, nullable=False),
    Column("object_uri", String, nullable=False),  # empty where the original is not kept
    Column("start_s", Float),
    Column("end_s", Float),
    Column("gate", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("score", Float),
    Column("threshold", Float),
    Column("facts", JSON, nullable=False),
    Column("rejected_at", Utc, nullable=False),
    Index(None, "pipeline", "rejected_at", "sample_id", "position"),
)

acceptances = _about_a_sample(
    "acceptances",
    Column("accepted_at", Utc, nullable=False),
    Column("tenant", String, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("lane", String(64), nullable=False),
)

checkpoints = _about_a_sample(
    "checkpoints",
    Column("fingerprint", String(64), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("modality", String(16), primary_key=True),
    Column("start_s", Float, primary_key=True),  # -1 for a whole part
    Column("end_s", Float, primary_key=True),
    Column("outcome", LargeBinary, nullable=False),
)

dead_letters = _about_a_sample(
    "dead_letters",
    Column("envelope", LargeBinary, nullable=False),
    Column("lane", String(64), nullable=False),
    Column("modalities", JSON, nullable=False),
    Column("stage", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("redrives", Integer, nullable=False),
    Column("trace_id", String(32), nullable=False),
    Column("accepted_at", Utc, nullable=False),
    Column("first_seen", Utc, nullable=False),
    Column("last_seen", Utc, nullable=False),
    Column("redriven_at", Utc),  # since then it is in the queue again
    Index(None, "pipeline", "last_seen", "sample_id"),
)

originals = _about_a_sample(
    "originals",
    Column("sha256", String(64), primary_key=True),
    Index(None, "sha256"),
)

deletions = Table(
    "deletions",
    metadata,
    Column("pipeline", String(200), primary_key=True),
    Column("sample_hash", String(64), primary_key=True),
    Column("deleted_at", Utc, nullable=False),
    sqlite_with_rowid=False,
)

"""The first tables: runs, samples, parts, segments, outcomes, quarantine."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_UTC = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    _make_runs()
    _make_samples()
    _make_parts()
    _make_segments()
    _make_outcomes()
    _make_quarantine()


def downgrade() -> None:
    """Drop the tables."""
    for table in ("quarantine", "outcomes", "segments", "parts", "samples", "runs"):
        op.drop_table(table)


def _make_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("pipeline", sa.String(200), nullable=False),
        sa.Column("recipe", sa.String(64), nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("started_at", _UTC, nullable=False),
        sa.Column("ended_at", _UTC),
        sa.Column("counts", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )


def _make_samples() -> None:
    op.create_table(
        "samples",
        sa.Column("pipeline", sa.String(200), nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("attributes", sa.JSON, nullable=False),
        sa.Column("weights", sa.JSON, nullable=False),
        sa.Column("missing", sa.JSON, nullable=False),
        sa.Column("alignment_confidence", sa.Float),
        sa.Column("quality", sa.Float),
        sa.Column("latency_ms", sa.Float, nullable=False),
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("written_at", _UTC, nullable=False),
        sa.PrimaryKeyConstraint("pipeline", "id", name="pk_samples"),
        sqlite_with_rowid=False,
    )


def _make_parts() -> None:
    _make_table_of_samples(
        "parts",
        "position",
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("modality", sa.String(16), nullable=False),
        sa.Column("format", sa.String(32), nullable=False),
        sa.Column("uri", sa.String, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("object_uri", sa.String, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
    )


def _make_segments() -> None:
    _make_table_of_samples(
        "segments",
        "row_id",
        sa.Column("row_id", sa.String(32), nullable=False),
        sa.Column("modality", sa.String(16), nullable=False),
        sa.Column("uri", sa.String, nullable=False),
        *_stretch(),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("quality", sa.Float, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
    )


def _make_outcomes() -> None:
    _make_table_of_samples(
        "outcomes",
        "position",
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("modality", sa.String(16)),
        sa.Column("uri", sa.String, nullable=False),
        *_stretch(),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("stage", sa.String),
        sa.Column("reason", sa.String),
    )


def _make_quarantine() -> None:
    _make_table_of_samples(
        "quarantine",
        "position",
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("modality", sa.String(16)),
        sa.Column("item_uri", sa.String, nullable=False),
        sa.Column("object_uri", sa.String, nullable=False),
        *_stretch(),
        sa.Column("gate", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("score", sa.Float),
        sa.Column("threshold", sa.Float),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("rejected_at", _UTC, nullable=False),
    )


def _make_table_of_samples(name: str, last_of_key: str, *columns: sa.Column[object]) -> None:
    op.create_table(
        name,
        sa.Column("pipeline", sa.String(200), nullable=False),
        sa.Column("sample_id", sa.String, nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("pipeline", "sample_id", last_of_key, name=f"pk_{name}"),
        sa.ForeignKeyConstraint(
            ["pipeline", "sample_id"],
            ["samples.pipeline", "samples.id"],
            name=f"fk_{name}_samples",
            ondelete="CASCADE",
        ),
        sqlite_with_rowid=False,
    )


def _stretch() -> tuple[sa.Column[object], sa.Column[object]]:
    return sa.Column("start_s", sa.Float), sa.Column("end_s", sa.Float)

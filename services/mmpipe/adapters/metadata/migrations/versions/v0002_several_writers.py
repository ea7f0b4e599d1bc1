"""What the services need: claims and times of acceptance, dead letters, checkpoints, deletions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_UTC = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add columns, indexes and tables; no row is rewritten."""
    op.add_column("samples", sa.Column("accepted_at", _UTC))
    op.add_column("samples", sa.Column("degraded", sa.JSON, nullable=False, server_default="[]"))
    op.add_column("samples", sa.Column("claimed_at", _UTC))
    op.add_column("parts", sa.Column("start_s", sa.Float))
    op.add_column("parts", sa.Column("end_s", sa.Float))
    op.create_index("ix_parts_sha256", "parts", ["sha256"])
    _index("quarantine", "pipeline", "rejected_at", "sample_id", "position")
    _make_acceptances()
    _make_checkpoints()
    _make_dead_letters()
    _make_originals()
    _make_deletions()


def downgrade() -> None:
    """Take them away again."""
    for table in ("deletions", "originals", "dead_letters", "checkpoints", "acceptances"):
        op.drop_table(table)
    op.drop_index("ix_quarantine_pipeline_rejected_at_sample_id_position", "quarantine")
    op.drop_index("ix_parts_sha256", "parts")
    for table, column in (
        ("parts", "end_s"),
        ("parts", "start_s"),
        ("samples", "claimed_at"),
        ("samples", "degraded"),
        ("samples", "accepted_at"),
    ):
        op.drop_column(table, column)


def _make_acceptances() -> None:
    _make_table_about_samples(
        "acceptances",
        (),
        sa.Column("accepted_at", _UTC, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("lane", sa.String(64), nullable=False),
    )


def _make_checkpoints() -> None:
    _make_table_about_samples(
        "checkpoints",
        ("fingerprint", "position", "modality", "start_s", "end_s"),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("modality", sa.String(16), nullable=False),
        sa.Column("start_s", sa.Float, nullable=False),
        sa.Column("end_s", sa.Float, nullable=False),
        sa.Column("outcome", sa.LargeBinary, nullable=False),
    )


def _make_dead_letters() -> None:
    _make_table_about_samples(
        "dead_letters",
        (),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
        sa.Column("lane", sa.String(64), nullable=False),
        sa.Column("modalities", sa.JSON, nullable=False),
        sa.Column("stage", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("redrives", sa.Integer, nullable=False),
        sa.Column("trace_id", sa.String(32), nullable=False),
        sa.Column("accepted_at", _UTC, nullable=False),
        sa.Column("first_seen", _UTC, nullable=False),
        sa.Column("last_seen", _UTC, nullable=False),
        sa.Column("redriven_at", _UTC),
    )
    _index("dead_letters", "pipeline", "last_seen", "sample_id")


def _make_originals() -> None:
    _make_table_about_samples("originals", ("sha256",), sa.Column("sha256", sa.String(64), nullable=False))
    _index("originals", "sha256")


def _make_deletions() -> None:
    op.create_table(
        "deletions",
        sa.Column("pipeline", sa.String(200), nullable=False),
        sa.Column("sample_hash", sa.String(64), nullable=False),
        sa.Column("deleted_at", _UTC, nullable=False),
        sa.PrimaryKeyConstraint("pipeline", "sample_hash", name="pk_deletions"),
        sqlite_with_rowid=False,
    )


def _make_table_about_samples(name: str, rest_of_key: tuple[str, ...], *columns: sa.Column[object]) -> None:
    op.create_table(
        name,
        sa.Column("pipeline", sa.String(200), nullable=False),
        sa.Column("sample_id", sa.String, nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("pipeline", "sample_id", *rest_of_key, name=f"pk_{name}"),
        sqlite_with_rowid=False,
    )


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)

"""Alembic's entry: runs the steps on the connection that ``mmpipe.adapters.metadata.schema`` hands over."""

from __future__ import annotations

from alembic import context

from mmpipe.adapters.metadata.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite can't alter a column: Alembic copies the table
)
with context.begin_transaction():
    context.run_migrations()

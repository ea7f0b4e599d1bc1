"""Steps from older tables to ``mmpipe.adapters.metadata.tables``, run by Alembic when a database is opened."""

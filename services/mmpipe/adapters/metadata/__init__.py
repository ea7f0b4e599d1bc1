"""The metadata store: what is known about samples, in SQLite or PostgreSQL by the same code."""

from mmpipe.adapters.metadata.store import Known, Metadata, SampleRows, State

__all__ = ["Known", "Metadata", "SampleRows", "State"]

"""The metadata store: what is known about samples, in SQLite or PostgreSQL by the same code.

``tables`` says what there is; ``engine``, ``database`` and ``schema`` carry it. Each noun has a module: ``store``
(samples and runs, with ``samples``, ``writing`` and ``claims``), ``acceptances``, ``checkpoints``, ``dead_letters``;
``reading``, ``status`` and ``pages`` answer people. Only what is named here, and those nouns, are for others.
"""

from mmpipe.adapters.metadata.samples import Claimed, Known, SampleRows, State
from mmpipe.adapters.metadata.store import Metadata

__all__ = ["Claimed", "Known", "Metadata", "SampleRows", "State"]

"""The vector store: one Milvus collection for each generation of a pipeline, embedded or on a server.

``rows`` says what is written and found, ``collection`` what a collection looks like, ``lite`` runs Milvus inside this
process, ``store`` asks and writes, ``keeping`` looks after collections from outside the pipeline. Only what is named
here is for others.
"""

from mmpipe.adapters.vectors.collection import Collection
from mmpipe.adapters.vectors.keeping import CollectionKeeper
from mmpipe.adapters.vectors.rows import VectorHit, VectorRow, VectorStore, unfit_row, unfit_sample
from mmpipe.adapters.vectors.store import Place, Vectors

__all__ = [
    "Collection",
    "CollectionKeeper",
    "Place",
    "VectorHit",
    "VectorRow",
    "VectorStore",
    "Vectors",
    "unfit_row",
    "unfit_sample",
]

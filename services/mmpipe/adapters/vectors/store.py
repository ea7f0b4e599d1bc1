"""Vectors in Milvus, through pymilvus: the same class over Milvus Lite and over a server.

Milvus Lite is a folder, or the socket of another process that serves it (see ``lite``); a server is a URI.

Importing pymilvus takes 0.7 s, half of it pandas, which it imports at its top and never uses for us; Milvus Lite takes
0.4 s more. A server is asked at once, so that a wrong URI shows early. An embedded store is opened at the first
question: by then the first samples are embedded.

Exactly-once is the sink's matter. This class gives it what it builds on: writes that may be repeated (upserts and
deletes by id), no id twice in one call (Milvus 2.3 then stored both), and counts that see every acknowledged write
(consistency level Strong; a server answers such a question up to 0.4 s later).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import batched
from pathlib import Path
from typing import Any, Self

from mmpipe.adapters.errors import public_uri
from mmpipe.adapters.folder_lock import FolderLock
from mmpipe.adapters.patience import patiently
from mmpipe.adapters.vectors.collection import METRIC, OUTPUT_FIELDS, Collection, make_ready
from mmpipe.adapters.vectors.faults import faults_named
from mmpipe.adapters.vectors.lite import Lite
from mmpipe.adapters.vectors.rows import VectorHit, VectorRow, calls, hit
from mmpipe.records import Floats
from mmpipe.resilience import deadline

_SOCKET = "unix:"
_IDS_PER_CALL = 1_000
_CONNECT_TIMEOUT_S = 5.0
_CALL_TIMEOUT_S = 30.0
"""How long one call may take, or less where a deadline is nearer; pymilvus would wait forever."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where Milvus is: ``http://host:19530``, or the folder of an embedded one, or ``unix:/path`` where one is served.

    ``token`` may be user:password.
    """

    uri: str
    token: str = field(default="", repr=False)
    database: str = ""

    @property
    def embedded(self) -> bool:
        """Whether it is a folder."""
        return "://" not in self.uri and not self.uri.startswith(_SOCKET)

    @property
    def lite(self) -> bool:
        """Whether it is Milvus Lite, in this process or another: always consistent, and slow to build an HNSW index."""
        return self.embedded or self.uri.startswith(_SOCKET)


class Vectors:
    """One collection. Safe for threads. Raises StoreError, and DeadlinePassed; what did not answer is asked again."""

    def __init__(self, place: Place, collection: Collection) -> None:
        """Lock the folder of an embedded store (raises StoreBusy), or connect to the server (raises StoreError)."""
        self.collection = collection
        self._place = place
        self._name = public_uri(place.uri)
        # Milvus Lite is always consistent, and logs a traceback when asked for it.
        self._fresh: dict[str, Any] = {} if place.lite else {"consistency_level": "Strong"}
        self._client: Any = None
        self._lite: Lite | None = None
        self._opening = threading.RLock()
        self._turn: AbstractContextManager[object] = threading.RLock() if place.embedded else nullcontext()
        self._lock = FolderLock(Path(place.uri + ".lock").absolute()) if place.embedded else None
        if not place.embedded:
            self.open()

    @property
    def embedded(self) -> bool:
        """Whether it runs in this process."""
        return self._place.embedded

    def open(self) -> None:
        """Connect, make the collection if it is not there, or check it. Raises StoreMismatch where it does not fit."""
        with self._opening:
            if self._client is None:
                patiently(self._connect)

    def close(self) -> None:
        """Put an embedded store on disk, let go of it or of the connection. Does nothing the second time."""
        with self._opening, self._turn:
            if self._client is not None:
                self._client.close()
                self._client = None
            if self._lite is not None:
                self._lite.stop()
                self._lite = None
            if self._lock is not None:
                self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def upsert(self, rows: Sequence[VectorRow]) -> None:
        """Write rows, over those with the same id; of two in one batch the last wins.

        Calls hold at most 1,000 rows, each call all or nothing. What is acknowledged survives the end of this process.
        """
        for entities in calls(rows):
            self._ask(partial(self._upsert, entities))

    def delete(self, ids: Sequence[str]) -> None:
        """Forget rows; those that are not there do not matter."""
        for some in batched(ids, _IDS_PER_CALL):
            self._ask(partial(self._delete, list(some)))

    def present(self, ids: Sequence[str]) -> set[str]:
        """Which of these rows are there."""
        groups = (self._ask(partial(self._present, list(some))) for some in batched(ids, _IDS_PER_CALL))
        return {row["id"] for rows in groups for row in rows}

    def count(self) -> int:
        """How many rows there are, every acknowledged write included."""
        return int(self._ask(self._count)[0]["count(*)"])

    def search(self, vector: Floats, top: int, where: str = "", modalities: Sequence[str] = ()) -> list[VectorHit]:
        """The ``top`` rows nearest to ``vector`` (float32 [dimension]), best first.

        ``where`` is a Milvus filter expression over the fields of DESIGN 6, such as ``attributes["year"] > 2020``;
        ``modalities`` keeps rows of these (``fused`` is one). Raises FilterRefused where it is no expression.
        """
        wanted: dict[str, Any] = {
            "data": [vector],
            "limit": top,
            "filter": _filter(where, modalities),
            "search_params": {"metric_type": METRIC, "params": {"ef": max(self.collection.ef_search, top)}},
            "output_fields": list(OUTPUT_FIELDS),
        }
        wanted |= self._fresh
        found = self._ask(lambda client: client.search(self.collection.name, **wanted, **_timely()), where)
        return [hit(row) for row in found[0]]

    def _upsert(self, entities: list[dict[str, Any]], client: Any) -> None:  # noqa: ANN401  # pymilvus ships no types
        client.upsert(self.collection.name, entities, **_timely())

    def _delete(self, ids: list[str], client: Any) -> None:  # noqa: ANN401  # as above
        client.delete(self.collection.name, ids=ids, **_timely())

    def _present(self, ids: list[str], client: Any) -> Any:  # noqa: ANN401  # as above
        return client.get(self.collection.name, ids=ids, output_fields=["id"], **self._fresh, **_timely())

    def _count(self, client: Any) -> Any:  # noqa: ANN401  # as above
        return client.query(self.collection.name, filter="", output_fields=["count(*)"], **self._fresh, **_timely())

    def _ask(self, question: Callable[[Any], Any], where: str = "") -> Any:  # noqa: ANN401  # pymilvus ships no types
        self.open()

        def once() -> Any:  # noqa: ANN401  # as above
            with self._turn, faults_named(self._name, where):
                return question(self._client)

        return patiently(once)

    def _connect(self) -> None:
        from pymilvus import MilvusClient  # noqa: PLC0415  # see the head of this module

        if self._place.embedded and self._lite is None:
            self._lite = Lite(Path(self._place.uri).absolute())
        uri = self._lite.uri if self._lite else self._place.uri
        options = {"token": self._place.token, "db_name": self._place.database, "timeout": _CONNECT_TIMEOUT_S}
        with faults_named(self._name):
            client = MilvusClient(uri, **options)
            make_ready(client, self.collection, self._name, lite=self._place.lite)
        self._client = client


def _timely() -> dict[str, Any]:
    return {"timeout": deadline.timeout(_CALL_TIMEOUT_S)}


def _filter(where: str, modalities: Sequence[str]) -> str:
    terms = [f"({where})"] if where.strip() else []
    if modalities:
        terms.append(f"modality in [{', '.join(json.dumps(name) for name in modalities)}]")
    return " and ".join(terms)

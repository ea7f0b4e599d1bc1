"""How much waits in a pipeline's queue, asked from outside it: nothing is made, no message is taken.

For who looks after pipelines (the operator, a metrics adapter), over one connection for all pipelines of a server.
"""

from __future__ import annotations

import json

from mmpipe.adapters.errors import StoreRefused
from mmpipe.adapters.queue.connection import Connection
from mmpipe.adapters.queue.errors import QueueUnreachable
from mmpipe.adapters.queue.stream import Names
from mmpipe.records import Modality

_NOT_FOUND, _UNAVAILABLE = 404, 503


class QueueWatch:
    """One NATS server or cluster. Belongs to an event loop. ``patience_s`` bounds every question."""

    def __init__(self, url: str, credentials: str = "", patience_s: float = 5.0) -> None:
        self._connection = Connection(url, credentials, patience_s)

    async def lanes(self, namespace: str, pipeline: str) -> dict[str, int] | None:
        """Messages waiting + in flight of every lane that has any; None where the pipeline has no queue yet.

        Raises QueueUnreachable, or StoreRefused where the server does not let us in or has no JetStream.
        """
        names = Names(namespace, pipeline)
        question = json.dumps({"subjects_filter": names.subjects}).encode()
        message = await self._connection.request(f"$JS.API.STREAM.INFO.{names.stream}", question)
        answer = json.loads(message.data)
        error = answer.get("error") or {}
        if error.get("code") == _NOT_FOUND:
            return None
        if error:
            raise self._fault(names.stream, error)
        return {names.lane(subject): count for subject, count in (answer["state"].get("subjects") or {}).items()}

    async def close(self) -> None:
        """For good."""
        await self._connection.close()

    def _fault(self, stream: str, error: dict[str, object]) -> QueueUnreachable | StoreRefused:
        name, text = f"queue {stream} at {self._connection.name}", str(error.get("description"))
        if error.get("code") == _UNAVAILABLE:
            return QueueUnreachable(name, text, "it to be served", "see that JetStream runs and has a leader")
        return StoreRefused(name, text, "to be served", "see the log of the NATS server")


def backlog(lanes: dict[str, int], modality: Modality | None = None) -> int:
    """Samples in these lanes, or those of them that have a part of a modality."""
    return sum(count for lane, count in lanes.items() if modality is None or modality in lane.split("-"))

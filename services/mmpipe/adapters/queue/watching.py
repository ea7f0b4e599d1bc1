"""How much waits in a pipeline's queue, asked from outside it: nothing is made, no message is taken.

For who looks after pipelines (the operator, a metrics adapter), over one connection for all pipelines of a server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nats.js.api import StreamConfig

from mmpipe.adapters.errors import StoreError, StoreRefused
from mmpipe.adapters.queue.connection import Connection
from mmpipe.adapters.queue.errors import QueueUnreachable
from mmpipe.adapters.queue.protocol import Lane
from mmpipe.adapters.queue.stream import DEFAULTS, Names, stream, verify

_NOT_FOUND, _UNAVAILABLE = 404, 503
_NO_JETSTREAM = (10039, 10076)
"""Not enabled for the account, or for the server."""


class QueueWatch:
    """One NATS server or cluster. Belongs to an event loop. ``patience_s`` bounds every question."""

    def __init__(self, url: str, credentials: str = "", patience_s: float = 5.0) -> None:
        """Nothing is connected yet. Raises StoreRefused for an address or credentials that can't be used."""
        self._connection = Connection(url, credentials, patience_s)

    async def lanes(self, namespace: str, pipeline: str) -> dict[Lane, int] | None:
        """Messages waiting + in flight of every lane that has any; None where the pipeline has no queue yet.

        Raises QueueUnreachable; StoreRefused where the server does not let us in or has no JetStream; StoreMismatch
        where a stream of that name is none of ours.
        """
        names = Names(namespace, pipeline)
        question = json.dumps({"subjects_filter": names.subjects}).encode()
        message = await self._connection.request(f"$JS.API.STREAM.INFO.{names.stream}", question)
        answer = json.loads(message.data)
        error = answer.get("error") or {}
        if error.get("code") == _NOT_FOUND:
            return None
        if error:
            raise self._fault(names, error)
        verify(StreamConfig.from_response(answer["config"]), stream(names, DEFAULTS), self._connection.name)
        return {names.lane(subject): count for subject, count in (answer["state"].get("subjects") or {}).items()}

    async def close(self) -> None:
        """For good."""
        await self._connection.close()

    def _fault(self, names: Names, error: Mapping[str, Any]) -> StoreError:
        name, text = f"queue {names.stream} at {self._connection.name}", str(error.get("description"))
        if error.get("err_code") in _NO_JETSTREAM:
            return StoreRefused(self._connection.name, text, "JetStream", "turn it on for this server and account")
        if error.get("code") == _UNAVAILABLE:
            return QueueUnreachable(name, text, "it to be served", "see that JetStream runs and has a leader")
        return StoreRefused(name, text, "to be served", "see the log of the NATS server")

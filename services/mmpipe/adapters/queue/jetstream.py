"""The queue over NATS JetStream: a work-queue stream on disk for each pipeline, one durable consumer for each lane.

The server must run with the settings of ``server``: without ``sync_interval: always`` a power failure takes
acknowledged samples with it, and a client has no way to ask for that setting.

How the promises of ``protocol`` are kept: a work queue deletes a message when it is acknowledged, so the messages of a
subject are those that wait and those in flight, and one question answers for all lanes. Consumers are made when a lane
is first pulled from; making one again changes nothing. Acknowledgements are confirmed by the server. Ids are
`Nats-Msg-Id`.

Neighbours: ``connection`` asks, ``stream`` says what things are called and made of, ``pull`` leases.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Self

from google.protobuf.message import DecodeError
from nats.aio.msg import Msg
from nats.js.api import Header, StreamConfig

from mmpipe.adapters.errors import StoreRefused
from mmpipe.adapters.queue.connection import Connection
from mmpipe.adapters.queue.envelope import Envelope
from mmpipe.adapters.queue.errors import EnvelopeTooLarge, QueueFull, QueueUnreachable
from mmpipe.adapters.queue.protocol import Delivery, Lane, Published, depth_of
from mmpipe.adapters.queue.pull import ConsumerGone, JetStreamDelivery, nak, pull
from mmpipe.adapters.queue.server import MAX_PAYLOAD_BYTES
from mmpipe.adapters.queue.stream import DEFAULTS, HEADROOM_BYTES, Names, Settings, consumer, stream, verify
from mmpipe.records import Modality

_log = logging.getLogger(__name__)

_STREAM_EXISTS = 10058
_NO_ROOM = (10023, 10047)
"""Insufficient resources, insufficient storage."""
_STORE_FAILED = 10077
"""A full stream answers with this, and says "maximum bytes exceeded"; so does a broken disk, in other words."""
_NOT_FOUND, _UNAVAILABLE = 404, 503
_TURN_S = 0.05
"""Pause before another pull where those of others were before this one."""
_UNREADABLE_S = 300.0
"""How often the log tells of a message that is no envelope."""


class JetStream:
    """See above. Belongs to the event loop that opened it."""

    def __init__(self, connection: Connection, names: Names, settings: Settings, lease_s: float) -> None:
        self.lease_s = lease_s
        self._connection = connection
        self._names = names
        self._settings = settings
        self._consumers: set[Lane] = set()

    @classmethod
    async def open(
        cls,
        url: str,
        namespace: str,
        pipeline: str,
        credentials: str = "",
        lease_s: float = 30.0,
        settings: Settings = DEFAULTS,
    ) -> Self:
        """Connect, and make the stream unless it is there.

        ``url`` is `nats://host:4222`, several with commas; ``credentials`` the content of a credentials file,
        `user:password`, or a token. Raises QueueUnreachable, StoreRefused where it is not let in, or StoreMismatch
        where a stream of that name is none of ours.
        """
        queue = cls(Connection(url, credentials, settings.patience_s), Names(namespace, pipeline), settings, lease_s)
        try:
            await queue._ensure_stream()
        except BaseException:  # a cancelled start must not leave a connection behind
            await queue.close()
            raise
        return queue

    async def publish(self, envelope: Envelope, lane: Lane, dedupe_id: str) -> Published:
        """See the protocol. Returns when the server has written it to disk."""
        content = envelope.to_bytes()
        self._check_size(len(content))
        headers = {Header.MSG_ID.value: dedupe_id, Header.EXPECTED_STREAM.value: self._names.stream}
        answer = await self._ask(self._names.subject(lane), content, headers)
        return Published(duplicate=bool(answer.get("duplicate")))

    async def pull(self, lane: Lane, count: int, wait_s: float) -> list[Delivery]:
        """See the protocol. May take 2 s longer than ``wait_s`` where the server does not answer."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        leased = await self._pull(lane, count, wait_s)
        while not leased and (left := deadline - loop.time()) > 0:
            await asyncio.sleep(min(left, _TURN_S))
            leased = await self._pull(lane, count, deadline - loop.time())
        return leased

    async def lanes(self) -> dict[Lane, int]:
        """See the protocol. JetStream tells up to 100,000 subjects at once; there are 32 lanes."""
        state = await self._state()
        return {self._names.lane(subject): count for subject, count in (state.get("subjects") or {}).items()}

    async def depth(self) -> dict[Modality, int]:
        """See the protocol."""
        return depth_of(await self.lanes())

    async def oldest_age_s(self) -> float | None:
        """See the protocol. By the clocks of this machine and the server's: skew between them shows."""
        state = await self._state()
        if not state["messages"]:
            return None
        return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(state["first_ts"])).total_seconds())

    async def close(self) -> None:
        """See the protocol."""
        await self._connection.close()

    async def _ensure_stream(self) -> None:
        expected = stream(self._names, self._settings)
        info = f"$JS.API.STREAM.INFO.{expected.name}"
        found = await self._answer(info)
        if _error(found).get("code") == _NOT_FOUND:
            found = await self._answer(f"$JS.API.STREAM.CREATE.{expected.name}", _json(expected.as_dict()))
        if _error(found).get("err_code") == _STREAM_EXISTS:
            # Another process was faster, with other settings.
            found = await self._answer(info)
        if _error(found).get("err_code") in _NO_ROOM:
            raise self._no_room(_error(found))
        config = StreamConfig.from_response(self._checked(found)["config"])
        verify(config, expected, self._connection.name)

    async def _ensure_consumer(self, lane: Lane) -> None:
        if lane in self._consumers:
            return
        config = consumer(self._names, lane, self._settings, self.lease_s)
        question = _json({"stream_name": self._names.stream, "config": config.as_dict()})
        await self._ask(f"$JS.API.CONSUMER.CREATE.{self._names.stream}.{lane}.{config.filter_subject}", question)
        self._consumers.add(lane)

    async def _pull(self, lane: Lane, count: int, wait_s: float) -> list[Delivery]:
        await self._ensure_consumer(lane)
        try:
            messages = await pull(self._connection, f"{self._names.stream}.{lane}", count, max(wait_s, 0))
        except ConsumerGone:
            self._consumers.discard(lane)
            return []
        return [delivery for message in messages if (delivery := await self._delivery(message, lane))]

    async def _delivery(self, message: Msg, lane: Lane) -> JetStreamDelivery | None:
        metadata = message.metadata
        try:
            envelope = Envelope.from_bytes(message.data)
        except DecodeError:
            # It stays, and counts as depth, until somebody looks: dropping it would be a sample without a trace.
            sequence = metadata.sequence.stream
            _log.exception("stream %s: message %d is no envelope; look with nats", self._names.stream, sequence)
            await self._connection.send(message.reply, nak(_UNREADABLE_S))
            return None
        return JetStreamDelivery(envelope, lane, metadata.num_delivered, message.reply, self._connection)

    async def _state(self) -> dict[str, Any]:
        question = _json({"subjects_filter": self._names.subjects})
        answer = await self._ask(f"$JS.API.STREAM.INFO.{self._names.stream}", question)
        state: dict[str, Any] = answer["state"]
        return state

    async def _ask(self, subject: str, payload: bytes, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        return self._checked(await self._answer(subject, payload, headers))

    async def _answer(
        self, subject: str, payload: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """What the server says, its errors included."""
        message = await self._connection.request(subject, payload, headers)
        answer: dict[str, Any] = json.loads(message.data)
        return answer

    def _checked(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The answer, unless it is an error; then that is raised in our terms."""
        if not (error := _error(answer)):
            return answer
        name, text = f"queue {self._names.stream} at {self._connection.name}", error["description"]
        if error["err_code"] in _NO_ROOM or (error["err_code"] == _STORE_FAILED and "maximum" in text):
            raise QueueFull(name, text)
        if error["code"] == _UNAVAILABLE:
            raise QueueUnreachable(name, text, "it to be served", "see that JetStream runs and has a leader")
        raise StoreRefused(name, text, "to be served", "see the log of the NATS server")

    def _check_size(self, size: int) -> None:
        limit = min(MAX_PAYLOAD_BYTES, self._connection.max_payload) - HEADROOM_BYTES
        if size > limit:
            raise EnvelopeTooLarge(f"queue {self._names.stream}", size, limit)

    def _no_room(self, error: Mapping[str, Any]) -> StoreRefused:
        expected = f"{self._settings.max_bytes:,} bytes for the stream {self._names.stream}"
        remedy = "raise max_file_store of the NATS server, or lower max_bytes of the queue"
        return StoreRefused(self._connection.name, error["description"], expected, remedy)


def _error(answer: Mapping[str, Any]) -> dict[str, Any]:
    error: dict[str, Any] = answer.get("error") or {}
    return error


def _json(question: Mapping[str, object]) -> bytes:
    return json.dumps(question).encode()

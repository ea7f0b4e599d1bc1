"""One pull from a consumer, and the messages it leases.

nats-py's own ``fetch`` waits for a whole batch once it has the first message of it, and keeps messages that came for a
pull that was cancelled until their lease is over. So this speaks the few lines of protocol itself: a one-shot request
(`no_wait` and `expires` together: up to `batch` messages as soon as there is one) to an inbox of its own. When the pull
ends, the inbox ends, and with it the server's interest in what it had asked for.

Protocol: https://github.com/nats-io/nats-architecture-and-design, ADR-13 (pull consumers).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import Header, StatusCode

from mmpipe.adapters.errors import StoreError
from mmpipe.adapters.queue.connection import Connection
from mmpipe.adapters.queue.envelope import Envelope
from mmpipe.adapters.queue.protocol import Lane

_log = logging.getLogger(__name__)

ANSWER_S = 2.0
"""What a pull may take beyond the time it was to wait: the server answers at once, or is as good as gone."""
_NANOSECONDS = 1_000_000_000


class ConsumerGone(Exception):  # noqa: N818  # between this module and jetstream only, who makes it anew
    """The consumer was deleted, or its server has forgotten it."""


@dataclass(frozen=True, slots=True)
class JetStreamDelivery:
    """A message under lease, see ``protocol.Delivery``."""

    envelope: Envelope
    lane: Lane
    attempt: int
    _reply: str
    _connection: Connection

    async def ack(self) -> bool:
        """Asked as a question: the answer comes when the server has taken note."""
        try:
            await self._connection.request(self._reply, Msg.Ack.Ack)
        except StoreError as error:
            _log.warning("sample %s: done, not confirmed, so it comes again: %s", self.envelope.sample.id, error)
            return False
        return True

    async def retry(self, after_s: float) -> None:
        """A `nak` with a delay; should it get lost, the lease runs out instead."""
        await self._tell(nak(after_s))

    async def extend(self) -> None:
        """In progress."""
        await self._tell(Msg.Ack.Progress)

    async def _tell(self, payload: bytes) -> None:
        try:
            await self._connection.send(self._reply, payload)
        except StoreError as error:
            _log.warning("sample %s: its lease will run out: %s", self.envelope.sample.id, error)


def nak(after_s: float) -> bytes:
    """The payload that gives a message back; 0 is at once."""
    return Msg.Ack.Nak + b" " + json.dumps({"delay": int(after_s * _NANOSECONDS)}).encode()


async def pull(connection: Connection, consumer: str, count: int, wait_s: float) -> list[Msg]:
    """Up to ``count`` messages of ``consumer`` (`stream.name`), none where there is none for ``wait_s``.

    Fewer, even none, and earlier, where others have asked before. Raises QueueUnreachable or ConsumerGone.
    """
    request: dict[str, object] = {"batch": count, "no_wait": True}
    if wait_s > 0:
        request["expires"] = int(wait_s * _NANOSECONDS)
    async with connection.unbroken(wait_s + ANSWER_S) as client, _inbox(client) as (inbox, arrived):
        await client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{consumer}", json.dumps(request).encode(), reply=inbox)
        return await _gathered(client, arrived, count)


async def _gathered(client: Client, arrived: asyncio.Queue[Msg], count: int) -> list[Msg]:
    messages: list[Msg] = []
    try:
        while len(messages) < count and not _is_end(message := await arrived.get()):
            messages.append(message)
    except asyncio.CancelledError:
        # Nobody will work on them: back they go, sooner than their leases run out.
        for message in messages:
            await client.publish(message.reply, nak(0))
        raise
    return messages


def _is_end(message: Msg) -> bool:
    """The server says that nothing more comes for this request (408, 404 or 409), or that nobody knows the consumer."""
    status = message.headers.get(Header.STATUS) if message.headers else None
    said = (message.headers or {}).get(Header.DESCRIPTION, "")
    if status == StatusCode.SERVICE_UNAVAILABLE or (status == StatusCode.CONFLICT and "Deleted" in said):
        raise ConsumerGone(said)
    return status is not None


@asynccontextmanager
async def _inbox(client: Client) -> AsyncIterator[tuple[str, asyncio.Queue[Msg]]]:
    arrived: asyncio.Queue[Msg] = asyncio.Queue()

    async def keep(message: Msg) -> None:  # nats-py takes coroutines only
        arrived.put_nowait(message)

    subject = client.new_inbox()
    subscription = await client.subscribe(subject, cb=keep)
    try:
        yield subject, arrived
    finally:
        if not client.is_closed:
            await subscription.unsubscribe()

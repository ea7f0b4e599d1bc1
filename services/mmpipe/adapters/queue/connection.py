"""One connection to NATS: it comes back by itself for ever, and nobody waits for it longer than he said.

nats-py reconnects, but what was asked meanwhile would wait for its whole timeout, or hang. Here every question stands
in a scope (``unbroken``) that ends when its time is up or the connection is lost, whichever is first, and raises
QueueUnreachable. ``request`` asks again after a reconnection while its time lasts, so all that goes through it must
have the same effect twice; the queue's questions do.

Neighbours: ``jetstream`` asks. Nothing here knows streams or samples.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import nats.errors
from nats.aio.client import Client, RawCredentials
from nats.aio.msg import Msg
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_random

from mmpipe.adapters.errors import StoreError, StoreRefused, public_uri
from mmpipe.adapters.queue.errors import QueueUnreachable

_log = logging.getLogger(__name__)

_RECONNECTION: Mapping[str, Any] = {
    "name": "mmpipe",
    "max_reconnect_attempts": -1,
    "reconnect_time_wait": 0.5,
    "ping_interval": 10,
}
"""Two pings without an answer are a lost connection: a peer that vanished without a word is noticed in 30 s."""
_PAUSE_S = 0.2
"""Longest pause before a question is asked again, drawn at random: all clients of a server lose it at once."""
_CREDENTIALS = ("BEGIN NATS USER JWT", "BEGIN USER NKEY SEED")
_REFUSALS = (
    "authorization violation",
    "permissions violation",
    "authentication expired",
    "authentication revoked",
)
_MAX_FOUND = 100
_NO_ANSWER = (TimeoutError, OSError, nats.errors.Error)


class Connection:
    """See above. Belongs to the event loop that opened it."""

    def __init__(self, url: str, credentials: str, patience_s: float) -> None:
        """Nothing is connected yet. Raises StoreRefused for an address or credentials that can't be used."""
        self.patience_s = patience_s
        servers = url.split(",")
        for server in servers:
            _need_address(server)
        self.name = ",".join(map(public_uri, servers))
        self._options = {"servers": servers, **_RECONNECTION, **_login(self.name, credentials)}
        self._client: Client | None = None
        self._opening = asyncio.Lock()
        self._up = asyncio.Event()
        self._scopes: set[asyncio.Timeout] = set()
        self._last_error: Exception | None = None
        self._closed = False

    @property
    def max_payload(self) -> int:
        """Bytes that the server takes in one message."""
        return self._client.max_payload if self._client else 0

    @asynccontextmanager
    async def unbroken(self, limit_s: float) -> AsyncIterator[Client]:
        """The client, connected all the while. Raises QueueUnreachable when that or the time ends before the block."""
        try:
            async with asyncio.timeout(limit_s) as scope:
                client = await self._connected()
                self._scopes.add(scope)
                try:
                    yield client
                finally:
                    self._scopes.discard(scope)
        except _NO_ANSWER as error:
            raise self._unreachable(error) from error

    async def request(self, subject: str, payload: bytes = b"", headers: Mapping[str, str] | None = None) -> Msg:
        """The answer, within ``patience_s``. Raises QueueUnreachable."""
        deadline = time.monotonic() + self.patience_s
        again = AsyncRetrying(
            retry=retry_if_exception_type(QueueUnreachable),
            wait=wait_random(0, _PAUSE_S),
            stop=stop_after_delay(self.patience_s - _PAUSE_S),
            reraise=True,
        )
        return await again(self._request, subject, payload, headers, deadline)

    async def send(self, subject: str, payload: bytes) -> None:
        """Without an answer. Raises QueueUnreachable where it can't even leave."""
        async with self.unbroken(self.patience_s) as client:
            await client.publish(subject, payload)

    async def close(self) -> None:
        """For good."""
        self._closed = True
        self._break_scopes()
        if self._client:
            await self._client.close()

    async def _request(self, subject: str, payload: bytes, headers: Mapping[str, str] | None, deadline: float) -> Msg:
        async with self.unbroken(deadline - time.monotonic()) as client:
            # The scope ends it; the client's own timeout must only not be earlier.
            patience_s = 2 * self.patience_s
            answer = await client.request(subject, payload, patience_s, headers=dict(headers) if headers else None)
        self._last_error = None
        return answer

    async def _connected(self) -> Client:
        """nats-py gives up for good on some errors of the protocol; then this starts anew."""
        async with self._opening:
            if self._closed:
                raise nats.errors.ConnectionClosedError
            if self._client is None or self._client.is_closed:
                self._client = await self._connect()
        await self._up.wait()
        return self._client

    async def _connect(self) -> Client:
        client = Client()
        try:
            await client.connect(
                **self._options,
                error_cb=self._on_error,
                disconnected_cb=self._on_disconnected,
                reconnected_cb=self._on_reconnected,
            )
        except BaseException:
            await client.close()
            raise
        self._up.set()
        return client

    async def _on_error(self, error: Exception) -> None:
        """Every failed attempt to reconnect comes here; the log tells of the loss and of the end of it."""
        _log.debug("queue %s: %s", self.name, error)
        # A server that locks us out says so first and hangs up after: the first is what people need to know.
        if not _is_refusal(self._last_error):
            self._last_error = error

    async def _on_disconnected(self) -> None:
        self._up.clear()
        self._break_scopes()
        if not self._closed:
            _log.warning("queue %s: lost the connection; trying to get it back", self.name)

    async def _on_reconnected(self) -> None:
        self._last_error = None
        self._up.set()
        _log.info("queue %s: connected again", self.name)

    def _break_scopes(self) -> None:
        now = asyncio.get_running_loop().time()
        for scope in self._scopes:
            if not scope.expired():
                scope.reschedule(now)

    def _unreachable(self, error: Exception) -> StoreError:
        found = self._last_error or error
        text = str(found).removeprefix("nats: ") or type(found).__name__
        if _is_refusal(found):
            return StoreRefused(self.name, text, "to be let in", "see that the credentials fit the server's accounts")
        if isinstance(found, nats.errors.NoRespondersError):
            text = "nobody who answers this subject"
        return QueueUnreachable(self.name, text, "an answer", "see that the NATS server runs, with JetStream on")


def _is_refusal(error: Exception | None) -> bool:
    """nats-py has a class for some of it, and does not use it everywhere."""
    return any(refusal in str(error).lower() for refusal in _REFUSALS)


def _need_address(server: str) -> None:
    """nats-py looks at it when it connects, and ends with a failed assertion."""
    try:
        pieces = urlsplit(server if "://" in server else f"nats://{server}")
        found = "" if pieces.hostname and pieces.port != 0 else "no host, or port 0"
    except ValueError as error:
        found = str(error)[:_MAX_FOUND]
    if found:
        raise StoreRefused("the queue's address", found, "nats://host:4222", "mend spec.source.queue.nats.url")


def _login(name: str, credentials: str) -> dict[str, Any]:
    """The content of a credentials file, `user:password`, or a token."""
    if _CREDENTIALS[0] in credentials and _CREDENTIALS[1] in credentials:
        _need_nkeys(name)
        return {"user_credentials": RawCredentials(credentials)}
    user, colon, password = credentials.strip().partition(":")
    if colon:
        return {"user": user, "password": password}
    return {"token": user} if user else {}


def _need_nkeys(name: str) -> None:
    """nats-py looks for it when it connects, and would end with a traceback."""
    if importlib.util.find_spec("nkeys") is None:
        remedy = "pip install 'mmpipe[serve]'"
        raise StoreRefused(name, "a credentials file and no nkeys", "the package nkeys", remedy)

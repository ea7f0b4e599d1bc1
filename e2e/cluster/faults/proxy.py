"""Between an operator and its API server: HTTP/1.1 over TLS, in which a test decides what becomes of each call.

Everything goes through as it is, unless ``script`` answers in the server's place or ``stream`` changes what a watch
brings (``scripts`` and ``streams`` have some of both). ``journal`` has every call. Neighbours: ``calls`` says what a
call is; operators get here by what ``api`` says. It knows nothing of operators.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import aiohttp
from aiohttp import web
from e2e.cluster.certificates import Authority
from e2e.cluster.client import Access
from e2e.cluster.faults.calls import NO_ANSWER, Answer, Call
from e2e.cluster.operators import Api
from e2e.cluster.ports import HOST
from yarl import URL

type Forward = Callable[[Call], Awaitable[Answer]]
type Script = Callable[[Call, Forward], Awaitable[Answer]]
"""Answers a call, by forwarding it or without. Of a watch it sees how it begins: an answer with an empty body."""
type Stream = Callable[[Call, AsyncIterator[bytes]], AsyncIterator[bytes]]
"""What comes of the lines of a watch, one event each."""

_HOP = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "keep-alive"})
_END_OF_LIST = b"k8s.io/initial-events-end"
_START_TIMEOUT_S = 10.0
_FOREVER = aiohttp.ClientTimeout(total=None)


async def through(call: Call, forward: Forward) -> Answer:
    """The script that changes nothing."""
    return await forward(call)


async def as_it_is(_: Call, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The stream that changes nothing."""
    async for line in lines:
        yield line


class Proxy:
    """``script`` and ``stream`` may be set at any time; calls and watches that began before keep theirs."""

    def __init__(self, upstream: Access, folder: Path) -> None:
        self.script: Script = through
        self.stream: Stream = as_it_is
        self.journal: list[Call] = []
        self._server = upstream.server
        self._trust = ssl.create_default_context(cadata=upstream.authority.decode())
        self._authority = Authority(folder, "proxy-ca").create()
        self._certificate = self._authority.sign_server("proxy")
        self._port = 0
        self._watches: set[asyncio.Task[object]] = set()
        self._loop = asyncio.new_event_loop()

    @property
    def api(self) -> Api:
        """What an operator needs to find the API server here."""
        return Api(f"https://{HOST}:{self._port}", self._authority.certificate.read_bytes())

    @property
    def watching(self) -> int:
        """How many watches are open."""
        return len(self._watches)

    def reset(self) -> None:
        """Change nothing from now on; watches begin anew, since a fault of theirs may last as long as they."""
        self.script, self.stream = through, as_it_is
        self.cut()

    def cut(self) -> None:
        """End every watch, as a lost connection does."""
        for task in list(self._watches):
            self._loop.call_soon_threadsafe(task.cancel)

    @contextmanager
    def serving(self) -> Iterator[Proxy]:
        """Inside the block, in a thread."""
        up, down = threading.Event(), asyncio.Event()
        serve = self._serve(up, down)
        thread = threading.Thread(target=lambda: self._loop.run_until_complete(serve), daemon=True)
        thread.start()
        try:
            assert up.wait(_START_TIMEOUT_S), "the fault proxy: found it not listening, expected it to start at once"
            yield self
        finally:
            self._loop.call_soon_threadsafe(down.set)
            thread.join(_START_TIMEOUT_S)
            self._loop.close()

    async def _serve(self, up: threading.Event, down: asyncio.Event) -> None:
        shown = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        shown.load_cert_chain(self._certificate, self._certificate.with_suffix(".key"))
        connector = aiohttp.TCPConnector(ssl=self._trust, limit=0)
        async with aiohttp.ClientSession(connector=connector, timeout=_FOREVER) as session:
            application = web.Application(client_max_size=2**26)
            application.router.add_route("*", "/{path:.*}", partial(self._answer, session))
            # A handler ends with its caller: of an operator that was killed nothing goes on.
            runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
            await runner.setup()
            await web.TCPSite(runner, HOST, 0, ssl_context=shown).start()
            self._port = runner.addresses[0][1]
            up.set()
            await down.wait()
            self.cut()
            await runner.cleanup()

    async def _answer(self, session: aiohttp.ClientSession, request: web.Request) -> web.StreamResponse:
        call = await _call(len(self.journal), request)
        script, stream = self.script, self.stream
        self.journal.append(call)
        begun: list[aiohttp.ClientResponse] = []

        async def forward(asked: Call) -> Answer:
            found = await self._ask(session, request, asked)
            if asked.watches and found.ok:
                begun.append(found)
                return Answer(found.status)
            body = await _list(found) if asked.streams and found.ok else await found.read()
            return Answer(found.status, body, _passed(found.headers))

        try:
            answer = await script(call, forward)
        except aiohttp.ClientError:
            answer = NO_ANSWER
        call.status = answer.status
        if begun:
            return await self._relay(request, stream(call, _lines(begun[0])), begun[0])
        if answer.status == 0:
            _hang_up(request)
        return web.Response(status=answer.status or 502, body=answer.body, headers=answer.headers)

    async def _ask(self, session: aiohttp.ClientSession, request: web.Request, call: Call) -> aiohttp.ClientResponse:
        url = URL(self._server + request.raw_path, encoded=True)
        own = ("Accept-Encoding", "User-Agent")
        return await session.request(
            call.method, url, headers=call.headers, data=call.body or None, skip_auto_headers=own
        )

    async def _relay(
        self, request: web.Request, lines: AsyncIterator[bytes], upstream: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        task = asyncio.current_task()
        assert task is not None
        self._watches.add(task)
        response = web.StreamResponse(headers=_passed(upstream.headers))
        try:
            await response.prepare(request)
            async for line in lines:
                await response.write(line)
        except (aiohttp.ClientError, ConnectionError, asyncio.CancelledError):
            _hang_up(request)
        finally:
            self._watches.discard(task)
            upstream.close()
        return response


async def _call(index: int, request: web.Request) -> Call:
    return Call(
        index=index,
        method=request.method,
        path=request.path,
        query=dict(request.query),
        headers=_passed(request.headers),
        body=await request.read(),
    )


def _passed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _HOP}


async def _lines(upstream: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    rest = b""
    async for piece in upstream.content.iter_any():
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line + b"\n"


async def _list(upstream: aiohttp.ClientResponse) -> bytes:
    """A streamed list up to its end, after which a watch would begin."""
    body = b""
    async for line in _lines(upstream):
        body += line
        if _END_OF_LIST in line:
            break
    upstream.close()
    return body


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()

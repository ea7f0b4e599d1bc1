"""How a request gets to the API server, and its answer back: signed in, fenced, counted, and a fault where it failed.

Answers are raw JSON: typed models take 50 times as long to parse (``field/kubernetes.md`` 2). Every write goes through
one gate, the fence, which raises where this replica may no longer write. It is asked when the request has its
connection and not earlier (``connection.FENCE``).
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
from kubernetes.aio.client import ApiClient
from pydantic_core import from_json

from mmpipe.telemetry import metrics
from mmpipe_operator import names
from mmpipe_operator.cluster.connection import FENCE
from mmpipe_operator.cluster.faults import Unavailable, fault_of
from mmpipe_operator.kinds import Manifest

JSON = "application/json"
SILENCE_S = 70.0
"""How long a watch may bring nothing, as with kopf: the API server sends a bookmark every minute."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. ``verb`` and ``kind`` are for its metric: the verb as RBAC rules call it."""

    method: str
    path: str
    verb: str
    kind: str
    content: object = None
    content_type: str = JSON
    accept: str = JSON

    def __str__(self) -> str:
        return f"{self.method} {self.path.partition('?')[0]}"


class Transport:
    """One way to the API server. Every method raises ClusterError."""

    def __init__(self, client: ApiClient, fence: Callable[[], None], timeout_s: float) -> None:
        self._client = client
        self._fence = fence
        self._timeout_s = timeout_s

    async def ask(self, request: Request) -> Manifest:
        """The answer."""
        limits = aiohttp.ClientTimeout(total=self._timeout_s)
        with _counted(request) as counted, _reachable(request):
            async with await self._open(request, limits) as answer:
                await _check(answer, request, counted)
                content = await answer.read()
        said: Manifest = from_json(content, cache_strings="keys")
        return said

    async def events(self, request: Request) -> AsyncGenerator[Manifest]:
        """Those of a watch, as they come; Unavailable also where none, and no bookmark, has come for ``SILENCE_S``."""
        limits = aiohttp.ClientTimeout(sock_connect=self._timeout_s, sock_read=SILENCE_S)
        with _counted(request) as counted, _reachable(request):
            async with await self._open(request, limits) as answer:
                await _check(answer, request, counted)
                async for event in _lines(answer, str(request)):
                    yield event

    async def _open(self, request: Request, limits: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        """The answer, of which no more than the head has been read."""
        headers = {
            "Accept": request.accept,
            "Accept-Encoding": "identity",  # to pack and unpack takes longer than to send
            "Content-Type": request.content_type,
            "User-Agent": names.FIELD_MANAGER,
        }
        method, path, content = request.method, request.path, request.content
        bare = path.partition("?")[0]
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], bare, method, content)
        FENCE.set(None if method == "GET" else self._fence)
        answer = await self._client.rest_client.request(  # type: ignore[no-untyped-call]  # it ships none
            method, self._client.configuration.host + path, headers=headers, body=content, _request_timeout=limits
        )
        opened: aiohttp.ClientResponse = answer.response
        return opened


@dataclass(slots=True)
class _Counted:
    status: str = "none"


@contextmanager
def _counted(request: Request) -> Iterator[_Counted]:
    counted = _Counted()
    try:
        yield counted
    finally:
        metrics.count("mmpipe.operator.api.requests", verb=request.verb, kind=request.kind, status=counted.status)


async def _check(answer: aiohttp.ClientResponse, request: Request, counted: _Counted) -> None:
    """Raises the fault that the answer is."""
    counted.status = str(answer.status)
    if answer.status >= HTTPStatus.BAD_REQUEST:
        raise fault_of(str(request), answer.status, await answer.read(), answer.headers.get("Retry-After", ""))


async def _lines(answer: aiohttp.ClientResponse, what: str) -> AsyncIterator[Manifest]:
    """One event each; ``ERROR`` is raised."""
    rest = b""
    async for chunk in answer.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            event: Manifest = from_json(line, cache_strings="keys")
            if event["type"] == "ERROR":
                raise fault_of(what, event["object"].get("code", 0), json.dumps(event["object"]).encode())
            yield event


@contextmanager
def _reachable(request: Request) -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unavailable(str(request), "Unreachable", str(error) or type(error).__name__) from error

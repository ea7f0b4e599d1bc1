"""A gateway in memory, and both clients: what holds for one holds for the other, so most tests take both."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from inspect import isasyncgen, iscoroutine, iscoroutinefunction
from typing import Any, cast

import pytest

from mmpipe.client import AsyncClient, Client
from mmpipe.client.testing import FakeGateway


class Blocking:
    """An AsyncClient for tests that block: each method runs the loop until its answer is there."""

    def __init__(self, client: AsyncClient, runner: asyncio.Runner) -> None:
        self._client, self._runner = client, runner

    def __getattr__(self, name: str) -> object:
        attribute = getattr(self._client, name)
        return self._method(attribute) if callable(attribute) else attribute

    def _method(self, method: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            answer = method(*args, **kwargs)
            if iscoroutine(answer):
                return self._runner.run(answer)
            return self._iterated(answer) if isasyncgen(answer) else answer

        return call

    def _iterated(self, answers: AsyncIterator[object]) -> Iterator[object]:
        closing = cast("Any", answers)
        try:
            while (answer := self._runner.run(_next(answers))) is not _END:
                yield answer
        finally:
            self._runner.run(closing.aclose())


_END = object()


async def _next(answers: AsyncIterator[object]) -> object:
    return await anext(answers, _END)


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as started:
        yield started


type Connect = Callable[..., Client]


@pytest.fixture(params=["Client", "AsyncClient"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Connect to an address, with what a client is made with."""
    closing: list[Callable[[], object]] = []

    def sync(address: str, **options: Any) -> Client:  # noqa: ANN401  # what a client is made with
        client = Client(address, **options)
        closing.append(client.close)
        return client

    with asyncio.Runner() as runner:

        async def make(address: str, **options: Any) -> AsyncClient:  # noqa: ANN401  # as above
            return AsyncClient(address, **options)

        def blocking(address: str, **options: Any) -> Client:  # noqa: ANN401  # as above
            client = runner.run(make(address, **options))
            closing.append(lambda: runner.run(client.close()))
            return cast("Client", Blocking(client, runner))

        yield sync if request.param == "Client" else blocking
        for close in closing:
            close()


@pytest.fixture
def client(connect: Connect, gateway: FakeGateway) -> Client:
    return connect(gateway.address)


def _naps_of(client: Client) -> list[float]:
    """From now on the client notes how long it would sleep, and does not."""
    transport, naps = client._transport, list[float]()  # noqa: SLF001  # time is injected where the transport is made

    async def nap(seconds: float) -> None:
        naps.append(seconds)

    transport.sleep = nap if iscoroutinefunction(transport.sleep) else naps.append  # type: ignore[assignment]  # of either kind
    return naps


@pytest.fixture
def naps_of() -> Callable[[Client], list[float]]:
    return _naps_of


@pytest.fixture
def naps(client: Client) -> list[float]:
    return _naps_of(client)

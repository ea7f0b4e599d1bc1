"""A replica from its start to its end, in a cluster in memory; what it serves is asked over TLS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, cast

import pytest
from tests.asynchronous import asynchronous
from tests.unit.operator.metrics_adapter.authorities import HOST, Authority

from mmpipe_operator.cluster import Cluster, Unavailable
from mmpipe_operator.kinds import Manifest, Ref
from mmpipe_operator.metrics_adapter import certificates, external_scaler, front_proxy, registration
from mmpipe_operator.metrics_adapter.certificates import Serving
from mmpipe_operator.metrics_adapter.front_proxy import CONFIGURATION
from mmpipe_operator.metrics_adapter.replica import Replica
from mmpipe_operator.metrics_adapter.request import Question
from mmpipe_operator.metrics_adapter.settings import AdapterSettings
from mmpipe_operator.metrics_adapter.values import Reading

OURS, PROXY = Authority("ours"), Authority("proxy")
DRAIN_S = 0.2
PAIR = OURS.sign("server")
SERVING = Serving(PAIR.certificate, PAIR.key, OURS.pem.encode())


class Api:
    """An API server that has nothing but the front proxy's configuration."""

    def __init__(self) -> None:
        self.authority: str | None = PROXY.pem
        self.asked = 0

    async def get(self, ref: Ref) -> Manifest | None:
        assert ref == CONFIGURATION
        self.asked += 1
        if self.authority is None:
            raise Unavailable(str(ref), "Unreachable", "no answer")
        data = {"client-ca-file": self.authority, "username-headers": json.dumps(["X-Remote-User"])}
        return {"data": {f"requestheader-{name}": value for name, value in data.items()}}


class Parts:
    """What others keep: told of here, with what they were given."""

    def __init__(self) -> None:
        self.use: Callable[[Serving], None] = lambda _: None
        self.tell: Callable[[str], None] = lambda _: None
        self.authority: Callable[[], bytes] = bytes
        self.registering, self.pushing = asyncio.Event(), asyncio.Event()
        self.withdrawn = False

    async def certify(self, _: Cluster, __: AdapterSettings, use: Callable[[Serving], None]) -> None:
        self.use = use
        await asyncio.Event().wait()

    async def register(self, *given: Any) -> None:  # noqa: ANN401  # those of registration.keep
        *_, self.authority, self.tell = given
        self.registering.set()
        await asyncio.Event().wait()

    async def push(self, *_: object) -> None:
        self.pushing.set()
        await asyncio.Event().wait()

    async def withdraw(self, *_: object) -> None:
        self.withdrawn = True


@asynccontextmanager
async def running(monkeypatch: pytest.MonkeyPatch, api: Api) -> AsyncIterator[tuple[Replica, Parts, asyncio.Event]]:
    parts, stop = Parts(), asyncio.Event()
    monkeypatch.setattr(certificates, "keep", parts.certify)
    monkeypatch.setattr(registration, "keep", parts.register)
    monkeypatch.setattr(registration, "withdraw_on_exit", parts.withdraw)
    monkeypatch.setattr(external_scaler, "serve", parts.push)
    monkeypatch.setattr(front_proxy, "keep", partial(front_proxy.keep, interval_s=0.01))
    replica = Replica(AdapterSettings(host=HOST, port=0, drain_seconds=DRAIN_S), cast("Cluster", api), answer)
    running = asyncio.create_task(replica.run(stop))
    await until(lambda: "front proxy: not there yet" not in replica.readiness.unready())
    try:
        yield replica, parts, stop
    finally:
        stop.set()
        with suppress(asyncio.CancelledError):
            await running


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  # of a replica that tells nobody
            await asyncio.sleep(0.001)


async def answer(_: Question) -> Reading:
    raise NotImplementedError


@asynchronous
async def test_it_is_ready_with_a_certificate_and_a_front_proxy_and_registers_only_then() -> None:
    with pytest.MonkeyPatch.context() as patched:
        async with running(patched, Api()) as (replica, parts, _):
            assert replica.readiness.unready() == "certificate: not there yet"
            assert not parts.registering.is_set()
            parts.use(SERVING)
            assert not replica.readiness.unready()
            await asyncio.wait_for(asyncio.gather(parts.registering.wait(), parts.pushing.wait()), 5)
            assert parts.authority() == SERVING.authority


@asynchronous
async def test_the_newest_authority_is_registered() -> None:
    with pytest.MonkeyPatch.context() as patched:
        async with running(patched, Api()) as (_, parts, _):
            parts.use(SERVING)
            await asyncio.wait_for(parts.registering.wait(), 5)
            parts.use(Serving(PAIR.certificate, PAIR.key, b"old and new"))
            assert parts.authority() == b"old and new"


@asynchronous
async def test_a_foreign_apiservice_makes_it_unready_until_it_is_gone() -> None:
    with pytest.MonkeyPatch.context() as patched:
        async with running(patched, Api()) as (replica, parts, _):
            parts.use(SERVING)
            await asyncio.wait_for(parts.registering.wait(), 5)
            parts.tell("found it served by another")
            assert replica.readiness.unready() == "APIService: found it served by another"
            parts.tell("")
            assert not replica.readiness.unready()


@asynchronous
async def test_why_there_is_no_front_proxy_is_told() -> None:
    api = Api()
    api.authority = "no certificate"
    with pytest.MonkeyPatch.context() as patched:
        async with running(patched, api) as (replica, parts, _):
            parts.use(SERVING)
            assert (
                "extension-apiserver-authentication: found a certificate that can't be used"
                in replica.readiness.unready()
            )
            assert not parts.registering.is_set()


@asynchronous
async def test_an_api_server_that_is_away_for_a_while_changes_nothing() -> None:
    api = Api()
    with pytest.MonkeyPatch.context() as patched:
        async with running(patched, api) as (replica, parts, _):
            parts.use(SERVING)
            api.authority = None
            asked = api.asked
            await until(lambda: api.asked > asked + 1)
            assert not replica.readiness.unready()


@asynchronous
async def test_told_to_stop_it_says_so_and_goes_on_for_a_while() -> None:
    with pytest.MonkeyPatch.context() as patched:
        async with running(patched, Api()) as (replica, parts, stop):
            parts.use(SERVING)
            told_s = asyncio.get_running_loop().time()
            stop.set()
            await until(lambda: replica.readiness.unready() == "process: stopping")
            await until(lambda: parts.withdrawn)
    assert asyncio.get_running_loop().time() - told_s >= DRAIN_S

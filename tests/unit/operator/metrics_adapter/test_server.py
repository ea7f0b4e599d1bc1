"""The metrics API over real TLS, asked as the API server's front proxy does."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from tests.unit.operator.metrics_adapter.authorities import HOST, Authority, Pair

from mmpipe.telemetry.testing import capture
from mmpipe_operator.metrics_adapter.access import Access
from mmpipe_operator.metrics_adapter.authorization import Authorizer
from mmpipe_operator.metrics_adapter.front_proxy import FrontProxy, User
from mmpipe_operator.metrics_adapter.handshakes import Handshakes
from mmpipe_operator.metrics_adapter.problems import Forbidden, Unreadable
from mmpipe_operator.metrics_adapter.request import Question
from mmpipe_operator.metrics_adapter.server import MetricsApi
from mmpipe_operator.metrics_adapter.values import Reading

ROOT = "/apis/custom.metrics.k8s.io/v1beta2"
DEPTH = f"{ROOT}/namespaces/team/multimodalpipelines.mmpipe.dev/media/queue_depth"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
OURS, PROXY = Authority("ours"), Authority("proxy")
SERVER, FRONT = OURS.sign("server"), PROXY.sign("front-proxy-client")
BELIEVED = FrontProxy(PROXY.pem, ("front-proxy-client",), ("X-Remote-User",), (), ("X-Remote-Group",), ())
HEADERS = {"X-Remote-User": "hpa"}


class Opened:
    """Counts connections that clients of a test open."""

    def __init__(self) -> None:
        self.trace = aiohttp.TraceConfig()
        self.trace.on_connection_create_end.append(self._add)
        self._count = 0

    def total(self) -> int:
        return self._count

    async def _add(self, *_: object) -> None:
        self._count += 1


OPENED = Opened()


class Doors:
    """Lets in whom it is told to."""

    def __init__(self) -> None:
        self.users: list[tuple[User, Question]] = []
        self.refused = False

    async def check(self, user: User, asked: Question) -> None:
        self.users.append((user, asked))
        if self.refused:
            raise Forbidden("User hpa cannot get it")


@dataclass
class World:
    folder: Path
    doors: Doors = field(default_factory=Doors)
    fault: Exception | None = None
    port: int = 0

    def __post_init__(self) -> None:
        self.asking, self.letting = asyncio.Event(), asyncio.Event()
        self.letting.set()
        self.access = Access(cast("Authorizer", self.doors))
        self.access.proxy = BELIEVED
        self.api = MetricsApi(self.access, self.answer)
        self.handshakes = Handshakes()
        self.handshakes.show(SERVER.certificate, SERVER.key)
        self.handshakes.believe(PROXY.pem)

    async def answer(self, _: Question) -> Reading:
        self.asking.set()
        await self.letting.wait()
        if self.fault:
            raise self.fault
        return Reading(42, NOW)

    @asynccontextmanager
    async def client(self, pair: Pair | None = FRONT) -> AsyncIterator[aiohttp.ClientSession]:
        """The API server, or with another certificate somebody else."""
        context = ssl.create_default_context(cadata=OURS.pem)
        if pair is not None:
            context.load_cert_chain(*pair.write(self.folder, "client"))
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(
            f"https://{HOST}:{self.port}",
            connector=connector,
            timeout=aiohttp.ClientTimeout(10),
            trace_configs=[OPENED.trace],
        ) as session:
            yield session

    async def asked(self, path: str, method: str = "GET", **options: Any) -> tuple[int, dict[str, Any]]:  # noqa: ANN401  # those of aiohttp
        pair = options.pop("pair", FRONT)
        async with (
            self.client(pair) as client,
            client.request(method, path, **{"headers": HEADERS, **options}) as answer,
        ):
            return answer.status, await answer.json()


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[World]:
    world = World(folder)
    async with world.api.serving(world.handshakes, HOST, 0) as world.port:
        yield world


def answered(folder: Path, path: str, **options: Any) -> tuple[int, dict[str, Any]]:  # noqa: ANN401  # those of asked
    async def ask() -> tuple[int, dict[str, Any]]:
        async with serving(folder) as world:
            return await world.asked(path, **options)

    return asyncio.run(ask())


def test_a_metric_is_answered_to_the_user_for_whom_the_proxy_speaks(tmp_path: Path) -> None:
    async def ask() -> World:
        async with serving(tmp_path) as world:
            headers = [("X-Remote-User", "hpa"), ("X-Remote-Group", "a"), ("X-Remote-Group", "b")]
            query = {"metricLabelSelector": "modality=image"}
            status, found = await world.asked(DEPTH, headers=headers, params=query)
            assert (status, found["items"][0]["value"]) == (200, "42")
            return world

    world = asyncio.run(ask())
    asked = Question("team", "media", "queue_depth", {"modality": "image"})
    assert world.doors.users == [(User("hpa", groups=("a", "b")), asked)]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/apis", "APIGroupList"),
        ("/apis/custom.metrics.k8s.io", "APIGroup"),
        (ROOT, "APIResourceList"),
    ],
)
def test_whoever_comes_through_the_api_server_finds_what_there_is(tmp_path: Path, path: str, kind: str) -> None:
    status, found = answered(tmp_path, path)
    assert (status, found["kind"]) == (200, kind)


@pytest.mark.parametrize("path", ["/openapi/v2", "/openapi/v3", f"/openapi/v3{ROOT}?hash=ABC"])
def test_openapi_is_served_at_every_address_that_the_api_server_asks(tmp_path: Path, path: str) -> None:
    status, found = answered(tmp_path, path)
    assert status == 200
    assert "paths" in found


AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
STRANGERS: tuple[tuple[Pair | None, Mapping[str, str]], ...] = (
    (None, HEADERS),
    (PROXY.sign("somebody"), HEADERS),
    (FRONT, {}),
)


@pytest.mark.parametrize("path", [DEPTH, ROOT, "/openapi/v2", "/nowhere"])
@pytest.mark.parametrize(("pair", "headers"), STRANGERS, ids=["no certificate", "another name", "no user"])
def test_nothing_is_told_to_who_does_not_come_through_the_api_server(
    tmp_path: Path, path: str, pair: Pair | None, headers: Mapping[str, str]
) -> None:
    status, found = answered(tmp_path, path, pair=pair, headers=headers)
    assert (status, found["kind"], found["reason"]) == (401, "Status", "Unauthorized")


@pytest.mark.parametrize(
    ("path", "method", "headers", "code", "reason"),
    [
        ("/nowhere", "GET", {}, 404, "NotFound"),
        (f"{ROOT}/namespaces/team/pods/one/queue_depth", "GET", {}, 404, "NotFound"),
        (f"{DEPTH}?metricLabelSelector=a%21b", "GET", {}, 400, "BadRequest"),
        (DEPTH, "POST", {}, 405, "MethodNotAllowed"),
        ("/apis", "GET", {"Accept": AGGREGATED}, 406, "NotAcceptable"),
    ],
)
def test_what_is_not_served_is_a_status_that_says_so(
    tmp_path: Path, path: str, method: str, headers: dict[str, str], code: int, reason: str
) -> None:
    status, found = answered(tmp_path, path, method=method, headers=HEADERS | headers)
    assert (status, found["code"], found["reason"], found["kind"]) == (code, code, reason, "Status")


def test_an_outage_is_told_to_everybody_and_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def ask() -> list[int]:
        async with serving(tmp_path) as world:
            world.fault = Unreadable("nats://nats: no answer")
            return [(await world.asked(DEPTH))[0] for _ in range(3)]

    assert asyncio.run(ask()) == [503] * 3
    assert [(each.levelname, each.message) for each in caplog.records] == [("WARNING", "nats://nats: no answer")]


def test_problems_are_told_as_what_they_are_and_counted_by_code(tmp_path: Path) -> None:
    async def ask() -> list[tuple[int, str]]:
        async with serving(tmp_path) as world:
            found = [await world.asked(DEPTH)]
            world.fault = Unreadable("nats://nats: no answer")
            found.append(await world.asked(DEPTH))
            world.fault = ValueError("a bug with a secret")
            found.append(await world.asked(DEPTH))
            world.doors.refused = True
            found.append(await world.asked(DEPTH))
            world.access.proxy = None
            found.append(await world.asked(DEPTH))
            return [(status, answer.get("message", "")) for status, answer in found]

    with capture() as emitted:
        found = asyncio.run(ask())
        counted = {
            code: emitted.total("mmpipe.adapter.requests", {"resource": "queue_depth", "code": code})
            for code in ("200", "503", "500", "403")
        }
    assert [status for status, _ in found] == [200, 503, 500, 403, 503]
    assert [message for _, message in found][1::2] == ["nats://nats: no answer", "User hpa cannot get it"]
    assert "secret" not in found[2][1]
    assert counted == {"200": 1, "503": 2, "500": 1, "403": 1}


def test_connections_that_were_let_in_before_are_ended_the_busy_ones_after_their_answer(tmp_path: Path) -> None:
    async def ask() -> tuple[list[int], int]:
        async with serving(tmp_path) as world, world.client() as client:
            opened = await opened_for(client, 2)
            world.api.part()
            opened += await opened_for(client, 2)
            world.asking, world.letting = asyncio.Event(), asyncio.Event()
            busy = asyncio.create_task(status_of(client))
            await world.asking.wait()
            world.api.part()
            world.letting.set()
            answered = await busy
            return opened + await opened_for(client, 1), answered

    opened, answered = asyncio.run(ask())
    assert opened == [1, 0, 1, 0, 1]
    assert answered == 200


async def opened_for(client: aiohttp.ClientSession, requests: int) -> list[int]:
    """Connections that each of these requests opens."""
    counts = []
    for _ in range(requests):
        before = OPENED.total()
        async with client.get("/apis", headers=HEADERS) as answer:
            await answer.read()
        counts.append(OPENED.total() - before)
    return counts


async def status_of(client: aiohttp.ClientSession) -> int:
    async with client.get(DEPTH, headers=HEADERS) as answer:
        await answer.read()
        return answer.status


def test_a_port_that_is_taken_is_an_error(tmp_path: Path) -> None:
    async def ask() -> None:
        async with serving(tmp_path) as world, World(tmp_path).api.serving(world.handshakes, HOST, world.port):
            pass

    with pytest.raises(OSError, match="address already in use"):
        asyncio.run(ask())

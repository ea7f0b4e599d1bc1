"""JetStream as it is in the wild: its server is killed, full of something else, locked, or not there."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.js.api import RetentionPolicy, StorageType
from tests.asynchronous import asynchronous
from tests.servers.nats import NatsServer, nats_running
from tests.servers.nats_accounts import accounts
from tests.servers.process import free_port

from mmpipe.adapters.errors import StoreMismatch, StoreRefused
from mmpipe.adapters.queue import CLAIM_CHECK_BYTES, Envelope, EnvelopeTooLarge, QueueUnreachable
from mmpipe.adapters.queue.connection import Connection
from mmpipe.adapters.queue.jetstream import JetStream
from mmpipe.adapters.queue.stream import Settings
from mmpipe.v1 import sample_pb2

pytestmark = pytest.mark.server

LEASE_S = 0.5
SOON_S = 5.0
HASTY = Settings(patience_s=1.0)
_number = itertools.count()


@pytest.fixture
def pipeline() -> str:
    return f"jetstream-{next(_number)}"


@asynccontextmanager
async def opened(
    url: str, pipeline: str = "media", credentials: str = "", settings: Settings = HASTY
) -> AsyncIterator[JetStream]:
    queue = await JetStream.open(url, "tests", pipeline, credentials, LEASE_S, settings)
    try:
        yield queue
    finally:
        await queue.close()


def an_envelope(sample_id: str = "a") -> Envelope:
    return Envelope(sample_pb2.Sample(id=sample_id), datetime.now(UTC))


async def until_refused(queue: JetStream, publisher: int, accepted: list[str], enough: asyncio.Event) -> None:
    """Publish one after the other, and note what was acknowledged; ``enough`` is when there are 200."""
    for number in itertools.count():
        name = f"{publisher}-{number}"
        try:
            await queue.publish(an_envelope(name), "text", name)
        except QueueUnreachable:
            return
        accepted.append(name)
        if len(accepted) == 200:
            enough.set()


async def drained(queue: JetStream, lane: str = "text") -> list[str]:
    found = []
    while sum((await queue.lanes()).values()):
        for delivery in await queue.pull(lane, 100, SOON_S):
            assert await delivery.ack()
            found.append(delivery.envelope.sample.id)
    return found


@asynchronous
async def test_what_was_acknowledged_outlives_a_kill_of_the_server(nats_server: NatsServer) -> None:
    accepted: list[str] = []
    enough = asyncio.Event()
    async with opened(nats_server.url) as queue:
        publishers = asyncio.gather(*(until_refused(queue, each, accepted, enough) for each in range(20)))
        await enough.wait()
        nats_server.kill()
        await publishers
        nats_server.start()
        await reconnected(queue)
        found = await drained(queue)
    assert set(found) >= set(accepted)
    assert len(found) == len(set(found))


@asynchronous
async def test_what_was_in_flight_when_the_server_was_killed_comes_again(nats_server: NatsServer) -> None:
    async with opened(nats_server.url) as queue:
        await queue.publish(an_envelope("a"), "text", "a")
        [delivery] = await queue.pull("text", 1, SOON_S)
        nats_server.kill()
        assert not await delivery.ack()
        nats_server.start()
        await reconnected(queue)
        assert await drained(queue) == ["a"]


@asynchronous
async def test_without_a_server_every_question_ends_in_time(nats_server: NatsServer) -> None:
    async with opened(nats_server.url) as queue:
        await queue.pull("text", 1, 0)
        nats_server.kill()
        started = time.monotonic()
        for question in (
            queue.publish(an_envelope(), "text", "a"),
            queue.pull("text", 1, 0.5),
            queue.lanes(),
            queue.oldest_age_s(),
        ):
            with pytest.raises(QueueUnreachable, match="see that the NATS server runs"):
                await question
        assert time.monotonic() - started < 8


@asynchronous
async def test_a_pull_that_waits_notices_at_once_that_the_server_is_gone(nats_server: NatsServer) -> None:
    async with opened(nats_server.url) as queue:
        waiting = asyncio.create_task(queue.pull("text", 1, 60))
        await asyncio.sleep(0.3)
        nats_server.kill()
        with pytest.raises(QueueUnreachable):
            await asyncio.wait_for(waiting, 2)


@asynchronous
async def test_publishing_waits_for_a_server_that_comes_back_soon(nats_server: NatsServer) -> None:
    async with opened(nats_server.url, settings=Settings(patience_s=10)) as queue:
        nats_server.kill()
        publishing = asyncio.create_task(queue.publish(an_envelope("a"), "text", "a"))
        await asyncio.to_thread(nats_server.start)
        assert not (await publishing).duplicate
        assert await drained(queue) == ["a"]


async def closed_within(connection: Connection) -> None:
    async with connection.unbroken(SOON_S) as client:
        await client.close()
        await asyncio.Event().wait()


@asynchronous
async def test_a_client_that_gave_up_for_good_is_replaced(nats_url: str) -> None:
    connection = Connection(nats_url, "", patience_s=2.0)
    with pytest.raises(QueueUnreachable):
        await asyncio.wait_for(closed_within(connection), 1)
    assert (await connection.request("$JS.API.INFO")).data
    await connection.close()


@asynchronous
async def test_a_server_that_is_not_there_is_reported_in_time() -> None:
    with pytest.raises(QueueUnreachable, match="Connect call failed"):
        async with opened(f"nats://127.0.0.1:{free_port()}"):
            pass


@asynchronous
async def test_a_cancelled_pull_gives_its_messages_back(nats_url: str, pipeline: str) -> None:
    async with opened(nats_url, pipeline) as queue:
        waiting = asyncio.create_task(queue.pull("text", 1, 60))
        await asyncio.sleep(0.1)
        waiting.cancel()
        await asyncio.wait([waiting])
        await queue.publish(an_envelope("a"), "text", "a")
        [delivery] = await queue.pull("text", 1, SOON_S)
        assert delivery.attempt == 1


@asynchronous
async def test_a_consumer_that_somebody_deleted_is_made_anew(nats_url: str, pipeline: str) -> None:
    async with opened(nats_url, pipeline) as queue, await nats.connect(nats_url) as client:
        await queue.pull("text", 1, 0)
        await client.jetstream().delete_consumer(f"MMPIPE_tests_{pipeline}", "text")
        await queue.publish(an_envelope("a"), "text", "a")
        assert await drained(queue) == ["a"]


@asynchronous
async def test_a_pull_survives_the_deletion_of_its_consumer(nats_url: str, pipeline: str) -> None:
    async with opened(nats_url, pipeline) as queue, await nats.connect(nats_url) as client:
        waiting = asyncio.create_task(queue.pull("text", 1, 60))
        await asyncio.sleep(0.2)
        await client.jetstream().delete_consumer(f"MMPIPE_tests_{pipeline}", "text")
        await queue.publish(an_envelope("a"), "text", "a")
        [delivery] = await asyncio.wait_for(waiting, SOON_S)
        assert await delivery.ack()


@asynchronous
async def test_processes_that_start_together_agree_on_one_stream(nats_url: str, pipeline: str) -> None:
    settings = [Settings(max_bytes=size) for size in (10_000, 20_000, 30_000)]
    queues = await asyncio.gather(*(JetStream.open(nats_url, "tests", pipeline, settings=each) for each in settings))
    await queues[0].publish(an_envelope(), "text", "a")
    assert await queues[1].lanes() == {"text": 1}
    for queue in queues:
        await queue.close()


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        ({"storage": StorageType.MEMORY}, "storage: found 'memory'; expected 'file'"),
        ({"retention": RetentionPolicy.LIMITS}, "retention: found 'limits'; expected 'workqueue'"),
    ],
)
def test_a_stream_that_would_lose_samples_is_refused_by_name(
    nats_url: str, pipeline: str, odd: dict[str, Any], message: str
) -> None:
    async def story() -> None:
        async with await nats.connect(nats_url) as client:
            stream = {
                "name": f"MMPIPE_tests_{pipeline}",
                "subjects": [f"mmpipe.tests.{pipeline}.>"],
                "retention": RetentionPolicy.WORK_QUEUE,
            }
            await client.jetstream().add_stream(**(stream | odd))
        with pytest.raises(StoreMismatch, match=message):
            async with opened(nats_url, pipeline):
                pass

    asyncio.run(story())


@asynchronous
async def test_a_server_without_room_says_what_to_do(nats_url: str, pipeline: str) -> None:
    with pytest.raises(StoreRefused, match="raise max_file_store"):
        async with opened(nats_url, pipeline, settings=Settings(max_bytes=2**60)):
            pass


@asynchronous
async def test_a_sample_that_no_message_can_hold_is_refused_before_it_is_sent(nats_url: str, pipeline: str) -> None:
    sample = sample_pb2.Sample(id="a", parts=[sample_pb2.Part(uri="x" * 2**20)])
    async with opened(nats_url, pipeline) as queue:
        with pytest.raises(EnvelopeTooLarge, match="at most 1,044,480"):
            await queue.publish(Envelope(sample, datetime.now(UTC)), "text", "a")


@asynchronous
async def test_a_sample_as_large_as_the_claim_check_allows_gets_through(nats_url: str, pipeline: str) -> None:
    sample = sample_pb2.Sample(id="a", parts=[sample_pb2.Part(uri="x" * CLAIM_CHECK_BYTES)])
    async with opened(nats_url, pipeline) as queue:
        await queue.publish(Envelope(sample, datetime.now(UTC)), "text", "a")
        assert await drained(queue) == ["a"]


@asynchronous
async def test_a_message_that_is_no_envelope_stays_and_holds_nobody_up(
    nats_url: str, pipeline: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(nats_url, pipeline) as queue, await nats.connect(nats_url) as client:
        await client.jetstream().publish(f"mmpipe.tests.{pipeline}.text", b"\xff\xff")
        await queue.publish(an_envelope("a"), "text", "a")
        assert [each.envelope.sample.id for each in await queue.pull("text", 10, SOON_S)] == ["a"]
        assert await queue.lanes() == {"text": 2}
    assert "message 1 is no envelope" in caplog.text


@pytest.mark.parametrize(
    ("authorization", "credentials"),
    [('{user: mmpipe, password: "pass:word"}', "mmpipe:pass:word\n"), ("{token: secret}", "secret\n")],
)
def test_credentials_open_the_server(authorization: str, credentials: str) -> None:
    async def story(server: NatsServer) -> None:
        async with opened(server.url, credentials=credentials) as queue:
            await queue.publish(an_envelope(), "text", "a")
        for wrong in ("", "mmpipe:wrong", "wrong"):
            with pytest.raises(StoreRefused, match="see that the credentials fit"):
                async with opened(server.url, credentials=wrong):
                    pass

    with nats_running(f"authorization: {authorization}") as server:
        asyncio.run(story(server))


def test_the_content_of_a_credentials_file_opens_the_server() -> None:
    ours, strangers = accounts(), accounts()

    async def story(server: NatsServer) -> None:
        async with opened(server.url, credentials=ours.credentials) as queue:
            await queue.publish(an_envelope(), "text", "a")
        with pytest.raises(StoreRefused, match="see that the credentials fit"):
            async with opened(server.url, credentials=strangers.credentials):
                pass

    with nats_running(ours.configuration) as server:
        asyncio.run(story(server))


def test_the_server_settings_sync_before_every_acknowledgement() -> None:
    port = free_port()
    with nats_running(f"http: 127.0.0.1:{port}") as server:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/jsz") as answer:
            config = json.load(answer)["config"]
        assert config["sync_always"]
        assert Path(config["store_dir"]).is_relative_to(server.folder)


async def reconnected(queue: JetStream) -> None:
    while True:
        try:
            await queue.lanes()
        except QueueUnreachable:
            continue
        return

"""What the operator reports of NATS: whether it answers, lets in and has JetStream, and how much waits there."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import nats
import pytest
from nats.js.api import RetentionPolicy
from tests.asynchronous import asynchronous
from tests.integration.operator.asking import a_pipeline, asking, gate_to
from tests.servers.nats import NatsServer, nats_running

from mmpipe.adapters.queue import Envelope
from mmpipe.adapters.queue.jetstream import JetStream
from mmpipe.spec import MultimodalPipeline
from mmpipe.v1 import sample_pb2
from mmpipe_operator.status import Report

pytestmark = pytest.mark.server

TOKEN = {"name": "nats", "key": "token"}
NOW = datetime(2026, 1, 1, tzinfo=UTC)
HIDDEN = "open-sesame-7"


def known(report: Report) -> bool:
    return report.queue.state != "Unknown"


def over_nats(name: str, url: str, **changed: object) -> MultimodalPipeline:
    return a_pipeline(name, queue={"url": url, **changed})


async def publish(queue: JetStream, *ids: str) -> None:
    for id_ in ids:
        await queue.publish(Envelope(sample_pb2.Sample(id=id_), NOW), "text", id_)


@asynchronous
async def test_what_waits_and_what_is_in_flight_is_the_backlog(nats_url: str) -> None:
    pipeline = over_nats("backlogged", nats_url)
    queue = await JetStream.open(nats_url, "prod", "backlogged")
    try:
        async with asking() as one:
            assert (await one.until(pipeline, known)).backlog == 0
            await publish(queue, "a", "b", "c")
            (delivery,) = await queue.pull("text", 1, 5.0)
            assert (await one.until(pipeline, lambda report: report.backlog == 3)).queue.state == "Reachable"
            await delivery.ack()
            for rest in await queue.pull("text", 2, 5.0):
                await rest.ack()
            await one.until(pipeline, lambda report: report.backlog == 0)
    finally:
        await queue.close()


@asynchronous
async def test_a_pipeline_without_a_stream_has_no_backlog_and_gets_no_stream(nats_url: str) -> None:
    async with asking() as one:
        report = await one.until(over_nats("streamless", nats_url), known)
    assert (report.queue.state, report.queue.message, report.backlog) == ("Reachable", "", 0)
    client = await nats.connect(nats_url)
    answer = json.loads((await client.request("$JS.API.STREAM.INFO.MMPIPE_prod_streamless")).data)
    await client.close()
    assert answer["error"]["code"] == 404


@asynchronous
async def test_a_stream_of_that_name_that_would_lose_samples_is_a_mismatch(nats_url: str) -> None:
    client = await nats.connect(nats_url)
    subjects = ["mmpipe.prod.other-stream.>"]
    await client.jetstream().add_stream(
        name="MMPIPE_prod_other-stream", subjects=subjects, retention=RetentionPolicy.LIMITS
    )
    await client.close()
    async with asking() as one:
        probe = (await one.until(over_nats("other-stream", nats_url), known)).queue
    assert probe.state == "Mismatch"
    assert "found 'limits'; expected 'workqueue'" in probe.message


@asynchronous
async def test_a_server_that_is_killed_and_started_again_is_reported_so(nats_server: NatsServer) -> None:
    pipeline = over_nats("comes-back", nats_server.url)
    async with asking() as one:
        await one.until(pipeline, lambda report: report.queue.state == "Reachable")
        await asyncio.to_thread(nats_server.kill)
        away = await one.until(pipeline, lambda report: report.queue.state == "Unreachable")
        assert away.backlog is None
        assert "see that the NATS server runs" in away.queue.message
        await asyncio.to_thread(nats_server.start)
        await one.until(pipeline, lambda report: report.queue.state == "Reachable")


@asynchronous
async def test_a_wrong_token_is_refused_and_not_shown() -> None:
    with nats_running(f'authorization {{ token: "{HIDDEN}" }}\n') as server:
        pipeline = over_nats("wrong-token", server.url, credentialsSecretRef=TOKEN)
        async with asking() as one:
            wrong = await one.until(pipeline, known, {("nats", "token"): "wrong-sesame"})
            right = await one.until(
                pipeline, lambda report: report.queue.state == "Reachable", {("nats", "token"): HIDDEN}
            )
    assert wrong.queue.state == "Refused"
    assert "see that the credentials fit" in wrong.queue.message
    assert "sesame" not in wrong.queue.message
    assert right.backlog == 0


@asynchronous
async def test_a_user_without_the_right_to_ask_is_refused() -> None:
    user = f'{{ user: "shy", password: "{HIDDEN}", permissions: {{ publish: {{ deny: "$JS.API.>" }} }} }}'
    with nats_running(f"authorization {{ users: [ {user} ] }}\n") as server:
        pipeline = over_nats("no-rights", server.url, credentialsSecretRef=TOKEN)
        async with asking() as one:
            probe = (await one.until(pipeline, known, {("nats", "token"): f"shy:{HIDDEN}"})).queue
    assert probe.state == "Refused"
    assert "permissions violation" in probe.message.lower()


@asynchronous
async def test_a_secret_that_is_not_there_is_refused_by_name_and_key(nats_url: str) -> None:
    async with asking() as one:
        probe = (await one.until(over_nats("no-secret", nats_url, credentialsSecretRef=TOKEN), known)).queue
    assert probe.state == "Refused"
    assert probe.message == "Secret nats, key token: found none, expected one in the pipeline's namespace; create it"


@asynchronous
async def test_an_account_without_jetstream_is_refused() -> None:
    accounts = f'accounts: {{ A: {{ users: [ {{ user: a, password: "{HIDDEN}" }} ] }} }}\n'
    with nats_running(accounts) as server:
        pipeline = over_nats("no-jetstream", server.url, credentialsSecretRef=TOKEN)
        async with asking() as one:
            probe = (await one.until(pipeline, known, {("nats", "token"): f"a:{HIDDEN}"})).queue
    assert probe.state == "Refused"
    assert "expected JetStream; turn it on" in probe.message


@asynchronous
async def test_two_hundred_pipelines_share_one_connection_and_give_it_back(nats_url: str) -> None:
    async with gate_to(nats_url) as gate, asking() as one:
        url = f"nats://127.0.0.1:{gate.port}"
        pipelines = [over_nats(f"one-of-many-{number}", url) for number in range(200)]
        for pipeline in pipelines:
            one.neighbours.report(pipeline, {})
        for pipeline in pipelines:
            assert (await one.until(pipeline, known)).queue.state == "Reachable"
        assert gate.opened == 1
        for pipeline in pipelines:
            one.neighbours.forget("prod", pipeline.metadata.name)
        async with asyncio.timeout(10):
            await gate.left.wait()


@asynchronous
async def test_a_pipeline_that_moves_to_another_server_is_unknown_until_that_one_has_answered(nats_url: str) -> None:
    async with gate_to(nats_url) as gate, asking() as one:
        await one.until(over_nats("moving", f"nats://127.0.0.1:{gate.port}"), known)
        moved = over_nats("moving", nats_url)
        assert one.neighbours.report(moved, {}).queue.state == "Unknown"
        await one.until(moved, known)


@asynchronous
async def test_a_backlog_of_the_same_size_is_no_news(nats_url: str) -> None:
    pipeline = over_nats("steady", nats_url)
    queue = await JetStream.open(nats_url, "prod", "steady")
    try:
        async with asking() as one:
            await publish(queue, "a", "b")
            await one.until(pipeline, lambda report: report.backlog == 2)
            told = len(one.told)
            await publish(queue, "c", "d", "e")
            async with asyncio.timeout(10):
                while one.neighbours.report(pipeline, {}).backlog != 5:  # noqa: ASYNC110  # no news is the point
                    await asyncio.sleep(0.01)
            assert len(one.told) == told
    finally:
        await queue.close()

"""`mmpipe gateway` as a process over a real NATS server: what a receipt is worth, what an outage or restart costs."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.servers.nats import NatsServer
from tests.servers.process import Server, free_port, running

from mmpipe.adapters.channels import Dialling, channel_options
from mmpipe.adapters.metadata.dead_letters import DeadLetter
from mmpipe.adapters.queue.envelope import Envelope
from mmpipe.adapters.rpc_faults import CallFault, read
from mmpipe.records import Modality
from mmpipe.runtimes import home
from mmpipe.spec import load
from mmpipe.v1 import error_pb2, gateway_pb2, gateway_pb2_grpc, media_pb2, sample_pb2

TIMEOUT_S = 30.0
TOKENS = {"mode": "Tokens", "tokensSecretRef": {"name": "gateway", "key": "tokens"}}
OUTAGE_ANSWERED_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline object on disk, over a NATS server and a data folder of its own."""

    spec: Path
    data: Path

    @classmethod
    def over(cls, nats_url: str, folder: Path, gateway: dict[str, Any] | None = None) -> Pipeline:
        """``gateway`` is its block of the spec."""
        return cls.of({"source": {"queue": {"nats": {"url": nats_url}}}, "gateway": gateway or {}}, folder)

    @classmethod
    def of(cls, spec: dict[str, Any], folder: Path) -> Pipeline:
        """The folder's name makes the pipeline's."""
        name = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")
        head = {"apiVersion": "mmpipe.dev/v1alpha1", "kind": "MultimodalPipeline", "metadata": {"name": name}}
        file = folder / "pipeline.json"
        file.write_text(json.dumps(head | {"spec": spec}))
        return cls(file, folder / "data")

    @contextmanager
    def gateway(self, port: int = 0) -> Iterator[Gateway]:
        port, metrics_port = port or free_port(), free_port()
        folder = self.spec.parent / f"gateway-{port}"
        folder.mkdir(exist_ok=True)
        said = folder / "output"
        ports = ["--port", port, "--metrics-port", metrics_port]
        command = [sys.executable, "-m", "mmpipe", "gateway", self.spec, *ports, "--data", self.data]
        server = Server(command, folder, lambda: said.exists() and said.read_text().count("listening") >= starts[0])
        starts = [1]
        with running(server):
            yield Gateway(server, port, metrics_port, starts)

    async def queued(self) -> list[Envelope]:
        """What the stream holds, as a worker gets it."""
        pipeline = load(self.spec)
        queue = await home.open_queue(pipeline)
        try:
            lanes = await queue.lanes()
            return [each.envelope for lane in lanes for each in await queue.pull(lane, 10_000, 0.5)]
        finally:
            await queue.close()


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway process that listens."""

    server: Server
    port: int
    metrics_port: int
    starts: list[int]

    async def answers_again(self) -> None:
        """Until a client has found it after its start: the next replica may go down then, and no sooner."""
        while not (await asyncio.to_thread(self._submissions)):  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.05)

    def _submissions(self) -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics") as page:
            return 'rpc_method="mmpipe.v1.GatewayService/Submit"' in page.read().decode()

    def restart(self) -> None:
        """As a rolling restart does it: SIGTERM, and another one on the same port."""
        self.server.stop()
        self.starts[0] += 1
        self.server.start()


@asynccontextmanager
async def calling(*ports: int, retries: bool = True) -> AsyncIterator[gateway_pb2_grpc.GatewayServiceAsyncStub]:
    address = "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)
    options = [*channel_options(Dialling()), ("grpc.enable_retries", int(retries))]
    async with grpc.aio.insecure_channel(address, options) as channel:
        yield gateway_pb2_grpc.GatewayServiceStub(channel)


def a_text(text: str, sample_id: str = "") -> sample_pb2.Sample:
    return sample_pb2.Sample(id=sample_id, parts=[sample_pb2.Part(media=media_pb2.Media(text=text))])


def submitting(text: str, sample_id: str = "") -> gateway_pb2.SubmitRequest:
    return gateway_pb2.SubmitRequest(sample=a_text(text, sample_id))


async def fault_of(call: Awaitable[object]) -> CallFault:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    return read(failed.value)


def timely(scenario: Awaitable[None]) -> None:
    async def run() -> None:
        async with asyncio.timeout(4 * TIMEOUT_S):
            await scenario

    asyncio.run(run())


@pytest.mark.server
def test_a_receipt_survives_the_death_of_the_gateway(nats_url: str, tmp_path: Path) -> None:
    pipeline = Pipeline.over(nats_url, tmp_path)

    async def scenario() -> None:
        with pipeline.gateway() as gateway:
            async with calling(gateway.port) as stub:
                answer = await stub.Submit(submitting("a red bell", "bell"), timeout=TIMEOUT_S)
                gateway.server.kill()
        assert (answer.receipt.sample_id, answer.receipt.duplicate) == ("bell", False)
        assert [envelope.sample.id for envelope in await pipeline.queued()] == ["bell"]

    timely(scenario())


@pytest.mark.server
def test_a_sample_sent_twice_is_queued_once_under_one_id_also_by_another_gateway(nats_url: str, tmp_path: Path) -> None:
    pipeline = Pipeline.over(nats_url, tmp_path)

    async def scenario() -> None:
        receipts = []
        for _ in range(2):
            with pipeline.gateway() as gateway:
                async with calling(gateway.port) as stub:
                    receipts.append((await stub.Submit(submitting("a red bell"), timeout=TIMEOUT_S)).receipt)
        first, second = receipts
        assert first.sample_id == second.sample_id
        assert (first.duplicate, second.duplicate) == (False, True)
        assert len(await pipeline.queued()) == 1

    timely(scenario())


@pytest.mark.server
def test_packs_are_receipted_and_queued(nats_url: str, tmp_path: Path) -> None:
    pipeline = Pipeline.over(nats_url, tmp_path)
    packs = [
        gateway_pb2.IngestRequest(pack=pack, samples=[a_text(f"{pack} {at}", f"{pack}/{at}") for at in range(50)])
        for pack in range(10)
    ]

    async def scenario() -> None:
        with pipeline.gateway() as gateway:
            async with calling(gateway.port) as stub:
                answers = [answer async for answer in stub.Ingest(iter(packs), timeout=TIMEOUT_S)]
                status = await stub.GetSample(gateway_pb2.GetSampleRequest(sample_id="9/49"), timeout=TIMEOUT_S)
        receipted = [receipt.sample_id for answer in answers for receipt in answer.receipts]
        assert status.status.state == sample_pb2.SAMPLE_STATE_QUEUED
        queued = [envelope.sample.id for envelope in await pipeline.queued()]
        assert sorted(queued) == sorted(receipted) == sorted(f"{pack}/{at}" for pack in range(10) for at in range(50))

    timely(scenario())


@pytest.mark.server
def test_an_uploaded_medium_can_be_referred_to(nats_url: str, tmp_path: Path) -> None:
    pipeline = Pipeline.over(nats_url, tmp_path)
    content = b"a red bell " * 200_000
    chunks = [
        gateway_pb2.UploadRequest(chunk=content[at : at + 1_000_000], size_bytes=0 if at else len(content))
        for at in range(0, len(content), 1_000_000)
    ]

    async def scenario() -> None:
        with pipeline.gateway() as gateway:
            async with calling(gateway.port) as stub:
                uploaded = await stub.Upload(iter(chunks), timeout=TIMEOUT_S)
                media = media_pb2.Media(reference=uploaded.reference, format="txt")
                part = sample_pb2.Part(modality=media_pb2.MODALITY_TEXT, media=media)
                request = gateway_pb2.SubmitRequest(sample=sample_pb2.Sample(id="bell", parts=[part]))
                await stub.Submit(request, timeout=TIMEOUT_S)
        (envelope,) = await pipeline.queued()
        reference = envelope.sample.parts[0].media.reference
        objects = home.open_objects(load(pipeline.spec), pipeline.data)
        assert objects.get(reference.sha256) == content

    timely(scenario())


@pytest.mark.server
def test_dead_letters_come_by_pages_and_go_back_into_the_stream_at_their_rate(nats_url: str, tmp_path: Path) -> None:
    pipeline = Pipeline.over(nats_url, tmp_path)
    with home.open_metadata(load(pipeline.spec), pipeline.data) as metadata:
        for at in range(5):
            metadata.dead_letters.put(a_letter(f"letter-{at}", redrives=3 if at == 4 else 0))

    async def scenario() -> None:
        with pipeline.gateway() as gateway:
            async with calling(gateway.port) as stub:
                first = await stub.ListDeadLetters(gateway_pb2.ListDeadLettersRequest(page_size=3), timeout=TIMEOUT_S)
                rest = gateway_pb2.ListDeadLettersRequest(page_size=3, page_token=first.next_page_token)
                second = await stub.ListDeadLetters(rest, timeout=TIMEOUT_S)
                listed = {letter.sample_id for page in (first, second) for letter in page.dead_letters}
                assert (len(listed), first.total, second.next_page_token) == (5, 5, "")
                tried = [each async for each in stub.RedriveDeadLetters(redriving(dry_run=True), timeout=TIMEOUT_S)]
                assert sum(each.redriven for each in tried) == 4
                begun_s = time.monotonic()
                done = [each async for each in stub.RedriveDeadLetters(redriving(rate=8.0), timeout=TIMEOUT_S)]
                assert time.monotonic() - begun_s >= 4 / 8.0
        assert {each.sample_id for each in done if each.redriven} == listed - {"letter-4"}
        assert {(each.sample.id, each.redrives) for each in await pipeline.queued()} == {
            (f"letter-{at}", 1) for at in range(4)
        }

    timely(scenario())


def redriving(*, dry_run: bool = False, rate: float = 0.0) -> gateway_pb2.RedriveDeadLettersRequest:
    return gateway_pb2.RedriveDeadLettersRequest(dry_run=dry_run, rate=rate)


def a_letter(sample_id: str, redrives: int) -> DeadLetter:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return DeadLetter(
        sample_id=sample_id,
        envelope=Envelope(a_text("a red bell", sample_id), moment, redrives=redrives).to_bytes(),
        lane="text",
        modalities=(Modality.TEXT,),
        stage="text.decode",
        reason="crashed",
        attempts=5,
        redrives=redrives,
        trace_id="",
        accepted_at=moment,
        first_seen=moment,
        last_seen=moment,
    )


@pytest.mark.server
def test_tokens_limits_and_sizes_are_held(nats_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMPIPE_SECRET_GATEWAY_TOKENS", "acme:one")
    options = {
        "authentication": TOKENS,
        "limits": {"samplesPerSecond": 0.5, "maxSampleBytes": 1000},
    }
    pipeline = Pipeline.over(nats_url, tmp_path, options)
    known = (("authorization", "Bearer one"),)

    async def scenario() -> None:
        with pipeline.gateway() as gateway:
            async with calling(gateway.port) as stub:
                unknown = await fault_of(stub.Submit(submitting("x"), metadata=(("authorization", "Bearer two"),)))
                assert unknown.reason == error_pb2.REASON_NOT_AUTHENTICATED
                await stub.Submit(submitting("x"), metadata=known, timeout=TIMEOUT_S)
                # One second: the channel's own retry obeys the pushback, and two seconds would let it succeed.
                fast = await fault_of(stub.Submit(submitting("y"), metadata=known, timeout=1.0))
                assert fast.reason == error_pb2.REASON_RATE_LIMITED
                assert 0 < (fast.retry_after_s or 0) <= 2
                large = await fault_of(stub.Submit(submitting("x" * 2000), metadata=known))
                assert large.reason == error_pb2.REASON_TOO_LARGE
        assert len(await pipeline.queued()) == 1

    timely(scenario())


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({}, "spec.source.queue: found none"),
        ({"gateway": {"authentication": TOKENS}}, "found no MMPIPE_SECRET_GATEWAY_TOKENS"),
    ],
    ids=["no queue", "no tokens"],
)
def test_a_gateway_that_cannot_serve_ends_at_once_and_says_why(tmp_path: Path, spec: Any, said: str) -> None:  # noqa: ANN401  # JSON
    pipeline = Pipeline.of(spec, tmp_path)

    command = [
        sys.executable,
        "-m",
        "mmpipe",
        "gateway",
        str(pipeline.spec),
        "--port",
        "0",
        "--data",
        str(pipeline.data),
    ]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=TIMEOUT_S)

    assert ended.returncode == 2
    assert said in ended.stderr


@pytest.mark.server
def test_an_outage_of_the_queue_is_said_soon_and_over_when_it_is_over(nats_server: NatsServer, tmp_path: Path) -> None:
    pipeline = Pipeline.over(nats_server.url, tmp_path)

    async def scenario() -> None:
        with pipeline.gateway() as gateway:
            async with calling(gateway.port) as stub:
                await stub.Submit(submitting("before", "before"), timeout=TIMEOUT_S)
                nats_server.kill()
                begun_s = time.monotonic()
                down = await fault_of(stub.Submit(submitting("during", "during"), timeout=TIMEOUT_S))
                assert time.monotonic() - begun_s < OUTAGE_ANSWERED_WITHIN_S
                assert (down.code, down.metadata) == (grpc.StatusCode.UNAVAILABLE, {"dependency": "queue"})
                nats_server.start()
                await until_accepted(stub, "after")
        queued = {envelope.sample.id for envelope in await pipeline.queued()}
        assert {"before", "after"} <= queued <= {"before", "during", "after"}

    timely(scenario())


@pytest.mark.server
def test_a_gateway_starts_while_the_queue_is_down_and_accepts_when_it_is_there(
    nats_server: NatsServer, tmp_path: Path
) -> None:
    pipeline = Pipeline.over(nats_server.url, tmp_path)
    nats_server.kill()

    async def scenario() -> None:
        with pipeline.gateway() as gateway:
            async with calling(gateway.port) as stub:
                down = await fault_of(stub.Submit(submitting("during", "during"), timeout=TIMEOUT_S))
                assert down.metadata == {"dependency": "queue"}
                nats_server.start()
                await until_accepted(stub, "after")

    timely(scenario())


async def until_accepted(stub: gateway_pb2_grpc.GatewayServiceAsyncStub, sample_id: str) -> None:
    """A client that tries again."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            try:
                await stub.Submit(submitting(sample_id, sample_id), timeout=TIMEOUT_S)
            except grpc.aio.AioRpcError as error:
                assert read(error).transient  # noqa: PT017  # anything else is a failure
            else:
                return


@pytest.mark.server
def test_a_rolling_restart_of_two_replicas_fails_no_call_not_even_where_the_channel_never_retries(
    nats_url: str, tmp_path: Path
) -> None:
    pipeline = Pipeline.over(nats_url, tmp_path)

    async def scenario() -> None:
        with ExitStack() as replicas:
            gateways = [replicas.enter_context(pipeline.gateway()) for _ in range(2)]
            async with calling(*(gateway.port for gateway in gateways), retries=False) as stub:
                load = Load(stub)
                async with asyncio.TaskGroup() as clients:
                    for client in range(8):
                        clients.create_task(load.submit(client))
                    for gateway in gateways:
                        await asyncio.to_thread(gateway.restart)
                        await gateway.answers_again()
                        await load.more(100)
                    load.over.set()
        assert len(load.accepted) > 200
        assert len(set(load.accepted)) == len(load.accepted)
        queued = [envelope.sample.id for envelope in await pipeline.queued()]
        assert sorted(queued) == sorted(load.accepted)

    timely(scenario())


class Load:
    """Clients that submit one sample after the other until it is over; a call that fails fails the test."""

    def __init__(self, stub: gateway_pb2_grpc.GatewayServiceAsyncStub) -> None:
        self.accepted: list[str] = []
        self.over = asyncio.Event()
        self._stub = stub
        self._changed = asyncio.Condition()

    async def submit(self, client: int) -> None:
        number = 0
        while not self.over.is_set():
            number += 1
            name = f"{client}/{number}"
            answer = await self._stub.Submit(submitting(name, name), timeout=TIMEOUT_S)
            self.accepted.append(answer.receipt.sample_id)
            async with self._changed:
                self._changed.notify_all()

    async def more(self, count: int) -> None:
        """Until so many more samples are accepted."""
        wanted = len(self.accepted) + count
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.accepted) >= wanted)


@pytest.mark.server
def test_a_stream_that_a_restart_ends_has_receipts_for_exactly_what_is_queued(nats_url: str, tmp_path: Path) -> None:
    pipeline = Pipeline.over(nats_url, tmp_path)
    sent = asyncio.Event()

    async def packs() -> AsyncIterator[gateway_pb2.IngestRequest]:
        for pack in range(5):
            yield gateway_pb2.IngestRequest(pack=pack, samples=[a_text(f"{pack}", f"{pack}")])
        sent.set()
        await asyncio.Event().wait()

    async def scenario() -> None:
        receipted: list[str] = []
        with pipeline.gateway() as gateway:
            async with calling(gateway.port) as stub:
                stream = stub.Ingest(packs(), timeout=TIMEOUT_S)
                receipted.extend(receipt.sample_id for receipt in (await anext(aiter(stream))).receipts)
                await sent.wait()
                stopping = asyncio.create_task(asyncio.to_thread(gateway.server.stop))
                with pytest.raises(grpc.aio.AioRpcError) as ended:
                    await collect(stream, receipted)
                await stopping
        assert read(ended.value).reason == error_pb2.REASON_NOT_SERVING
        assert sorted(receipted) == sorted(envelope.sample.id for envelope in await pipeline.queued())

    timely(scenario())


async def collect(stream: AsyncIterable[gateway_pb2.IngestResponse], receipted: list[str]) -> None:
    async for answer in stream:
        receipted.extend(receipt.sample_id for receipt in answer.receipts)

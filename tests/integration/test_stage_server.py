"""Stage servers over loopback: the answers of the local chain, and no call lost while they are full or go away."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from PIL import Image
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay

from mmpipe.adapters import rpc_faults, wire
from mmpipe.adapters.channels import sync_channel
from mmpipe.adapters.errors import StoreUnreachable
from mmpipe.adapters.fetch import FetchFailed, FetchRefused
from mmpipe.adapters.inputs import InputLimits, open_input
from mmpipe.models.package import load, resolve
from mmpipe.records import Clip, Embedding, Failed, Fate, Fusion, Item, Media, Modality, Reference, Rejected, Segment
from mmpipe.runtimes import chain
from mmpipe.runtimes.segmenting import segments
from mmpipe.runtimes.stage_server.server import Serves, StageServer
from mmpipe.spec import ModalitySpec, PipelineSpec, default_pipeline
from mmpipe.spec.gates import without_gates
from mmpipe.spec.processes import Serving
from mmpipe.stages.joint.fuse import fuse
from mmpipe.telemetry.testing import Emitted, capture
from mmpipe.v1 import (
    chain_pb2,
    chain_pb2_grpc,
    clean_pb2,
    clean_pb2_grpc,
    decode_pb2,
    decode_pb2_grpc,
    embed_pb2,
    embed_pb2_grpc,
    fuse_pb2,
    fuse_pb2_grpc,
    item_pb2,
)
from mmpipe.v1.error_pb2 import Reason

EXAMPLES = Path(__file__).parents[2] / "examples" / "media"
SPEC = default_pipeline().spec
TOLERANCE = 1e-6
SOON_S = 30.0
every_modality = pytest.mark.parametrize("modality", list(Modality))


def nothing_to_fetch(media: Media, _declared: Modality) -> Media:
    raise AssertionError(media)


@contextmanager
def served(
    serves: Serves,
    spec: PipelineSpec = SPEC,
    fetch: Callable[[Media, Modality], Media] = nothing_to_fetch,
    threads: int = 2,
) -> Iterator[grpc.Channel]:
    server = StageServer(spec, serves, fetch, threads)
    port = server.start()
    with sync_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    assert server.drain(SOON_S)


def serving(**fields: object) -> PipelineSpec:
    return SPEC.model_copy(update={"serving": Serving.model_validate(fields)})


@cache
def local(modality: Modality) -> tuple[chain.NamedStage, ...]:
    return chain.build(options_of(modality), load(resolve("builtin:tiny")))


def options_of(modality: Modality) -> ModalitySpec:
    options = SPEC.modality(modality)
    assert options is not None
    return options


@cache
def examples(modality: Modality) -> list[Item[Media]]:
    """All example media of a modality, long ones as segments."""
    parts = [part for sample in open_input(str(EXAMPLES), InputLimits()) for part in sample.parts]
    return [
        Item(part.uri, replace(part.media, segment=segment))
        for part in parts
        if part.modality == modality
        for segment in stretches(modality, part.media)
    ]


def stretches(modality: Modality, media: Media) -> tuple[Segment | None, ...]:
    cut = segments(options_of(modality), media)
    assert isinstance(cut, tuple)
    return cut


def picture() -> Media:
    return Media((EXAMPLES / "bells" / "blue-plain-bell.jpg").read_bytes(), "jpeg")


@cache
def slow_picture() -> Item[Media]:
    """Few bytes and some 20 ms of work: it is the server that is slow, not the connection."""
    tile = np.random.default_rng(0).integers(0, 255, (30, 30, 3), np.uint8)
    stream = BytesIO()
    Image.fromarray(np.tile(tile, (50, 50, 1))).save(stream, "PNG")
    return Item("slow", Media(stream.getvalue(), "png"))


def a_request(items: Sequence[Item[Any]], modality: Modality, **fields: Any) -> chain_pb2.ChainRequest:  # noqa: ANN401
    return chain_pb2.ChainRequest(modality=wire.encode_modality(modality), items=map(wire.encode_item, items), **fields)


def fates(outcomes: Sequence[item_pb2.Outcome]) -> list[Fate]:
    return [wire.decode_fate(outcome) for outcome in outcomes]


def chained(channel: grpc.Channel, items: Sequence[Item[Any]], modality: Modality, **fields: Any) -> list[Fate]:  # noqa: ANN401
    stub = chain_pb2_grpc.ChainServiceStub(channel)
    return fates(stub.Chain(a_request(items, modality, **fields), timeout=SOON_S).outcomes)


def assert_same(found: Sequence[Fate], expected: Sequence[Fate]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        if not isinstance(other, Item):
            assert one == other
            continue
        assert isinstance(one, Item), one
        assert (one.id, dict(one.facts)) == (other.id, dict(other.facts))
        assert one.quality == pytest.approx(other.quality, abs=TOLERANCE)
        assert one.payload.model == other.payload.model
        np.testing.assert_allclose(one.payload.vector, other.payload.vector, atol=TOLERANCE)


def code_of(error: pytest.ExceptionInfo[grpc.RpcError]) -> tuple[grpc.StatusCode, int, str]:
    fault = rpc_faults.read(error.value)
    return fault.code, fault.reason, fault.field


@every_modality
def test_all_stages_in_one_process_answer_as_the_local_chain(modality: Modality) -> None:
    expected = chain.run(local(modality), examples(modality))
    with served(Serves((modality,))) as channel:
        assert_same(chained(channel, examples(modality), modality), expected)


@every_modality
def test_a_process_for_each_stage_answers_as_the_local_chain(modality: Modality) -> None:
    expected = chain.run(local(modality), examples(modality))
    with ExitStack() as stack:
        decode, clean, embed = (
            stack.enter_context(served(Serves((modality,), (verb,)))) for verb in ("decode", "clean", "embed")
        )
        wired = wire.encode_modality(modality)

        def decoded(items: list[item_pb2.Item]) -> Sequence[item_pb2.Outcome]:
            stub = decode_pb2_grpc.DecodeServiceStub(decode)
            return stub.Decode(decode_pb2.DecodeRequest(modality=wired, items=items)).outcomes

        def cleaned(items: list[item_pb2.Item]) -> Sequence[item_pb2.Outcome]:
            stub = clean_pb2_grpc.CleanServiceStub(clean)
            return stub.Clean(clean_pb2.CleanRequest(modality=wired, items=items)).outcomes

        def embedded(items: list[item_pb2.Item]) -> Sequence[item_pb2.Outcome]:
            stub = embed_pb2_grpc.EmbedServiceStub(embed)
            return stub.Embed(embed_pb2.EmbedRequest(modality=wired, items=items)).outcomes

        outcomes = [item_pb2.Outcome(item=wire.encode_item(item)) for item in examples(modality)]
        for stage in (decoded, cleaned, embedded):
            alive = [outcome.item for outcome in outcomes if outcome.HasField("item")]
            ends = iter(stage(alive))
            outcomes = [next(ends) if outcome.HasField("item") else outcome for outcome in outcomes]
        assert_same(fates(outcomes), expected)


@every_modality
def test_long_media_are_cut_as_in_the_local_path(modality: Modality) -> None:
    media = [replace(item.payload, segment=None) for item in examples(modality)]
    request = decode_pb2.SegmentRequest(modality=wire.encode_modality(modality), media=[*map(wire.encode_media, media)])
    with served(Serves((modality,))) as channel:
        answer = decode_pb2_grpc.DecodeServiceStub(channel).Segment(request)
    found = [tuple(map(wire.decode_segment, each.segments)) or (None,) for each in answer.segmented]
    assert found == [stretches(modality, each) for each in media]


def test_a_recording_that_cannot_be_cut_is_rejected_beside_its_neighbours() -> None:
    media = [Media(b"RIFF....", "wav"), examples(Modality.AUDIO)[0].payload]
    request = decode_pb2.SegmentRequest(
        modality=wire.encode_modality(Modality.AUDIO), media=map(wire.encode_media, media)
    )
    with served(Serves((Modality.AUDIO,))) as channel:
        bad, good = decode_pb2_grpc.DecodeServiceStub(channel).Segment(request).segmented
    assert bad.rejected.gate == "audio.decode"
    assert not good.HasField("rejected")


def test_the_sound_of_films_comes_along_where_it_is_asked_for() -> None:
    films = examples(Modality.VIDEO)
    decoded = chain.run(local(Modality.VIDEO)[:1], films)
    expected = {at: fate.payload.audio for at, fate in enumerate(decoded) if isinstance(fate, Item)}
    sounding = {at: audio for at, audio in expected.items() if audio is not None}
    with served(Serves((Modality.VIDEO,))) as channel:
        stub = chain_pb2_grpc.ChainServiceStub(channel)
        answer = stub.Chain(a_request(films, Modality.VIDEO, sound_tracks=True))
        assert not stub.Chain(a_request(films[:1], Modality.VIDEO)).sound_tracks
    found = {track.position: wire.decode_tensor(track.audio, "audio") for track in answer.sound_tracks}
    assert sounding
    assert found.keys() == sounding.keys()
    for at, audio in sounding.items():
        np.testing.assert_array_equal(found[at], audio)


def test_a_sound_track_goes_on_as_a_recording() -> None:
    clip = next(
        fate.payload
        for fate in chain.run(local(Modality.VIDEO)[:1], examples(Modality.VIDEO))
        if isinstance(fate, Item) and isinstance(fate.payload, Clip) and fate.payload.audio is not None
    )
    track = Item("film", clip.audio)
    stages = [chain_pb2.STAGE_CLEAN, chain_pb2.STAGE_EMBED]
    with served(Serves((Modality.AUDIO,))) as channel:
        assert_same(
            chained(channel, [track], Modality.AUDIO, stages=stages), chain.run(local(Modality.AUDIO)[1:], [track])
        )


def test_a_corrupt_jpeg_is_rejected_beside_good_ones() -> None:
    corrupt = Media(picture().content[:100] + b"\0" * 200, "jpeg")
    items = [Item("good", picture()), Item("bad", corrupt), Item("fine", picture())]
    with served(Serves((Modality.IMAGE,))) as channel:
        first, outcome, last = chained(channel, items, Modality.IMAGE)
    assert isinstance(outcome, Rejected)
    assert outcome.gate == "image.decode"
    assert isinstance(first, Item)
    assert isinstance(last, Item)


def test_no_gate_rejects_what_a_person_released() -> None:
    blank = Item("blank", Media((EXAMPLES / "odd" / "blank.png").read_bytes(), "png"))
    freed = chain.build(without_gates(options_of(Modality.IMAGE)), load(resolve("builtin:tiny")))
    with served(Serves((Modality.IMAGE,))) as channel:
        (held,) = chained(channel, [blank], Modality.IMAGE)
        released = chained(channel, [blank], Modality.IMAGE, ignore_gates=True)
    assert isinstance(held, Rejected)
    assert_same(released, chain.run(freed, [blank]))


def test_vectors_are_fused_as_in_the_local_path() -> None:
    parts = {
        modality: [fate for fate in chain.run(local(modality), examples(modality)[:2]) if isinstance(fate, Item)]
        for modality in (Modality.TEXT, Modality.IMAGE)
    }
    expected = fuse(parts, list(Modality), SPEC.fusion, SPEC.alignment)
    assert isinstance(expected, Fusion)
    groups = [
        fuse_pb2.ModalityItems(modality=wire.encode_modality(modality), items=map(wire.encode_item, items))
        for modality, items in parts.items()
    ]
    request = fuse_pb2.FuseRequest(inputs=[fuse_pb2.FuseInput(modalities=groups), fuse_pb2.FuseInput()])
    with served(Serves((), fuse=True)) as channel:
        fused, nothing = fuse_pb2_grpc.FuseServiceStub(channel).Fuse(request).outcomes
    found = wire.decode_fusion(fused)
    assert isinstance(found, Fusion)
    np.testing.assert_allclose(found.embedding.vector, expected.embedding.vector, atol=TOLERANCE)
    assert (found.weights, found.missing) == (expected.weights, expected.missing)
    assert (found.alignment_confidence, found.quality) == (expected.alignment_confidence, expected.quality)
    assert wire.decode_fusion(nothing) is None


def test_media_by_reference_are_fetched_first() -> None:
    def fetch(media: Media, declared: Modality) -> Media:
        assert media.reference is not None
        assert declared == Modality.IMAGE
        match media.reference.uri:
            case "https://host/refused":
                raise FetchRefused(media.reference.uri, "this", "that", "do so")
            case "https://host/failed":
                raise FetchFailed(media.reference.uri, "this", "that", "do so")
        return replace(picture(), segment=media.segment)

    names = ["there", "refused", "failed"]
    items = [Item(name, Media(b"", "", None, Reference(f"https://host/{name}"))) for name in names]
    with served(Serves((Modality.IMAGE,)), fetch=fetch) as channel:
        there, refused, failed = chained(channel, items, Modality.IMAGE)
    assert_same([there], chain.run(local(Modality.IMAGE), [Item("there", picture())]))
    assert isinstance(refused, Rejected)
    assert refused.gate == "source.references"
    assert isinstance(failed, Failed)
    assert failed.stage == "fetch"


def test_an_object_store_that_is_away_fails_the_call_and_is_named() -> None:
    def fetch(_media: Media, _declared: Modality) -> Media:
        raise StoreUnreachable("objects", "no answer", "one", "start it")

    item = Item("a", Media(b"", "jpeg", None, Reference("object:" + "ab" * 32)))
    with served(Serves((Modality.IMAGE,)), fetch=fetch) as channel, pytest.raises(grpc.RpcError) as raised:
        chained(channel, [item], Modality.IMAGE)
    fault = rpc_faults.read(raised.value)
    assert (fault.code, fault.reason) == (grpc.StatusCode.UNAVAILABLE, Reason.REASON_DEPENDENCY_DOWN)
    assert fault.metadata == {"dependency": "objects"}


def test_media_without_a_format_are_recognised() -> None:
    items = [Item("picture", Media(picture().content, "")), Item("junk", Media(b"\0junk", ""))]
    with served(Serves((Modality.IMAGE,))) as channel:
        recognised, junk = chained(channel, items, Modality.IMAGE)
    assert isinstance(recognised, Item)
    assert isinstance(junk, Rejected)
    assert junk.gate == "input.format"


def test_a_request_that_cannot_be_meant_names_its_field() -> None:
    with served(Serves((Modality.IMAGE,))) as channel, pytest.raises(grpc.RpcError) as raised:
        chained(channel, [Item("a", picture()), Item("b", "a text")], Modality.IMAGE)
    assert code_of(raised) == (grpc.StatusCode.INVALID_ARGUMENT, Reason.REASON_BAD_FIELD, "items[1]")


def test_a_modality_or_stage_of_another_process_is_not_here() -> None:
    with served(Serves((Modality.IMAGE,), ("clean", "embed"))) as channel:
        for items, modality in (([Item("a", picture())], Modality.IMAGE), ([Item("a", Media(b"x", "txt"))], "text")):
            with pytest.raises(grpc.RpcError) as raised:
                chained(channel, items, Modality(modality))
            assert code_of(raised)[:2] == (grpc.StatusCode.UNIMPLEMENTED, Reason.REASON_NOT_HERE)
        with pytest.raises(grpc.RpcError) as raised:
            fuse_pb2_grpc.FuseServiceStub(channel).Fuse(fuse_pb2.FuseRequest())
        assert rpc_faults.read(raised.value).code is grpc.StatusCode.UNIMPLEMENTED


def test_health_and_reflection_name_what_is_served() -> None:
    services = {"mmpipe.v1.ChainService", "mmpipe.v1.DecodeService"}
    with served(Serves((Modality.TEXT,), ("decode",))) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for name in ("", *services):
            answer = stub.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        listed = set(ProtoReflectionDescriptorDatabase(channel).get_services())
    assert {name for name in listed if name.startswith("mmpipe.")} == services


def transient(error: BaseException) -> bool:
    return isinstance(error, grpc.RpcError) and rpc_faults.read(error).transient


def asked_for(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    fault = rpc_faults.read(error) if isinstance(error, grpc.RpcError) else None
    return (fault and fault.retry_after_s) or 0.02


PATIENT = Retrying(retry=retry_if_exception(transient), wait=asked_for, stop=stop_after_delay(SOON_S), reraise=True)


def test_a_full_server_says_at_once_when_to_come_again_and_a_client_that_does_succeeds() -> None:
    item, refusals = slow_picture(), []

    def one(stub: chain_pb2_grpc.ChainServiceStub) -> int:
        try:
            return len(stub.Chain(a_request([item], Modality.IMAGE), timeout=SOON_S).outcomes)
        except grpc.RpcError as error:
            refusals.append(rpc_faults.read(error))
            raise

    spec = serving(max_queued_items=2, max_batch_items=1)
    with served(Serves((Modality.IMAGE,)), spec, threads=1) as channel, ThreadPoolExecutor(16) as clients:
        stub = chain_pb2_grpc.ChainServiceStub(channel)
        answers = list(clients.map(lambda _: PATIENT.copy()(one, stub), range(16)))
    assert answers == [1] * 16
    assert refusals
    assert {fault.reason for fault in refusals} == {Reason.REASON_QUEUE_FULL}
    assert all(fault.code is grpc.StatusCode.RESOURCE_EXHAUSTED for fault in refusals)
    assert all(fault.retry_after_s for fault in refusals)


@dataclass
class Held:
    """The work of a server under test: it waits until ``gate`` opens; ``begun`` has the ids of what was decoded."""

    gate: threading.Event = field(default_factory=threading.Event)
    begun: list[str] = field(default_factory=list)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    held, run = Held(), chain.run

    def gated(stages: Sequence[chain.NamedStage], items: Sequence[Any]) -> list[Any]:
        assert held.gate.wait(SOON_S)
        held.begun.extend(item.id for item in items if isinstance(item, Item) and stages[0].name == "image.decode")
        return run(stages, items)

    monkeypatch.setattr("mmpipe.runtimes.stage_server.work.chain.run", gated)
    return held


def until_waiting(emitted: Emitted, *items: int) -> None:
    """Until exactly so many items, or so many, wait in the server's queue."""
    deadline = time.monotonic() + SOON_S
    while emitted.total("mmpipe.server.queue.depth", {}) not in items:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_query_overtakes_a_hundred_waiting_samples(held: Held) -> None:
    sample, query = Item("sample", picture()), Item("query", picture())
    with capture() as emitted, served(Serves((Modality.IMAGE,)), serving(max_batch_items=1)) as channel:
        stub = chain_pb2_grpc.ChainServiceStub(channel)
        samples = [stub.Chain.future(a_request([sample], Modality.IMAGE)) for _ in range(100)]
        asked = stub.Chain.future(a_request([query], Modality.IMAGE, lane=item_pb2.LANE_QUERY))
        until_waiting(emitted, 99)  # two threads hold one each
        assert emitted.total("mmpipe.server.in_flight", {}) == 101
        held.gate.set()
        for call in (*samples, asked):
            call.result(SOON_S)

    assert "query" in held.begun[:3]


def passed(emitted: Emitted, stage: str) -> float:
    return emitted.total("mmpipe.stage.items", {"stage": stage, "outcome": "passed"})


def test_a_cancelled_call_does_no_work(held: Held) -> None:
    item = Item("sample", picture())
    with capture() as emitted, served(Serves((Modality.IMAGE,)), serving(max_batch_items=1), threads=1) as channel:
        stub = chain_pb2_grpc.ChainServiceStub(channel)
        calls = [stub.Chain.future(a_request([item], Modality.IMAGE)) for _ in range(60)]
        until_waiting(emitted, 59)
        for call in calls[5:]:
            call.cancel()
        until_waiting(emitted, 4, 5)  # the thread may hold one of those five
        held.gate.set()
        stub.Chain(a_request([item], Modality.IMAGE), timeout=SOON_S)

    assert len(held.begun) <= 7


def test_a_call_past_its_deadline_does_no_work() -> None:
    item = slow_picture()
    with capture() as emitted, served(Serves((Modality.IMAGE,)), serving(max_batch_items=1), threads=1) as channel:
        stub = chain_pb2_grpc.ChainServiceStub(channel)
        patient = stub.Chain.future(a_request([item] * 10, Modality.IMAGE), timeout=SOON_S)
        with pytest.raises(grpc.RpcError) as raised:
            stub.Chain(a_request([item] * 30, Modality.IMAGE), timeout=0.05)
        patient.result(SOON_S)
        assert passed(emitted, "image.decode") < 40
    assert rpc_faults.read(raised.value).code is grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_stopping_server_answers_what_has_come_in_and_takes_nothing_new() -> None:
    item = slow_picture()
    server = StageServer(serving(max_batch_items=1), Serves((Modality.IMAGE,)), nothing_to_fetch, threads=1)
    with sync_channel(f"127.0.0.1:{server.start()}") as channel:
        stub = chain_pb2_grpc.ChainServiceStub(channel)
        calls = [stub.Chain.future(a_request([item], Modality.IMAGE)) for _ in range(20)]
        calls[0].result(SOON_S)
        assert server.drain(SOON_S)
        answers = [fates(call.result(SOON_S).outcomes)[0] for call in calls]
        with pytest.raises(grpc.RpcError) as raised:
            stub.Chain(a_request([item], Modality.IMAGE), timeout=SOON_S)
    assert all(isinstance(fate, Item) for fate in answers)
    assert rpc_faults.read(raised.value).code is grpc.StatusCode.UNAVAILABLE


def test_a_stopping_server_cuts_off_what_takes_too_long_and_says_so() -> None:
    item = slow_picture()
    server = StageServer(serving(max_batch_items=1), Serves((Modality.IMAGE,)), nothing_to_fetch, threads=1)
    with sync_channel(f"127.0.0.1:{server.start()}") as channel:
        stub = chain_pb2_grpc.ChainServiceStub(channel)
        stub.Chain(a_request([item], Modality.IMAGE), timeout=SOON_S)
        call = stub.Chain.future(a_request([item] * 200, Modality.IMAGE))
        assert not server.drain(0.1)
        assert call.exception(SOON_S) is not None


def test_a_stage_server_tells_what_it_does() -> None:
    blank = Item("blank", Media((EXAMPLES / "odd" / "blank.png").read_bytes(), "png"))
    with capture() as emitted:
        with served(Serves((Modality.IMAGE,))) as channel:
            chained(channel, [Item("a", picture()), blank], Modality.IMAGE)
        names, run = emitted.metrics().keys(), [span for span in emitted.spans if span.name == "mmpipe.stage.run"]
    assert emitted.total("mmpipe.stage.rejected", {"gate": "image.clean.minContrast"}) == 1
    assert {"mmpipe.stage.duration", "mmpipe.batch.size", "mmpipe.batch.wait"} <= names
    assert [(span.attributes or {})["mmpipe.stage"] for span in run] == ["image.decode", "image.clean", "image.embed"]
    assert len({span.context.trace_id for span in emitted.spans if span.name.startswith("mmpipe.stage")}) == 1


@dataclass
class Replica:
    """A real ``mmpipe serve`` on a port that it keeps over restarts."""

    folder: Path
    port: int = 0
    process: subprocess.Popen[str] = field(init=False)

    def start(self) -> None:
        command = ["-m", "mmpipe", "serve", str(self.folder / "spec.yaml"), "--modality", "text", "--port"]
        data = ["--data", str(self.folder / "data")]
        self.process = subprocess.Popen(
            [sys.executable, *command, str(self.port), *data], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        ready = re.fullmatch(r"mmpipe serve text: listening on 127\.0\.0\.1:(\d+)\n", self.process.stdout.readline())
        assert ready is not None
        self.port = int(ready[1])

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=SOON_S)
        return self.process.returncode


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[list[Replica]]:
    (tmp_path / "spec.yaml").write_text(
        "apiVersion: mmpipe.dev/v1alpha1\nkind: MultimodalPipeline\nmetadata: {name: media}\n"
    )
    made = [Replica(tmp_path), Replica(tmp_path)]
    for replica in made:
        replica.start()
    yield made
    for replica in made:
        replica.process.kill()
        replica.process.communicate()


@pytest.mark.server
def test_a_rolling_restart_under_load_fails_no_call(replicas: list[Replica]) -> None:
    address = "ipv4:" + ",".join(f"127.0.0.1:{replica.port}" for replica in replicas)
    prose, stop, done = Item("a", Media(b"a red bell", "txt")), threading.Event(), []

    def load_it(channel: grpc.Channel) -> None:
        stub = chain_pb2_grpc.ChainServiceStub(channel)
        while not stop.is_set():
            answer = PATIENT.copy()(stub.Chain, a_request([prose], Modality.TEXT), timeout=SOON_S)
            (fate,) = fates(answer.outcomes)
            assert isinstance(fate, Item)
            assert isinstance(fate.payload, Embedding)
            done.append(1)

    with sync_channel(address) as channel, ThreadPoolExecutor(8) as clients:
        loads = [clients.submit(load_it, channel) for _ in range(8)]
        try:
            for replica in replicas:
                before = len(done)
                assert replica.stop() == 0
                replica.start()
                assert len(done) > before
        finally:
            stop.set()
        for each in loads:
            each.result(SOON_S)


CAUGHT_ELSEWHERE = """
import signal, threading
from mmpipe.cli.stopping import stopping, wait_for

def catch_it() -> None:
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

with stopping() as stop:
    threading.Timer(0.2, catch_it).start()
    wait_for(stop)
"""


def test_a_signal_that_another_thread_catches_stops_the_server_too() -> None:
    done = subprocess.run([sys.executable, "-c", CAUGHT_ELSEWHERE], timeout=SOON_S, check=False)

    assert done.returncode == 0

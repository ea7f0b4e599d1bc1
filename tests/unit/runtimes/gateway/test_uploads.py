"""An upload is in the object store whole, or not at all."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

import pytest
from tests.unit.runtimes.gateway.conftest import Ground

from mmpipe.adapters.errors import StoreUnreachable
from mmpipe.adapters.objects import Objects
from mmpipe.runtimes.gateway.faults import Refusal
from mmpipe.runtimes.gateway.limits import TenantLimits
from mmpipe.runtimes.gateway.uploads import MAX_CHUNK_BYTES, Uploads
from mmpipe.spec.processes import Limits
from mmpipe.v1 import error_pb2, gateway_pb2

Chunk = gateway_pb2.UploadRequest


async def stream(chunks: Sequence[Chunk]) -> AsyncIterator[Chunk]:
    for chunk in chunks:
        yield chunk


def chunks_of(content: bytes, announced: int = 0) -> list[Chunk]:
    pieces = [content[at : at + 1000] for at in range(0, len(content), 1000)]
    return [Chunk(chunk=piece, size_bytes=0 if at else announced) for at, piece in enumerate(pieces)]


def uploads(ground: Ground, limits: Limits | None = None, pauses: list[float] | None = None) -> Uploads:
    async def sleep(seconds: float) -> None:
        if pauses is not None:
            pauses.append(seconds)

    return Uploads(ground.store("objects", ground.objects), TenantLimits(limits or Limits(), lambda: 0.0), sleep)


def kept(ground: Ground) -> list[Path]:
    return [path for path in (ground.folder / "objects").rglob("*") if path.is_file()]


def test_an_upload_answers_with_a_reference_to_its_bytes(ground: Ground) -> None:
    content = bytes(range(256)) * 40

    answer = asyncio.run(uploads(ground).upload(stream(chunks_of(content, len(content)))))

    digest = hashlib.sha256(content).hexdigest()
    reference = answer.reference
    assert (reference.uri, reference.sha256, reference.size_bytes) == (f"object:{digest}", digest, len(content))
    assert ground.objects.get(digest) == content


def test_more_than_is_stored_is_refused_at_its_announcement(ground: Ground) -> None:
    taken: list[int] = []

    async def announced() -> AsyncIterator[Chunk]:
        for at in range(100):
            taken.append(at)
            yield Chunk(chunk=b"x", size_bytes=1001)

    with pytest.raises(Refusal) as refused:
        asyncio.run(uploads(ground, Limits(max_upload_bytes=1000)).upload(announced()))

    assert refused.value.fault.reason == error_pb2.REASON_TOO_LARGE
    assert taken == [0]
    assert not kept(ground)


@pytest.mark.parametrize(
    ("chunks", "reason", "field"),
    [
        ([b""], error_pb2.REASON_BAD_FIELD, "chunk"),
        ([b"x" * (MAX_CHUNK_BYTES + 1)], error_pb2.REASON_TOO_LARGE, "chunk"),
        ([b"x" * 600, b"x" * 600], error_pb2.REASON_TOO_LARGE, "size_bytes"),
    ],
    ids=["nothing", "a large chunk", "more than is stored"],
)
def test_what_is_no_upload_is_refused_and_leaves_nothing(
    ground: Ground, chunks: Sequence[bytes], reason: int, field: str
) -> None:
    messages = [Chunk(chunk=chunk) for chunk in chunks]
    limits = Limits(max_upload_bytes=1000 if len(chunks) > 1 else 10 * MAX_CHUNK_BYTES)

    with pytest.raises(Refusal) as refused:
        asyncio.run(uploads(ground, limits).upload(stream(messages)))

    assert (refused.value.fault.reason, refused.value.fault.field) == (reason, field)
    assert not kept(ground)


@pytest.mark.parametrize("announced", [999, 1001])
def test_another_size_than_was_announced_is_refused_and_leaves_nothing(ground: Ground, announced: int) -> None:
    with pytest.raises(Refusal, match="found 1,000 bytes") as refused:
        asyncio.run(uploads(ground).upload(stream(chunks_of(b"x" * 1000, announced))))

    assert refused.value.fault.field == "size_bytes"
    assert not kept(ground)


def test_an_upload_that_is_broken_off_leaves_nothing(ground: Ground) -> None:
    async def scenario() -> None:
        reached = asyncio.Event()

        async def endless() -> AsyncIterator[Chunk]:
            for _ in range(20):
                yield Chunk(chunk=b"x" * 1000)
            reached.set()
            await asyncio.Event().wait()

        store = ground.store("objects", ground.objects)
        uploading = asyncio.create_task(Uploads(store, TenantLimits(Limits(), lambda: 0.0)).upload(endless()))
        await reached.wait()
        uploading.cancel()
        await asyncio.wait((uploading,))
        assert uploading.cancelled()
        await store.ask(lambda _: None)

    asyncio.run(asyncio.wait_for(scenario(), 30))

    assert not kept(ground)


def test_an_upload_is_slowed_down_to_the_tenants_rate(ground: Ground) -> None:
    pauses: list[float] = []

    asyncio.run(uploads(ground, Limits(bytes_per_second=1000), pauses).upload(stream(chunks_of(b"x" * 3000))))

    assert pauses == pytest.approx([0.0, 1.0, 2.0])


def test_a_store_that_fails_ends_the_upload_at_once() -> None:
    class Broken(Objects):
        def put_stream(self, chunks: Iterable[bytes], spool: Path | None = None) -> tuple[str, int]:
            del spool
            next(iter(chunks))
            raise StoreUnreachable("objects", "nothing", "an answer", "start it")

    async def endless() -> AsyncIterator[Chunk]:
        while True:
            yield Chunk(chunk=b"x")

    async def scenario() -> None:
        broken = Broken.open("memory://")
        await Uploads(Ground.store("objects", broken), TenantLimits(Limits(), lambda: 0.0)).upload(endless())

    with pytest.raises(Refusal) as refused:
        asyncio.run(asyncio.wait_for(scenario(), 30))

    assert refused.value.fault.metadata == {"dependency": "objects"}


def test_an_upload_that_pauses_for_too_long_lets_its_thread_go(ground: Ground) -> None:
    async def stalled() -> AsyncIterator[Chunk]:
        yield Chunk(chunk=b"x")
        await asyncio.Event().wait()

    uploads = Uploads(ground.store("objects", ground.objects), TenantLimits(Limits(), lambda: 0.0), idle_s=0.01)

    with pytest.raises(Refusal, match=r"^chunk: found none for") as refused:
        asyncio.run(asyncio.wait_for(uploads.upload(stalled()), 30))

    assert refused.value.fault.reason == error_pb2.REASON_BAD_FIELD
    assert not kept(ground)


def test_the_size_may_come_first_and_alone(ground: Ground) -> None:
    messages = [Chunk(size_bytes=2000), *chunks_of(b"x" * 2000)]

    assert asyncio.run(uploads(ground).upload(stream(messages))).reference.size_bytes == 2000


def test_a_size_that_is_too_large_is_refused_before_a_chunk_is_read(ground: Ground) -> None:
    async def announced() -> AsyncIterator[Chunk]:
        yield Chunk(size_bytes=1001)
        pytest.fail("the chunks were read")

    with pytest.raises(Refusal) as refused:
        asyncio.run(uploads(ground, Limits(max_upload_bytes=1000)).upload(announced()))

    assert (refused.value.fault.reason, refused.value.fault.field) == (error_pb2.REASON_TOO_LARGE, "size_bytes")

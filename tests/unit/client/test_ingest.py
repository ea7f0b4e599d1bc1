"""Streams of samples: in order, bounded, and whole whatever happens to the gateway meanwhile."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from mmpipe.adapters.inputs import InputError
from mmpipe.adapters.rpc_faults import CallFault, fault, status_of
from mmpipe.client import AsyncClient, BadRequest, Busy, Client, NotAuthenticated, Receipt, TooLarge, Unavailable
from mmpipe.client.intake import HELD_SAMPLES, PACK_BYTES, PACK_SAMPLES
from mmpipe.client.testing import FakeGateway
from mmpipe.spec.delivery import Retry
from mmpipe.v1.error_pb2 import Reason

DOOR_WORD = "right"

type Connect = Callable[..., Client]
type NapsOf = Callable[[Client], list[float]]


def texts(count: int) -> Iterator[dict[str, Any]]:
    return ({"id": f"s{number}", "text": f"text {number}"} for number in range(count))


def ids(count: int) -> list[str]:
    return [f"s{number}" for number in range(count)]


def a_fault(name: str, retry_after_s: float | None = None) -> CallFault:
    reason = Reason.Value(f"REASON_{name}")
    return fault(status_of(reason), reason, f"about {name}", "", retry_after_s)


def test_receipts_come_in_the_order_of_the_samples(client: Client, gateway: FakeGateway) -> None:
    receipts = list(client.ingest(texts(3_000)))
    assert [receipt.sample_id for receipt in receipts] == ids(3_000)
    assert all(receipt.accepted and not receipt.duplicate for receipt in receipts)
    assert gateway.calls.count("Ingest") == 1


def test_nothing_to_ingest_is_no_call(client: Client, gateway: FakeGateway) -> None:
    assert list(client.ingest([])) == []
    assert list(gateway.calls) == []


def test_a_restart_in_the_middle_loses_nothing_and_repeats_nothing(client: Client, gateway: FakeGateway) -> None:
    stopped, restarts = threading.Event(), list[threading.Thread]()

    def restart() -> None:
        gateway.stop()
        stopped.set()
        gateway.start()

    def restart_under_way(packs: int) -> None:
        """The gateway goes away with this pack accepted and not yet answered."""
        if packs in {3, 9}:
            stopped.clear()
            restarts.append(threading.Thread(target=restart))
            restarts[-1].start()
            assert stopped.wait(timeout=30)

    gateway.on_pack(restart_under_way)
    receipts = list(client.ingest(texts(5_000)))
    for thread in restarts:
        thread.join(timeout=30)
    assert [receipt.sample_id for receipt in receipts] == ids(5_000)
    assert all(receipt.accepted for receipt in receipts)
    assert sorted(gateway.queued) == sorted(ids(5_000))
    assert sum(receipt.duplicate for receipt in receipts) >= gateway.shelf.packs[2]
    assert gateway.calls.count("Ingest") == 3


def test_packs_grow_while_answers_are_fast_and_stay_within_their_limits(client: Client, gateway: FakeGateway) -> None:
    list(client.ingest(texts(8_000)))
    assert PACK_SAMPLES // 2 <= max(gateway.shelf.packs) <= PACK_SAMPLES
    list(client.ingest({"id": f"large{number}", "text": "x" * 400_000} for number in range(30)))
    assert max(gateway.shelf.pack_bytes) <= PACK_BYTES


def test_a_sample_that_is_refused_stops_no_other(client: Client) -> None:
    samples = [{"id": "a", "text": "one"}, {"id": "nothing"}, {"id": "b", "text": "two"}]
    first, second, third = client.ingest(samples)
    assert first.accepted
    assert third.accepted
    assert second.sample_id == "nothing"
    assert isinstance(second.error, BadRequest)
    assert "parts" in str(second.error)


def test_samples_that_came_too_fast_are_sent_again_after_the_pause(
    client: Client, gateway: FakeGateway, naps: list[float]
) -> None:
    gateway.fault("sample", a_fault("RATE_LIMITED", 7.0), a_fault("RATE_LIMITED", 2.0))
    receipts = list(client.ingest(texts(10)))
    assert [receipt.sample_id for receipt in receipts] == ids(10)
    assert all(receipt.accepted for receipt in receipts)
    assert set(naps) <= {7.0, 2.0}
    assert 7.0 in naps


@pytest.mark.parametrize("name", ["NOT_SERVING", "DEPENDENCY_DOWN", "QUEUE_FULL"])
def test_a_pack_that_failed_as_a_whole_is_sent_again(
    client: Client, gateway: FakeGateway, naps: list[float], name: str
) -> None:
    gateway.fault("Ingest", *[a_fault(name, 1.5)] * 3)
    assert [receipt.sample_id for receipt in client.ingest(texts(100))] == ids(100)
    assert set(naps) == {1.5}


def test_a_gateway_that_stays_away_ends_the_ingest(connect: Connect, naps_of: NapsOf) -> None:
    client = connect("127.0.0.1:1", retry=Retry(attempts=3))
    naps = naps_of(client)
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
        list(client.ingest(texts(10)))
    assert len(naps) >= 2


def test_a_queue_that_stays_full_is_in_the_receipts(connect: Connect, naps_of: NapsOf, gateway: FakeGateway) -> None:
    client = connect(gateway.address, retry=Retry(attempts=2))
    naps_of(client)
    gateway.fault("sample", *[a_fault("QUEUE_FULL", 1.0)] * 3)
    (receipt,) = client.ingest(texts(1))
    assert isinstance(receipt.error, Busy)


def test_a_wrong_token_ends_the_ingest_at_once(connect: Connect) -> None:
    with FakeGateway(DOOR_WORD) as gateway, pytest.raises(NotAuthenticated):
        list(connect(gateway.address, token=DOOR_WORD[1:]).ingest(texts(10)))


def test_what_the_source_raises_comes_after_the_receipts_before_it(client: Client) -> None:
    def source() -> Iterator[dict[str, Any]]:
        yield from texts(50)
        raise LookupError("the source is broken")

    receipts: list[Receipt] = []
    with pytest.raises(LookupError, match="broken"):
        receipts.extend(client.ingest(source()))  # extend keeps what came before the error
    assert [receipt.sample_id for receipt in receipts] == ids(50)


def test_a_sample_that_is_none_is_an_error_of_the_caller(client: Client) -> None:
    with pytest.raises(InputError, match="key 'smell'"):
        list(client.ingest([{"id": "a", "smell": b"roses"}]))


def test_a_source_is_read_only_as_far_ahead_as_is_answered_and_taken(client: Client) -> None:
    read = 0

    def source() -> Iterator[dict[str, Any]]:
        nonlocal read
        for sample in texts(10 * HELD_SAMPLES):
            read += 1
            yield sample

    receipts = client.ingest(source())
    taken = [next(receipts) for _ in range(10)]
    receipts.close()  # type: ignore[attr-defined]  # a generator, as the iterator says nothing of
    assert len(taken) == 10
    assert read <= 2 * HELD_SAMPLES + 2


def test_large_media_go_by_upload_and_one_that_is_refused_is_in_its_receipt(connect: Connect) -> None:
    with FakeGateway(max_upload_bytes=900_000) as gateway:
        client = connect(gateway.address)
        samples = [{"id": f"v{number}", "video": bytes([number]) * 800_000} for number in range(8)]
        samples.insert(3, {"id": "too large", "video": bytes(1_000_000)})
        receipts = list(client.ingest(samples))
    assert [receipt.sample_id for receipt in receipts] == [str(sample["id"]) for sample in samples]
    assert isinstance(receipts[3].error, TooLarge)
    assert sum(receipt.accepted for receipt in receipts) == 8
    assert len(gateway.shelf.objects) == 8


def test_a_sample_that_no_pack_holds_is_refused(client: Client) -> None:
    attributes = {"notes": "x" * (PACK_BYTES + 1)}
    (receipt,) = client.ingest([{"id": "a", "text": "words", "attributes": attributes}])
    assert isinstance(receipt.error, TooLarge)


def test_a_slow_source_gets_each_receipt_before_its_next_sample(gateway: FakeGateway) -> None:
    answered = threading.Semaphore(1)

    def source() -> Iterator[dict[str, Any]]:
        for sample in texts(20):
            assert answered.acquire(timeout=30)
            yield sample

    with Client(gateway.address) as client:
        for count, _ in enumerate(client.ingest(source()), 1):
            assert len(gateway.queued) == count
            answered.release()
    assert len(gateway.queued) == 20


def test_an_asynchronous_source_gets_each_receipt_before_its_next_sample(gateway: FakeGateway) -> None:
    async def ingest() -> list[str]:
        answered = asyncio.Semaphore(1)

        async def source() -> AsyncIterator[dict[str, Any]]:
            for sample in texts(20):
                await asyncio.wait_for(answered.acquire(), 30)
                yield sample

        async with AsyncClient(gateway.address) as client:
            received = []
            async for receipt in client.ingest(source()):
                received.append(receipt.sample_id)
                answered.release()
            return received

    assert asyncio.run(ingest()) == ids(20)


def test_a_caller_that_stops_early_leaves_no_thread_behind(gateway: FakeGateway) -> None:
    with Client(gateway.address) as client:
        for _receipt in client.ingest(texts(100_000)):
            break
        gc.collect()
        for thread in threading.enumerate():
            if thread.name.startswith("mmpipe-ingest"):
                thread.join(timeout=30)
                assert not thread.is_alive()

"""The bookkeeping of an ingest, without a connection: whatever happens, every sample gets one receipt, in order."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.client.errors import GatewayBug, GatewayError, Unavailable
from mmpipe.client.intake import HELD_BYTES, HELD_SAMPLES, PACK_SAMPLES, PACKS_IN_FLIGHT, Intake, PackSize
from mmpipe.v1 import error_pb2, gateway_pb2, sample_pb2


def an_intake(attempts: int = 10) -> Intake:
    return Intake(clock=lambda: 0.0, attempts=attempts, backoff=float)


def fill(intake: Intake, count: int) -> None:
    for _ in range(count):
        number = intake.begin(0)
        intake.put(number, sample_pb2.Sample(id=f"s{number}"))


def answer(
    pack: gateway_pb2.IngestRequest, refused: set[str] | frozenset[str] = frozenset()
) -> gateway_pb2.IngestResponse:
    receipts = [gateway_pb2.Receipt(sample_id=sample.id) for sample in pack.samples]
    for receipt in receipts:
        if receipt.sample_id in refused:
            receipt.error.reason = error_pb2.REASON_QUEUE_FULL
            receipt.error.retry_after.FromSeconds(3)
    return gateway_pb2.IngestResponse(pack=pack.pack, receipts=receipts)


def gone(error: type[GatewayError] = Unavailable) -> GatewayError:
    return error("the gateway is gone")


def test_samples_are_held_up_to_a_count_receipts_that_nobody_took_included() -> None:
    intake = an_intake()
    for _ in range(2 * HELD_SAMPLES):
        if not intake.room:
            break
        fill(intake, 1)
        if intake.sendable:
            intake.answered(answer(intake.next_pack()))
    assert intake.has_ready
    assert intake._begun == HELD_SAMPLES  # noqa: SLF001  # how much was read is nobody's business but this test's
    taken = len(intake.ready())
    assert taken > 0
    assert intake.room


def test_samples_are_held_up_to_a_number_of_bytes() -> None:
    intake = an_intake()
    intake.begin(HELD_BYTES)
    assert not intake.room


def test_one_sample_may_always_be_read_however_large() -> None:
    intake = an_intake()
    assert intake.room
    number = intake.begin(10 * HELD_BYTES)
    assert not intake.room
    intake.put(number, sample_pb2.Sample(id="a"))  # its media were uploaded
    assert intake.room


def test_a_pack_leaves_when_it_is_full_or_when_none_is_in_flight() -> None:
    intake = an_intake()
    fill(intake, 1)
    assert len(intake.next_pack().samples) == 1
    fill(intake, intake.size.samples - 1)
    assert not intake.sendable
    fill(intake, 1)
    assert len(intake.next_pack().samples) == intake.size.samples


def test_only_so_many_packs_are_in_flight() -> None:
    intake = an_intake()
    fill(intake, 2_000)
    packs = 0
    while intake.sendable:
        intake.next_pack()
        packs += 1
    assert packs == PACKS_IN_FLIGHT


def test_what_was_lost_goes_first() -> None:
    intake = an_intake()
    fill(intake, 300)
    first = intake.next_pack()
    intake.next_pack()
    assert intake.lost(gone()) == 1.0
    again = intake.next_pack()
    assert list(again.samples) == list(first.samples)
    assert again.pack > first.pack


def test_a_stream_that_is_lost_too_often_ends_the_ingest() -> None:
    intake = an_intake(attempts=2)
    fill(intake, 1)
    intake.next_pack()
    intake.lost(gone())
    assert not intake.stopped
    intake.lost(gone())
    assert intake.stopped
    assert isinstance(intake.fault, Unavailable)


def test_an_accepted_sample_gives_the_stream_new_credit() -> None:
    intake = an_intake(attempts=2)
    fill(intake, 1)
    intake.next_pack()
    intake.lost(gone())
    intake.answered(answer(intake.next_pack()))
    fill(intake, 1)
    intake.next_pack()
    intake.lost(gone())
    assert not intake.stopped


def test_receipts_that_fit_no_pack_are_a_bug_of_the_gateway() -> None:
    intake = an_intake()
    fill(intake, 2)
    intake.next_pack()
    with pytest.raises(GatewayBug, match="0 receipts for pack 1"):
        intake.answered(gateway_pb2.IngestResponse(pack=1))


def test_pack_sizes_follow_the_time_that_answers_take() -> None:
    size = PackSize()
    for _ in range(20):
        size.answered(0.01)
    assert size.samples == PACK_SAMPLES
    size.answered(0.5)
    assert size.samples == PACK_SAMPLES
    for _ in range(20):
        size.answered(5.0)
    assert size.samples == 1


@given(st.integers(1, 400), st.integers(0, 2**32))
def test_every_sample_gets_one_receipt_in_order_whatever_happens(count: int, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # no secret
    intake, in_flight, receipts = an_intake(attempts=10**6), list[gateway_pb2.IngestRequest](), list[str]()
    intake.size.samples = 16
    fed = 0
    while not intake.stopped or intake.has_ready:
        if fed < count and intake.room and chance.random() < 0.7:
            fill(intake, 1)
            fed += 1
            if fed == count:
                intake.end()
        if intake.sendable:
            in_flight.append(intake.next_pack())
        if in_flight and chance.random() < 0.3:
            pack = in_flight.pop(chance.randrange(len(in_flight)))
            refused = {sample.id for sample in pack.samples if chance.random() < 0.2}
            intake.answered(answer(pack, refused))
        if in_flight and chance.random() < 0.05:
            intake.lost(gone())
            in_flight.clear()
        receipts += [receipt.sample_id for receipt in intake.ready()]
    assert receipts == [f"s{number}" for number in range(count)]

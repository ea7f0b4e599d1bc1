"""Rejected items come by pages; a released sample is queued again from its originals, past the gates."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import pytest
from tests.unit.runtimes.gateway.conftest import Ground

from mmpipe.adapters.planning import Passage
from mmpipe.adapters.sink import Sink
from mmpipe.records import Modality, Rejected
from mmpipe.runtimes.gateway.faults import Refusal
from mmpipe.runtimes.gateway.quarantine import Quarantine
from mmpipe.testing import a_result, a_sample
from mmpipe.v1 import error_pb2, gateway_pb2, media_pb2

BLURRED = Rejected("image.clean.gates.minSharpness", "blurred", 3.0, 20.0)


def store(ground: Ground, name: str, rejected: Mapping[Modality, Rejected], originals: str = "Copy") -> None:
    sample = a_sample(name, {Modality.TEXT: b"a red bell", Modality.IMAGE: name.encode()}, {"year": 2024})
    sink = Sink.open(ground.stores(), recipe="recipe", source="gateway", originals=originals, shared=True)  # type: ignore[arg-type]  # one of two
    sink.keep(sample)
    sink.write([a_result(sample, rejected)], Passage(ground.moment))


def release(ground: Ground, name: str = "bell") -> gateway_pb2.Receipt:
    return asyncio.run(Quarantine(ground.door()).release(name)).receipt


def page(ground: Ground, **request: object) -> gateway_pb2.ListQuarantineResponse:
    return asyncio.run(Quarantine(ground.door()).page(gateway_pb2.ListQuarantineRequest(**request)))  # type: ignore[arg-type]  # its fields


def test_a_rejected_item_is_listed_with_its_verdict(ground: Ground) -> None:
    store(ground, "bell", {Modality.IMAGE: BLURRED})

    (item,) = page(ground).items

    assert (item.sample_id, item.modality) == ("bell", media_pb2.MODALITY_IMAGE)
    assert (item.rejected.gate, item.rejected.score, item.rejected.threshold) == (BLURRED.gate, 3.0, 20.0)
    assert item.object_uri
    assert item.HasField("rejected_at")


def test_items_come_by_pages(ground: Ground) -> None:
    for name in ("a", "b", "c"):
        store(ground, name, {Modality.IMAGE: BLURRED})

    first = page(ground, page_size=2)
    second = page(ground, page_size=2, page_token=first.next_page_token)

    assert sorted(item.sample_id for each in (first, second) for item in each.items) == ["a", "b", "c"]
    assert second.next_page_token == ""


@pytest.mark.parametrize(
    ("wanted", "count"),
    [({"gate": "image.clean"}, 1), ({"gate": "text"}, 0), ({"modality": media_pb2.MODALITY_TEXT}, 0)],
)
def test_only_items_that_fit_are_listed(ground: Ground, wanted: dict[str, object], count: int) -> None:
    store(ground, "bell", {Modality.IMAGE: BLURRED})

    assert len(page(ground, **wanted).items) == count


def test_a_released_sample_is_queued_from_its_originals_past_the_gates(ground: Ground) -> None:
    store(ground, "bell", {Modality.IMAGE: BLURRED})

    receipt = release(ground)

    assert (receipt.sample_id, receipt.duplicate) == ("bell", False)
    (delivery,) = asyncio.run(ground.queue.pull("text-image", 1, 0.0))
    assert delivery.envelope.ignore_gates
    parts = delivery.envelope.sample.parts
    assert [ground.objects.get(part.media.reference.sha256) for part in parts] == [b"a red bell", b"bell"]
    assert delivery.envelope.sample.attributes["year"] == 2024


def test_a_sample_is_released_once_however_often_it_is_asked(ground: Ground) -> None:
    store(ground, "bell", {Modality.IMAGE: BLURRED})
    release(ground)

    with pytest.raises(Refusal) as refused:
        release(ground)

    assert refused.value.fault.reason == error_pb2.REASON_NOT_FOUND
    assert len(ground.queue.messages) == 1


def test_a_release_is_newer_than_what_it_releases_whatever_the_clock_of_this_replica_says(ground: Ground) -> None:
    store(ground, "bell", {Modality.IMAGE: BLURRED})
    rejected_at, ground.moment = ground.moment, ground.moment - timedelta(seconds=5)

    release(ground)

    (delivery,) = asyncio.run(ground.queue.pull("text-image", 1, 0.0))
    assert delivery.envelope.accepted_at > rejected_at


def test_a_sample_that_was_rejected_again_is_released_again(ground: Ground) -> None:
    for seconds in range(2):
        ground.moment += timedelta(seconds=seconds)
        store(ground, "bell", {Modality.IMAGE: BLURRED})
        ground.moment += timedelta(seconds=1)

        assert not release(ground).duplicate

    assert len(ground.queue.messages) == 2


def test_a_sample_of_which_nothing_was_rejected_is_not_in_quarantine(ground: Ground) -> None:
    store(ground, "bell", {})

    with pytest.raises(Refusal, match="nothing of it in quarantine"):
        release(ground)


def test_a_sample_whose_originals_are_not_kept_cannot_be_released(ground: Ground) -> None:
    store(ground, "bell", {Modality.IMAGE: BLURRED}, "Reference")

    with pytest.raises(Refusal, match=r"no original of its .*; expected it in the object store"):
        release(ground)

    assert not ground.queue.messages


def test_a_sample_that_nobody_knows_is_not_found(ground: Ground) -> None:
    with pytest.raises(Refusal) as refused:
        release(ground)

    assert refused.value.fault.reason == error_pb2.REASON_NOT_FOUND

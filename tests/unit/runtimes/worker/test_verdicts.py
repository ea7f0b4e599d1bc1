"""What a fault means for the sample that met it."""

from __future__ import annotations

import pytest

from mmpipe.adapters.errors import StoreRefused, StoreUnreachable
from mmpipe.adapters.fetch import FetchFailed, FetchRefused
from mmpipe.adapters.wire import WireError
from mmpipe.records import Embedded, Failed, Modality, Result, Sample
from mmpipe.runtimes.stage_clients import StageRefused, StageUnavailable
from mmpipe.runtimes.worker.verdicts import Again, Busy, Crashed, Dead, PartFailed, Wait, check_whole, verdict

MOST = 5


@pytest.mark.parametrize(
    "fault",
    [
        StageUnavailable("image", "connection refused", reached=False),
        StoreUnreachable("milvus", "no answer", "an answer", "start it"),
        Busy("another worker"),
    ],
)
def test_what_is_away_is_waited_for_however_often_the_sample_was_delivered(fault: Exception) -> None:
    assert isinstance(verdict(fault, attempt=MOST, max_deliveries=MOST), Wait)


def test_a_service_that_says_when_it_is_back_is_waited_for_that_long() -> None:
    fault = StageUnavailable("image", "an open breaker", reached=False, retry_after_s=7.5)

    assert verdict(fault, 1, MOST) == Wait(7.5, str(fault))


@pytest.mark.parametrize(
    ("fault", "stage"),
    [
        (StageRefused("image.decode", "no such modality", "one", "add it"), "image.decode"),
        (StoreRefused("milvus", "a bad row", "a good one", "mend it"), "sink"),
        (FetchRefused("http://a/b", "a scheme", "https", "change it"), "fetch"),
        (WireError("sample.parts", "none", "one", "send one"), "envelope"),
        (Crashed("5 deliveries"), "worker"),
    ],
)
def test_what_never_will_work_is_given_up_at_once(fault: Exception, stage: str) -> None:
    end = verdict(fault, attempt=1, max_deliveries=MOST)

    assert isinstance(end, Dead)
    assert end.stage == stage
    assert end.reason == str(fault)


@pytest.mark.parametrize(
    "fault",
    [
        StageUnavailable("video", "the server died", reached=True),
        PartFailed(Failed("video.decode", "MemoryError: ")),
        FetchFailed("https://a/b", "status 503", "200", "try later"),
        RuntimeError("a bug"),
    ],
)
def test_what_may_be_the_samples_own_doing_is_tried_again_and_then_given_up(fault: Exception) -> None:
    assert [type(verdict(fault, attempt, MOST)) for attempt in range(1, MOST + 2)] == [Again] * 4 + [Dead] * 2


def test_pauses_between_deliveries_grow_to_a_minute() -> None:
    ends = [verdict(RuntimeError(), attempt, 20) for attempt in range(1, 12)]

    assert [end.after_s for end in ends if isinstance(end, Again)] == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]


def test_a_dead_letter_says_where_the_part_failed() -> None:
    end = verdict(PartFailed(Failed("audio.clean", "ValueError: x")), MOST, MOST)

    assert isinstance(end, Dead)
    assert end.stage == "audio.clean"
    assert end.reason.startswith("ValueError: x; found 5 deliveries without success")


def test_a_result_with_a_fault_in_one_part_is_not_whole() -> None:
    failed = Embedded(Modality.IMAGE, "file:///a.jpg", None, Failed("image.embed", "out of memory"))

    with pytest.raises(PartFailed, match="out of memory"):
        check_whole(Result(Sample("a", ()), (failed,), None, 1.0))

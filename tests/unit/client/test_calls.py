"""Which failed call gets another try, and what a stream repeats: policy, without a connection."""

import pytest
from tenacity import Retrying

from mmpipe.client import messages
from mmpipe.client.answers import status_of
from mmpipe.client.calls import Calling, StreamTries
from mmpipe.client.errors import Unavailable
from mmpipe.spec.delivery import Retry
from mmpipe.v1 import sample_pb2

CALLING = Calling("nowhere:1", retry=Retry(attempts=3, initial_backoff_seconds=1, max_backoff_seconds=4))


def tries_of(*, resume: bool) -> tuple[StreamTries, list[float], Retrying]:
    tries, naps = StreamTries(CALLING, lambda: 0.0, None, resume), list[float]()
    return tries, naps, Retrying(sleep=naps.append, **tries.policy)


def test_a_stream_that_can_resume_starts_to_count_anew_with_each_answer() -> None:
    tries, naps, retrying = tries_of(resume=True)

    def answered_then_gone() -> None:
        if len(naps) < 10:
            tries.answered()
        raise Unavailable("gone")

    with pytest.raises(Unavailable):
        retrying(answered_then_gone)
    assert len(naps) == 10 + 1
    assert all(nap <= 1 for nap in naps[:10])


def test_a_stream_that_cannot_resume_is_not_begun_anew_once_it_has_spoken() -> None:
    tries, naps, retrying = tries_of(resume=False)

    def answered_then_gone() -> None:
        assert len(naps) < 5
        if naps:
            tries.answered()
        raise Unavailable("gone")

    with pytest.raises(Unavailable):
        retrying(answered_then_gone)
    assert len(naps) == 1


def test_a_stream_that_was_taken_up_again_repeats_nothing() -> None:
    queued = status_of(sample_pb2.SampleStatus(sample_id="a", state=sample_pb2.SAMPLE_STATE_QUEUED))
    stored = status_of(sample_pb2.SampleStatus(sample_id="a", state=sample_pb2.SAMPLE_STATE_STORED))
    assert list(messages.changes([queued, queued, stored, stored])) == [queued, stored]


def test_the_token_is_in_no_representation() -> None:
    assert "secret" not in repr(Calling("nowhere:1", token="secret"))  # noqa: S106  # of no door

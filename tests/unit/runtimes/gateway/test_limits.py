"""Token buckets: what comes in over any time is at most the rate, plus one second's worth, plus one sample."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.runtimes.gateway.faults import Refusal
from mmpipe.runtimes.gateway.limits import TenantLimits
from mmpipe.spec.processes import Limits
from mmpipe.v1 import error_pb2


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def refused(limits: TenantLimits, samples: int, size_bytes: int, tenant: str = "acme") -> Refusal | None:
    try:
        limits.admit(tenant, samples, size_bytes)
    except Refusal as refusal:
        return refusal
    return None


def test_a_tenant_that_sends_too_fast_is_told_when_to_send_again() -> None:
    clock = Clock()
    limits = TenantLimits(Limits(samples_per_second=2), clock)
    limits.admit("acme", 1, 0)
    limits.admit("acme", 1, 0)

    refusal = refused(limits, 1, 0)

    assert refusal is not None
    assert refusal.fault.reason == error_pb2.REASON_RATE_LIMITED
    assert refusal.fault.retry_after_s == pytest.approx(0.5)


def test_who_waits_as_told_is_let_in() -> None:
    clock = Clock()
    limits = TenantLimits(Limits(samples_per_second=2), clock)
    limits.admit("acme", 2, 0)
    refusal = refused(limits, 1, 0)
    assert refusal is not None

    clock.now_s += refusal.fault.retry_after_s or 0.0

    assert refused(limits, 1, 0) is None


def test_one_tenant_never_takes_from_another() -> None:
    limits = TenantLimits(Limits(samples_per_second=1), Clock())
    limits.admit("acme", 1, 0)

    assert refused(limits, 1, 0, "acme") is not None
    assert refused(limits, 1, 0, "globex") is None


def test_a_sample_larger_than_a_seconds_worth_is_slowed_down_and_not_locked_out() -> None:
    clock = Clock()
    limits = TenantLimits(Limits(bytes_per_second=100), clock)

    limits.admit("acme", 1, 300)
    refusal = refused(limits, 1, 1)

    assert refusal is not None
    assert refusal.fault.retry_after_s == pytest.approx(2.01)


def test_what_is_refused_counts_for_nothing() -> None:
    clock = Clock()
    limits = TenantLimits(Limits(samples_per_second=1, bytes_per_second=100), clock)
    limits.admit("acme", 1, 0)
    for _ in range(10):
        assert refused(limits, 1, 100) is not None

    clock.now_s = 1.0

    assert refused(limits, 1, 100) is None


def test_an_upload_is_slowed_down_to_the_rate() -> None:
    clock = Clock()
    limits = TenantLimits(Limits(bytes_per_second=100), clock)

    pauses = [limits.draw_bytes("acme", 100) for _ in range(3)]

    assert pauses == pytest.approx([0.0, 1.0, 2.0])


def test_a_sample_that_is_too_large_is_refused_with_the_remedy() -> None:
    limits = TenantLimits(Limits(max_sample_bytes=10), Clock())

    with pytest.raises(Refusal, match=r"sample: found 11 bytes; expected at most 10 bytes; upload") as caught:
        limits.check_sample(11, "sample")

    assert caught.value.fault.reason == error_pb2.REASON_TOO_LARGE
    limits.check_sample(10, "sample")


@given(
    rate=st.floats(0.5, 50),
    steps=st.lists(st.tuples(st.floats(0, 2), st.integers(1, 20)), min_size=1, max_size=60),
)
def test_no_stretch_of_time_lets_more_in_than_its_rate_allows(rate: float, steps: list[tuple[float, int]]) -> None:
    clock = Clock()
    limits = TenantLimits(Limits(samples_per_second=rate), clock)
    let_in: list[tuple[float, int]] = []

    for pause_s, samples in steps:
        clock.now_s += pause_s
        if refused(limits, samples, 0) is None:
            let_in.append((clock.now_s, samples))

    for first, (begun_s, _) in enumerate(let_in):
        for last in range(first, len(let_in)):
            stretch_s = let_in[last][0] - begun_s
            before_the_last = sum(samples for _, samples in let_in[first:last])
            assert before_the_last <= rate * (stretch_s + 1) + 1e-6

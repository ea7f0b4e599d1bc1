"""A dependency is waited for to an end, named in its fault, and left alone while its breaker is open."""

from __future__ import annotations

import asyncio

import pytest

from mmpipe.adapters.errors import FilterRefused, SampleBusy, StoreBusy, StoreError, StoreUnreachable
from mmpipe.resilience.breaker import Breaker
from mmpipe.runtimes.gateway.dependencies import Dependency
from mmpipe.runtimes.gateway.faults import Refusal
from mmpipe.spec.delivery import Breaker as Options
from mmpipe.v1 import error_pb2

UNREACHABLE = StoreUnreachable("postgresql://metadata", "nothing", "an answer", "start it")
BUSY = SampleBusy("sample bell", "a worker at it", "it free", "try again")
REFUSED = FilterRefused("where 'x'", "no expression", "one", "correct it")
LOCKED = StoreBusy("vectors", "another process", "the folder", "stop it")


def ask(dependency: Dependency, error: StoreError | None = None) -> Refusal | None:
    async def asking() -> None:
        async with dependency.asked():
            if error:
                raise error

    try:
        asyncio.run(asking())
    except Refusal as refusal:
        return refusal
    return None


def a_breaker(clock_s: list[float]) -> Breaker:
    return Breaker(Options(window_calls=2, open_seconds=10), lambda: clock_s[0])


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UNREACHABLE, error_pb2.REASON_DEPENDENCY_DOWN),
        (LOCKED, error_pb2.REASON_DEPENDENCY_DOWN),
        (BUSY, error_pb2.REASON_DEPENDENCY_DOWN),
        (REFUSED, error_pb2.REASON_BAD_FIELD),
    ],
)
def test_an_error_of_a_store_becomes_a_fault_of_the_catalogue(error: StoreError, reason: int) -> None:
    refusal = ask(Dependency("metadata"), error)

    assert refusal is not None
    assert refusal.fault.reason == reason


def test_a_dependency_that_is_down_is_named_and_its_address_is_not() -> None:
    refusal = ask(Dependency("metadata"), UNREACHABLE)

    assert refusal is not None
    assert refusal.fault.metadata == {"dependency": "metadata"}
    assert refusal.fault.retry_after_s
    assert "postgresql" not in refusal.fault.message


def test_waiting_has_an_end() -> None:
    async def asking() -> None:
        async with Dependency("queue", answer_s=0.01).asked():
            await asyncio.Event().wait()

    with pytest.raises(Refusal) as refused:
        asyncio.run(asking())

    assert refused.value.fault.metadata == {"dependency": "queue"}


def test_what_fails_again_and_again_is_answered_at_once_until_the_breaker_lets_a_probe_through() -> None:
    clock_s = [0.0]
    dependency = Dependency("metadata", a_breaker(clock_s))
    for _ in range(2):
        ask(dependency, UNREACHABLE)

    refusal = ask(dependency)
    assert refusal is not None
    assert refusal.fault.retry_after_s == pytest.approx(10.0)

    clock_s[0] = 10.0
    assert ask(dependency) is None


@pytest.mark.parametrize("error", [REFUSED, BUSY], ids=["answered no", "busy with one sample"])
def test_what_speaks_not_against_a_dependency_opens_no_breaker(error: StoreError) -> None:
    dependency = Dependency("metadata", a_breaker([0.0]))
    for _ in range(5):
        ask(dependency, error)

    assert ask(dependency) is None

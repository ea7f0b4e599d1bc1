from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest
from tests.asynchronous import asynchronous

from mmpipe_operator.cluster import Cluster, Conflict, Lease, NotLeading, Unavailable
from mmpipe_operator.kinds import Kind, Manifest, Ref


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Leases:
    """One Lease as the API server keeps it: writes name the version they change. ``before`` runs before an answer."""

    def __init__(self) -> None:
        self.held: Manifest | None = None
        self.down = False
        self.before: Callable[[], None] = lambda: None

    async def get(self, _: Ref) -> Manifest | None:
        if self.down:
            raise Unavailable("GET", "Unreachable", "no answer")
        return self.held

    async def create(self, _: Kind, manifest: Manifest) -> Manifest:
        if self.held is not None:
            raise Conflict("POST", "AlreadyExists", "it is there")
        return self._keep(manifest, 1)

    async def replace(self, _: Ref, manifest: Manifest) -> Manifest:
        assert self.held is not None
        if manifest["metadata"]["resourceVersion"] != self.held["metadata"]["resourceVersion"]:
            raise Conflict("PUT", "Conflict", "it has changed")
        return self._keep(manifest, int(self.held["metadata"]["resourceVersion"]) + 1)

    def _keep(self, manifest: Manifest, version: int) -> Manifest:
        self.held = {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": str(version)}}
        self.before()
        return self.held


def candidate(leases: Leases, name: str, clock: Clock) -> Lease:
    return Lease(cast("Cluster", leases), ("ns", "mmpipe-operator"), name, 15, clock)


@asynchronous
async def test_the_first_candidate_leads_and_may_write() -> None:
    leases, clock = Leases(), Clock()
    lease = candidate(leases, "a", clock)

    await lease.acquire()

    lease.fence()
    assert leases.held is not None
    assert leases.held["spec"]["holderIdentity"] == "a"


@asynchronous
async def test_a_second_candidate_waits_until_the_first_has_been_silent_for_the_whole_duration() -> None:
    leases, clock = Leases(), Clock()
    await candidate(leases, "a", clock).acquire()
    second = candidate(leases, "b", clock)

    assert not await second.attempt()
    clock.now_s += 15
    assert not await second.attempt()
    clock.now_s += 0.1
    assert await second.attempt()
    assert leases.held is not None
    assert leases.held["spec"]["leaseTransitions"] == 1


@asynchronous
async def test_a_holder_stops_writing_before_another_can_start() -> None:
    leases, clock = Leases(), Clock()
    lease = candidate(leases, "a", clock)
    await lease.acquire()

    clock.now_s += 11.9
    lease.fence()
    clock.now_s += 0.1

    with pytest.raises(NotLeading, match="expected it renewed"):
        lease.fence()


@asynchronous
async def test_time_counts_from_before_the_renewal_was_sent() -> None:
    """The process is stopped for a minute between the server's write and its own reading of the answer."""
    leases, clock = Leases(), Clock()
    lease = candidate(leases, "a", clock)

    def stopped() -> None:
        clock.now_s += 60

    leases.before = stopped
    assert await lease.attempt()

    assert not lease.leading


@asynchronous
async def test_a_holder_whose_lease_another_has_taken_leads_no_more() -> None:
    leases, clock = Leases(), Clock()
    first, second = candidate(leases, "a", clock), candidate(leases, "b", clock)
    await first.acquire()
    await second.attempt()
    clock.now_s += 16
    await second.attempt()

    assert not await first.attempt()
    assert not first.leading


@asynchronous
async def test_an_api_server_that_is_away_ends_a_leadership_in_time_and_not_at_once() -> None:
    leases, clock = Leases(), Clock()
    lease = candidate(leases, "a", clock)
    await lease.acquire()
    leases.down = True

    await lease.attempt()
    assert lease.leading
    clock.now_s += 12
    await asyncio.wait_for(lease.lost(), 1)

    assert not lease.leading


@asynchronous
async def test_a_released_lease_is_free_at_once() -> None:
    leases, clock = Leases(), Clock()
    first, second = candidate(leases, "a", clock), candidate(leases, "b", clock)
    await first.acquire()

    await first.release()

    assert not first.leading
    assert await second.attempt()


@asynchronous
async def test_releasing_takes_nothing_from_another() -> None:
    leases, clock = Leases(), Clock()
    first, second = candidate(leases, "a", clock), candidate(leases, "b", clock)
    await first.acquire()

    await second.release()

    assert leases.held is not None
    assert leases.held["spec"]["holderIdentity"] == "a"


@asynchronous
async def test_a_deleted_lease_is_still_its_holders_until_that_must_have_noticed() -> None:
    leases, clock = Leases(), Clock()
    first, second = candidate(leases, "a", clock), candidate(leases, "b", clock)
    await first.acquire()
    await second.attempt()
    leases.held = None

    assert not await second.attempt()
    assert await first.attempt()
    assert first.leading
    assert not second.leading


@asynchronous
async def test_a_deleted_lease_whose_holder_is_gone_is_taken_once_its_time_is_over() -> None:
    leases, clock = Leases(), Clock()
    await candidate(leases, "a", clock).acquire()
    second = candidate(leases, "b", clock)
    await second.attempt()
    leases.held = None

    clock.now_s += 15
    assert not await second.attempt()
    clock.now_s += 0.1
    assert await second.attempt()


@asynchronous
async def test_a_lease_that_was_released_and_deleted_is_free_at_once() -> None:
    leases, clock = Leases(), Clock()
    first, second = candidate(leases, "a", clock), candidate(leases, "b", clock)
    await first.acquire()
    await first.release()
    assert not second.leading
    leases.held = None

    assert await second.attempt()


@asynchronous
async def test_a_holder_into_whose_lease_another_name_is_written_leads_no_more_at_its_next_look() -> None:
    leases, clock = Leases(), Clock()
    first, second = candidate(leases, "a", clock), candidate(leases, "b", clock)
    await first.acquire()
    assert leases.held is not None
    await leases.replace(
        Ref(cast("Kind", None), "", ""), leases.held | {"spec": leases.held["spec"] | {"holderIdentity": "thief"}}
    )

    assert not await first.attempt()
    assert not first.leading
    assert not await second.attempt()
    clock.now_s += 15.1
    assert await second.attempt()

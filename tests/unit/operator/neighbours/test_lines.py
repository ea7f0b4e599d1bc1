"""Lines with clients that the tests play."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from tests.asynchronous import asynchronous

from mmpipe.adapters.errors import StoreRefused, StoreUnreachable
from mmpipe_operator.neighbours.lines import Dealings, Lines, Pace

AWAY = StoreUnreachable("nats://away", "nobody", "an answer", "see to it")
NO = StoreRefused("nats://strict", "you", "another", "go away")


@dataclass
class Play:
    """Who is connected where, and what time it is."""

    now: float = 0.0
    connected: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    async def connect(self, address: str) -> str:
        self.connected.append(address)
        return address

    async def close(self, client: str) -> None:
        self.closed.append(client)

    def lines(self, at_once: int = 4, limit_s: float = 60.0) -> Lines[str, str]:
        return Lines(Dealings(self.connect, self.close), Pace(at_once, limit_s, silence_s=10.0), lambda: self.now)


async def well(client: str) -> str:
    return f"{client} is well"


def failing(fault: Exception, asked: list[str] | None = None) -> Callable[[str], Awaitable[str]]:
    async def ask(client: str) -> str:
        if asked is not None:
            asked.append(client)
        raise fault

    return ask


@asynchronous
async def test_all_who_ask_at_an_address_share_one_connection() -> None:
    play = Play()
    lines = play.lines()
    answers = await asyncio.gather(*(lines.ask("a", well) for _ in range(20)), lines.ask("b", well))
    assert answers == [*["a is well"] * 20, "b is well"]
    assert sorted(play.connected) == ["a", "b"]


@asynchronous
async def test_no_more_than_agreed_ask_at_one_address_at_once() -> None:
    lines = Play().lines(at_once=2)
    busy, most = 0, 0

    async def ask(_: str) -> None:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0)
        busy -= 1

    await asyncio.gather(*(lines.ask("a", ask) for _ in range(10)))
    assert most == 2


@asynchronous
async def test_a_thousand_pipelines_of_one_dead_server_cost_one_wait() -> None:
    play, asked = Play(), list[str]()
    lines = play.lines(at_once=1)
    faults = await asyncio.gather(*(lines.ask("a", failing(AWAY, asked)) for _ in range(1000)), return_exceptions=True)
    assert set(faults) == {AWAY}
    assert asked == ["a"]


@asynchronous
async def test_a_fault_that_is_told_again_and_again_holds_nothing_of_whom_it_was_told() -> None:
    lines, fault = Play().lines(), StoreUnreachable("nats://away", "nobody", "an answer", "see to it")
    depths = []
    for _ in range(20):
        with pytest.raises(StoreUnreachable) as raised:
            await lines.ask("a", failing(fault))
        depths.append(len(traceback.extract_tb(raised.value.__traceback__)))
    assert depths[-1] == depths[1]


@asynchronous
async def test_who_was_silent_is_asked_again_after_a_while() -> None:
    play = Play()
    lines = play.lines()
    with pytest.raises(StoreUnreachable):
        await lines.ask("a", failing(AWAY))
    play.now = 9.9
    with pytest.raises(StoreUnreachable):
        await lines.ask("a", well)
    play.now = 10.0
    assert await lines.ask("a", well) == "a is well"


@asynchronous
async def test_a_no_is_an_answer_and_the_next_is_asked_as_well() -> None:
    lines = Play().lines()
    with pytest.raises(StoreRefused):
        await lines.ask("a", failing(NO))
    assert await lines.ask("a", well) == "a is well"


@asynchronous
async def test_who_takes_too_long_is_hung_up_on_and_the_fault_says_so() -> None:
    play = Play()
    lines = play.lines(limit_s=0.01)

    async def forever(_: str) -> None:
        await asyncio.Event().wait()

    with pytest.raises(StoreUnreachable, match=r"no answer within 0\.01 s"):
        await lines.ask("a", forever)
    assert play.closed == ["a"]
    play.now = 10.0
    assert await lines.ask("a", well) == "a is well"
    assert play.connected == ["a", "a"]


@asynchronous
async def test_whom_nobody_wants_is_hung_up_on_unless_somebody_is_asking() -> None:
    play, end = Play(), asyncio.Event()
    lines = play.lines()

    async def at_length(_: str) -> None:
        await end.wait()

    await lines.ask("wanted", well)
    await lines.ask("unwanted", well)
    asking = asyncio.create_task(lines.ask("busy", at_length))
    await asyncio.sleep(0)
    await lines.let_go({"wanted"})
    assert play.closed == ["unwanted"]
    end.set()
    await asking
    await lines.let_go({"wanted"})
    assert play.closed == ["unwanted", "busy"]


@asynchronous
async def test_closing_hangs_up_on_all() -> None:
    play = Play()
    lines = play.lines()
    await lines.ask("a", well)
    await lines.ask("b", well)
    await lines.close()
    assert play.closed == ["a", "b"]

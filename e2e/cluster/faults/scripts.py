"""What may be answered in the API server's place. Each is a ``Script`` of ``proxy``; chance has a seed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence

from e2e.cluster.faults.calls import NO_ANSWER, Answer, Call, refusal
from e2e.cluster.faults.proxy import Forward, Script

CONFLICT = refusal(409, "Conflict", "the object has been modified; please apply your changes to the latest version")
TOO_MANY = refusal(429, "TooManyRequests", "too many requests, please try again later", Retry_After="2")
INTERNAL = refusal(500, "InternalError", "etcdserver: request timed out")
UNAVAILABLE = refusal(503, "ServiceUnavailable", "apiserver is shutting down")
EXPIRED = refusal(410, "Expired", "too old resource version")
NO_STREAMED_LISTS = refusal(422, "Invalid", "sendInitialEvents is forbidden for watch unless WatchList is enabled")


def at_times(seed: int, share: float, answers: Sequence[Answer]) -> Script:
    """So many calls are answered with one of these, half of them after they have been done all the same.

    A watch is refused as other calls are; leases are left alone, since who may lead is another question.
    """
    chance = random.Random(seed)  # noqa: S311  # chooses faults

    async def script(call: Call, forward: Forward) -> Answer:
        if call.elects or chance.random() >= share:
            return await forward(call)
        if not call.watches and chance.random() < 0.5:
            await forward(call)
        return chance.choice(answers)

    return script


def conflicting(seed: int, share: float) -> Script:
    """So many writes are answered as if somebody else had been faster, half of them after they have been done.

    Only a write can be in conflict; leases are left alone.
    """
    chance = random.Random(seed)  # noqa: S311  # chooses faults

    async def script(call: Call, forward: Forward) -> Answer:
        if call.elects or not call.writes or chance.random() >= share:
            return await forward(call)
        if chance.random() < 0.5:
            await forward(call)
        return CONFLICT

    return script


def hanging(seed: int, share: float, seconds: float) -> Script:
    """So many calls are done and not answered, until the caller or this time has given up."""
    chance = random.Random(seed)  # noqa: S311  # chooses faults

    async def script(call: Call, forward: Forward) -> Answer:
        answer = await forward(call)
        if call.elects or call.watches or chance.random() >= share:
            return answer
        await asyncio.sleep(seconds)
        return NO_ANSWER

    return script


def refused(of: Callable[[Call], bool], answer: Answer) -> Script:
    """All calls of a kind are refused."""

    async def script(call: Call, forward: Forward) -> Answer:
        return answer if of(call) else await forward(call)

    return script


class OldLists:
    """Answers each list as it was when ``keep`` saw it last: an API server that is behind, for an operator that starts.

    What was not kept is answered as it is now, as are objects that are asked for by name.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], Answer] = {}
        self.replayed = 0

    def __str__(self) -> str:
        return f"old lists of {', '.join(key[0].rpartition('/')[2] for key in self._kept) or 'nothing'}"

    async def keep(self, call: Call, forward: Forward) -> Answer:
        answer = await forward(call)
        if call.lists and answer.status == 200:
            self._kept[_asked(call)] = answer
        return answer

    async def replay(self, call: Call, forward: Forward) -> Answer:
        if not call.lists or _asked(call) not in self._kept:
            return await forward(call)
        self.replayed += 1
        return self._kept[_asked(call)]


def _asked(call: Call) -> tuple[str, ...]:
    accepted = _header(call.headers, "accept")
    return call.path, accepted, *(f"{name}={value}" for name, value in sorted(call.query.items()))


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for each, value in headers.items() if each.lower() == name), "")

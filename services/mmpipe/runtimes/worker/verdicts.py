"""What a fault means for the sample that met it. Pure.

::

    Wait    a dependency is away, whatever the sample is: keep it and try again; costs it no delivery
    Again   it may be the sample's own doing: give it back, to be delivered again a little later
    Dead    it never will work, or has been given back too often: to the dead letters, with the reason

That a service is away is told from a request that it died of by whether the request reached it
(:attr:`StageUnavailable.reached`): an outage of an hour may not make dead letters, a film that kills its decoder must.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmpipe.adapters.errors import StoreRefused, StoreUnreachable
from mmpipe.adapters.fetch import FetchRefused
from mmpipe.adapters.wire import WireError
from mmpipe.records import Failed, Result
from mmpipe.runtimes.stage_clients import StageRefused, StageUnavailable

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
WAIT_S = 1.0
SHORTEST_WAIT_S = 0.05
"""Whatever a service that is full asks for: many samples wait at once."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Keep the sample and try again."""

    after_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class Again:
    """Give the sample back."""

    after_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class Dead:
    """Give the sample up. ``stage`` is the dotted place that failed last."""

    stage: str
    reason: str


type Verdict = Wait | Again | Dead


class PartFailed(Exception):  # noqa: N818  # it reads as what happened
    """A stage raised on a part of the sample; ``failed`` says where and what."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.reason)
        self.failed = failed


class Crashed(Exception):  # noqa: N818  # as above
    """The sample was delivered as often as it may be, and never came to an end."""


class Busy(Exception):  # noqa: N818  # as above
    """Another worker is writing this very sample right now."""


def check_whole(result: Result) -> None:
    """Raise :class:`PartFailed` for the first part that met a fault: such a sample is not stored in part."""
    for embedded in result.embedded:
        if isinstance(embedded.outcome, Failed):
            raise PartFailed(embedded.outcome)


def verdict(fault: Exception, attempt: int, max_deliveries: int) -> Verdict:
    """What becomes of a sample at its ``attempt``-th delivery (1 is the first) that met ``fault``."""
    stage, reason = _place(fault), str(fault) or type(fault).__name__
    if _is_away(fault):
        return Wait(max(getattr(fault, "retry_after_s", None) or WAIT_S, SHORTEST_WAIT_S), reason)
    if isinstance(fault, StageRefused | StoreRefused | FetchRefused | WireError | Crashed):
        return Dead(stage, reason)
    if attempt >= max_deliveries:
        return Dead(stage, f"{reason}; found {attempt} deliveries without success, expected one of them to succeed")
    return Again(min(FIRST_PAUSE_S * 2 ** (attempt - 1), LONGEST_PAUSE_S), reason)


def _is_away(fault: Exception) -> bool:
    if isinstance(fault, StageUnavailable):
        return not fault.reached
    return isinstance(fault, StoreUnreachable | Busy)


def _place(fault: Exception) -> str:
    match fault:
        case PartFailed():
            return fault.failed.stage
        case StageUnavailable() | StageRefused():
            return fault.dependency
        case StoreUnreachable() | StoreRefused():
            return "sink"
        case FetchRefused():
            return "fetch"
        case WireError():
            return "envelope"
        case _:
            return "worker"

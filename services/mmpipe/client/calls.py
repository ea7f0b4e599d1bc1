"""How calls are made: where to, as whom, for how long and how often; and what a failed one is in our tree of errors.

What both transports share. This module makes no call itself.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from tenacity import RetryCallState, retry_if_exception

from mmpipe.adapters import rpc_faults
from mmpipe.adapters.channels import Credentials
from mmpipe.client.errors import GatewayError, Unavailable, error_of
from mmpipe.resilience.budget import Budget
from mmpipe.spec.delivery import Retry
from mmpipe.v1 import error_pb2

TIMEOUT_S = 30.0
"""Most time of a call, tries and pauses included."""
RETRY = Retry(attempts=10, initial_backoff_seconds=0.1, max_backoff_seconds=5.0)
"""About 15 s of pauses in the mean: a gateway that is replaced is back by then."""
UPLOAD_S = 3600.0
"""Most time of an upload."""
STREAM_S = 300.0
"""A stream of packs is begun anew after this time, so that one that hangs does not hang for ever."""


@dataclass(frozen=True, slots=True)
class Calling:
    """What every call of a client has in common."""

    address: str
    token: str = field(default="", repr=False)
    credentials: Credentials | None = None
    timeout_s: float = TIMEOUT_S
    retry: Retry = RETRY

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes with each call."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()

    def backoff(self, attempt: int) -> float:
        """Seconds before another try after so many: full jitter ("Exponential Backoff And Jitter", AWS, 2015)."""
        most = min(self.retry.max_backoff_seconds, self.retry.initial_backoff_seconds * 2 ** (attempt - 1))
        return random.uniform(0, most)  # noqa: S311  # jitter, no secret

    @contextmanager
    def faults_named(self) -> Iterator[None]:
        """What gRPC raises within becomes a GatewayError."""
        try:
            yield
        except grpc.RpcError as error:
            raise self._error(rpc_faults.read(error)) from error

    def ended(self) -> Unavailable:
        """What a stream that the gateway ended before its time is."""
        return Unavailable(
            f"gateway {self.address}: found the stream ended; expected all its answers", reason="CANCELLED"
        )

    def _error(self, fault: rpc_faults.CallFault) -> GatewayError:
        reason = error_pb2.Reason.Name(fault.reason).removeprefix("REASON_") if fault.reason else ""
        code = grpc.StatusCode.UNAVAILABLE if fault.message == _LOST_STATUS else fault.code
        return error_of(
            f"gateway {self.address}: {fault.message}{'' if reason else _REMEDIES.get(code, '')}",
            reason=reason,
            code=code.name,
            field=fault.field,
            retry_after_s=fault.retry_after_s,
        )


def transient(error: BaseException) -> bool:
    """Whether the same call may succeed later."""
    return isinstance(error, GatewayError) and error.transient


def asked_pause_s(error: BaseException | None) -> float | None:
    """How long the gateway asks to be left alone; None where it does not."""
    return error.retry_after_s if isinstance(error, GatewayError) else None


def a_budget() -> Budget:
    """What one client may retry: every call of some threads through the restart of a gateway, and no more for ever."""
    return Budget(min_per_second=20.0, capacity=1_000.0)


@dataclass(slots=True)
class StreamTries:
    """The tries of one stream, in tenacity's terms: which errors get another one, after how long, and until when.

    One that got answers starts to count anew, where it can ``resume``; where it cannot, it is not tried again. A call
    with one answer has ``resilience.retry`` instead, whose deadline and attempts are those of a single call.
    """

    calling: Calling
    clock: Callable[[], float]
    timeout_s: float | None
    resume: bool = True
    _failed: int = 0
    _spoken: bool = False
    _started: float = field(init=False)

    def __post_init__(self) -> None:
        self._started = self.clock()

    @property
    def remaining_s(self) -> float | None:
        """Time that is left; None without a deadline."""
        return None if self.timeout_s is None else max(0.0, self.timeout_s - (self.clock() - self._started))

    @property
    def policy(self) -> dict[str, Any]:
        """The arguments of tenacity's ``Retrying`` and ``AsyncRetrying``."""
        return {"retry": retry_if_exception(self._again), "wait": self._wait, "stop": self._stop, "reraise": True}

    def answered(self) -> None:
        """An answer came: whatever fails next is another failure."""
        self._failed, self._spoken = 0, True

    def _again(self, error: BaseException) -> bool:
        self._failed += 1
        return transient(error) and (self.resume or not self._spoken)

    def _wait(self, state: RetryCallState) -> float:
        """As long as the gateway asks for, else by the backoff."""
        error = state.outcome.exception() if state.outcome else None
        asked = asked_pause_s(error)
        return self.calling.backoff(self._failed) if asked is None else asked

    def _stop(self, state: RetryCallState) -> bool:
        late = self.remaining_s is not None and state.upcoming_sleep > self.remaining_s
        return late or self._failed >= self.calling.retry.attempts


_LOST_STATUS = "Internal error from Core"
"""What grpc.aio says where a stream ended while it wrote: the status is lost (grpc/aio/_call.py, ``_write``), and only
another try can tell."""

_REMEDIES = {
    grpc.StatusCode.UNAVAILABLE: "; expected a gateway that answers; start mmpipe gateway, or correct the address",
    grpc.StatusCode.DEADLINE_EXCEEDED: "; expected an answer in time; give the call a longer timeout_s",
    grpc.StatusCode.UNIMPLEMENTED: "; expected a gateway of mmpipe of this release; mend the address",
}

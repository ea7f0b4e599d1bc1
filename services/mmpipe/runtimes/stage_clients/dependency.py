"""One service that is called: its channel, its breaker, its retries, within the caller's deadline.

From the outside in: retry, breaker, call. A breaker that is open ends the retries at once, since waiting for it is for
whoever holds the sample. Whether a fault speaks against the service decides what the breaker is told; whether it may
pass decides on another try.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

from mmpipe import telemetry
from mmpipe.adapters import rpc_faults
from mmpipe.adapters.channels import Credentials, aio_channel
from mmpipe.adapters.interceptors import aio_client_interceptors
from mmpipe.adapters.rpc_faults import CallFault
from mmpipe.resilience import deadline
from mmpipe.resilience.breaker import Breaker, BreakerOpen
from mmpipe.resilience.budget import Budget
from mmpipe.resilience.retry import async_retrying
from mmpipe.runtimes.stage_clients.errors import StageError, StageRefused, StageUnavailable
from mmpipe.spec.delivery import Reliability
from mmpipe.v1.error_pb2 import Reason

type Method[In, Out] = Callable[[grpc.aio.Channel], grpc.aio.UnaryUnaryMultiCallable[In, Out]]
"""The method of a stub over a channel."""

_MAY_PASS = frozenset(
    (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
    )
)
_NEVER_CONNECTED = (
    "failed to connect",
    "connections to all backends failing",
    "errors resolving",
    "DNS resolution failed",
    "no address",
)
"""What grpcio says of a call that no server has seen (its core/load_balancing and core/resolver, read at 1.85). Under
Kubernetes a name without a ready pod is one that does not resolve."""


class Dependency:
    """One service by its ``name``. For one event loop; ``close`` when done."""

    def __init__(
        self, name: str, address: str, options: Reliability, breaker: Breaker, credentials: Credentials | None = None
    ) -> None:
        self._name, self._options, self._breaker = name, options, breaker
        self._budget = Budget()
        self._channel = aio_channel(address, credentials, interceptors=aio_client_interceptors(address))

    async def close(self) -> None:
        """End the connections."""
        await self._channel.close()

    async def call[In, Out](self, method: Method[In, Out], request: In) -> Out:
        """The answer. Raises StageUnavailable where there may be one later, StageRefused where never."""
        retrying = async_retrying(self._options.retry, self._budget, _may_pass, _asked_for, self._count_retry)
        return await retrying(self._once, method, request)

    def _count_retry(self, _: object) -> None:
        telemetry.count("mmpipe.retries", 1, dependency=self._name)

    async def _once[In, Out](self, method: Method[In, Out], request: In) -> Out:
        try:
            permit = self._breaker.enter()
        except BreakerOpen as error:
            raise StageUnavailable(
                self._name, "its breaker open", reached=False, retry_after_s=error.retry_after_s
            ) from error
        try:
            answer = await method(self._channel)(request, timeout=deadline.timeout())
        except grpc.aio.AioRpcError as error:
            fault = rpc_faults.read(error)
            (permit.failed if fault.of_dependency else permit.ignored)()
            raise _error(self._name, fault) from error
        except BaseException:
            permit.ignored()
            raise
        permit.succeeded()
        return answer


def _error(name: str, fault: CallFault) -> StageError:
    found = f"{fault.code.name}: {fault.message}"
    if fault.code in _MAY_PASS and not _is_too_large(fault):
        return StageUnavailable(name, found, reached=_reached(fault), retry_after_s=fault.retry_after_s)
    return StageRefused(name, found, "the request to be taken", "see that the service runs this version and spec")


def _is_too_large(fault: CallFault) -> bool:
    """A full server says when to come again; gRPC itself says the same of a message over its limit, and never does."""
    return fault.code is grpc.StatusCode.RESOURCE_EXHAUSTED and fault.retry_after_s is None


def _reached(fault: CallFault) -> bool:
    """Whether the request may be what the server fell over: neither refused at the door nor never seen."""
    if fault.code is grpc.StatusCode.RESOURCE_EXHAUSTED or fault.reason == Reason.REASON_NOT_SERVING:
        return False
    return not any(sign in fault.message for sign in _NEVER_CONNECTED)


def _may_pass(fault: Exception) -> bool:
    """A breaker that is open, or a deadline that has passed, is for who holds the sample."""
    if not isinstance(fault, StageUnavailable):
        return False
    return not isinstance(fault.__cause__, BreakerOpen) and not _is_late(fault)


def _is_late(fault: StageUnavailable) -> bool:
    cause: Any = fault.__cause__
    return isinstance(cause, grpc.aio.AioRpcError) and cause.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def _asked_for(fault: Exception) -> float | None:
    return fault.retry_after_s if isinstance(fault, StageUnavailable) else None

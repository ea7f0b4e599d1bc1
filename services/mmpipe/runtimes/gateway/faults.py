"""What becomes of an error: the fault that a caller gets, and what stays in the log.

Expected errors have a reason of the catalogue each. What nobody expected is a bug: the caller is told so with the id of
the trace, under which the log has the rest; no message, path or address of ours leaves with it.

Adapters do not know what they are to this gateway: :mod:`.dependencies` names them.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import grpc

from mmpipe import telemetry
from mmpipe.adapters import rpc_faults
from mmpipe.adapters.errors import FilterRefused, SampleBusy, StoreError, TokenRefused
from mmpipe.adapters.queue.errors import EnvelopeTooLarge, QueueFull
from mmpipe.adapters.rpc_faults import CallFault
from mmpipe.adapters.wire import WireError
from mmpipe.errors import MmpipeError
from mmpipe.v1 import error_pb2

if TYPE_CHECKING:
    from mmpipe.runtimes.gateway.interception import Context

_log = logging.getLogger(__name__)
_RETRY_S = 1.0
"""When to try again where nobody knows better. It also keeps gRPC from trying at once by itself: another replica has
the same neighbours."""


class Refusal(MmpipeError):  # noqa: N818  # says what is the case, like the built-in KeyboardInterrupt
    """A call, or one sample of a pack, that this gateway does not do, and why, in the words of the catalogue."""

    def __init__(
        self,
        reason: error_pb2.Reason.ValueType,
        message: str,
        *,
        field: str = "",
        retry_after_s: float | None = None,
        dependency: str = "",
    ) -> None:
        super().__init__(message)
        metadata = {"dependency": dependency} if dependency else {}
        self.fault = rpc_faults.fault(
            rpc_faults.status_of(reason), reason, message, field, retry_after_s, metadata=metadata
        )


def bad_field(field: str, found: str, expected: str, remedy: str) -> Refusal:
    """A field of a request that cannot be meant."""
    message = f"{field}: found {found}; expected {expected}; {remedy}"
    return Refusal(error_pb2.REASON_BAD_FIELD, message, field=field)


def not_serving(what: str) -> Refusal:
    """A replica that stops: another one may answer at once."""
    message = f"{what}: found a gateway that stops; expected one that serves; send again, another replica answers"
    return Refusal(error_pb2.REASON_NOT_SERVING, message)


def refusal_of(dependency: str, error: StoreError | TimeoutError) -> Refusal:
    """What a caller is told of a ``dependency`` that raised this.

    A store that answers no (credentials, a damaged file) is down as far as a caller is concerned: what it said is for
    whoever runs the gateway, and goes to the log alone.
    """
    match error:
        case QueueFull():
            return Refusal(error_pb2.REASON_QUEUE_FULL, str(error), retry_after_s=_RETRY_S)
        case EnvelopeTooLarge():
            return Refusal(error_pb2.REASON_TOO_LARGE, str(error))
        case TokenRefused():
            return Refusal(error_pb2.REASON_BAD_FIELD, str(error), field="page_token")
        case FilterRefused():
            return Refusal(error_pb2.REASON_BAD_FIELD, str(error), field="where")
        case SampleBusy():
            return unanswered(dependency, message=str(error))
    _log.warning("%s is down: %s", dependency, str(error) or "no answer in time")
    return unanswered(dependency)


def unanswered(dependency: str, retry_after_s: float | None = None, message: str = "") -> Refusal:
    """Something that this gateway needs does not answer, or not now."""
    message = message or f"{dependency}: found no answer; expected one; try again later, and see that it runs"
    after_s = _RETRY_S if retry_after_s is None else retry_after_s
    return Refusal(error_pb2.REASON_DEPENDENCY_DOWN, message, retry_after_s=after_s, dependency=dependency)


def fault_of(error: Exception) -> CallFault:
    """What the caller is told of an error; what is a bug is logged here."""
    match error:
        case Refusal():
            return error.fault
        case WireError():
            return Refusal(error_pb2.REASON_BAD_FIELD, str(error), field=error.field).fault
    _log.error("a bug, in trace %s", telemetry.trace_id() or "unknown", exc_info=error)
    message = f"internal error: see the gateway's log for trace {telemetry.trace_id() or 'unknown'}, and report it"
    return Refusal(error_pb2.REASON_BUG, message).fault


@asynccontextmanager
async def answering(context: Context) -> AsyncIterator[None]:
    """Whatever is raised within ends the call as its fault."""
    try:
        yield
    except grpc.aio.AbortError:
        raise
    except Exception as error:  # noqa: BLE001  # the edge of the process: what nobody expected is logged and answered
        await rpc_faults.abort(context, fault_of(error))

"""Faults of a call in gRPC's own terms: a status with google.rpc details, built here, sent here, read here.

The catalogue of reasons is ``protos/mmpipe/v1/error.proto``; :data:`STATUS` is its status codes as data. A server
builds a :func:`fault` and ends the call with :func:`abort`; a client gets the same :class:`CallFault` back from
:func:`read`, also where the other side sent no details (a proxy, a dead connection). A fault of one item of a pack
ends no call: it travels in the body as ``error_pb2.Fault``, by :func:`encode` and :func:`decode`.

Whoever calls decides with :attr:`CallFault.transient` on another try and with :attr:`CallFault.of_dependency` on what
to tell the breaker; this module neither waits nor counts.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Never, overload

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode
from grpc_status import rpc_status

from mmpipe.v1 import error_pb2
from mmpipe.v1.error_pb2 import Reason

DOMAIN = "mmpipe.dev"
"""``ErrorInfo.domain`` of every fault of ours."""

PUSHBACK = "grpc-retry-pushback-ms"
"""Trailing metadata that gRPC's own retry obeys: when to try again, or -1 for not at all (gRFC A6)."""

SHORTEST_PUSHBACK_MS = 10
"""In a pause of a millisecond a client on gRPC's C core loses the call (grpc#41036)."""

STATUS: Mapping[Reason.ValueType, StatusCode] = MappingProxyType(
    {
        Reason.REASON_BAD_FIELD: StatusCode.INVALID_ARGUMENT,
        Reason.REASON_TOO_LARGE: StatusCode.INVALID_ARGUMENT,
        Reason.REASON_NOT_AUTHENTICATED: StatusCode.UNAUTHENTICATED,
        Reason.REASON_RATE_LIMITED: StatusCode.RESOURCE_EXHAUSTED,
        Reason.REASON_QUEUE_FULL: StatusCode.RESOURCE_EXHAUSTED,
        Reason.REASON_NOT_SERVING: StatusCode.UNAVAILABLE,
        Reason.REASON_DEPENDENCY_DOWN: StatusCode.UNAVAILABLE,
        Reason.REASON_NOT_FOUND: StatusCode.NOT_FOUND,
        Reason.REASON_NOT_HERE: StatusCode.UNIMPLEMENTED,
        Reason.REASON_OTHER_MODEL: StatusCode.FAILED_PRECONDITION,
        Reason.REASON_REFERENCE_REFUSED: StatusCode.INVALID_ARGUMENT,
        Reason.REASON_QUERY_REJECTED: StatusCode.INVALID_ARGUMENT,
        Reason.REASON_DIGEST_MISMATCH: StatusCode.DATA_LOSS,
        Reason.REASON_BUG: StatusCode.INTERNAL,
    }
)
"""The status code of each reason of the catalogue."""

UNANSWERED = frozenset({StatusCode.UNAVAILABLE, StatusCode.CANCELLED})
"""How a call ends that met no server, or one that goes away. The channels try these once more at once."""

OF_DEPENDENCY = frozenset(
    {
        StatusCode.UNAVAILABLE,
        StatusCode.DEADLINE_EXCEEDED,
        StatusCode.INTERNAL,
        StatusCode.UNKNOWN,
    }
)
"""What speaks against the server. Not RESOURCE_EXHAUSTED: a full server is well, and says when to come again."""

_CODES: Mapping[int, StatusCode] = {code.value[0]: code for code in StatusCode}
_PREFIX = "REASON_"
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class CallFault:
    """Why a call failed, or why a sample of a pack did.

    ``reason`` is unspecified where the other side named none of the catalogue. ``field`` is a path such as
    ``samples[3].parts[0].media``, empty where the fault is about none. ``retry_after_s`` is what the server asked for,
    None where it asked for nothing. ``metadata`` is that of ErrorInfo (``dependency``, ...).
    """

    code: StatusCode
    reason: Reason.ValueType
    message: str
    field: str = ""
    retry_after_s: float | None = None
    metadata: Mapping[str, str] = _NONE

    @property
    def transient(self) -> bool:
        """Whether the same call may succeed later: nobody answered, or the server said when to come again.

        A server that stops ends calls with CANCELLED (grpc/grpc#41785); a client that cancels does not ask here.
        RESOURCE_EXHAUSTED without a time is a message over its limit, which stays too large.
        """
        return self.code in UNANSWERED or (
            self.code is StatusCode.RESOURCE_EXHAUSTED and self.retry_after_s is not None
        )

    @property
    def of_dependency(self) -> bool:
        """Whether a breaker counts it. A client's error, a cancelled call and a full queue say nothing about health."""
        return self.code in OF_DEPENDENCY


def status_of(reason: Reason.ValueType) -> StatusCode:
    """The status code of a reason; UNKNOWN for one that a newer server sent."""
    return STATUS.get(reason, StatusCode.UNKNOWN)


def fault(
    code: StatusCode,
    reason: Reason.ValueType,
    message: str,
    field: str = "",
    retry_after_s: float | None = None,
    metadata: Mapping[str, str] = _NONE,
) -> CallFault:
    """A fault to send. Raises ValueError where the catalogue gives the reason another code: that is a bug."""
    if code is not status_of(reason):
        name = Reason.Name(reason)
        raise ValueError(f"{name}: found {code.name}; expected {status_of(reason).name}; see error.proto")
    return CallFault(code, reason, message, field, retry_after_s, metadata)


@overload
def abort(context: grpc.ServicerContext, fault: CallFault) -> Never: ...


@overload
def abort[In, Out](context: grpc.aio.ServicerContext[In, Out], fault: CallFault) -> Coroutine[Any, Any, Never]: ...


def abort(context: Any, fault: CallFault) -> Any:
    """End the call with this fault: called in a sync servicer, awaited in one of grpc.aio."""
    return context.abort_with_status(_Ending(fault))


def to_status(fault: CallFault) -> status_pb2.Status:
    """The rich status: ErrorInfo always, BadRequest where a field is named, RetryInfo where a time is."""
    status = status_pb2.Status(code=fault.code.value[0], message=fault.message)
    status.details.extend(_packed(detail) for detail in _details(fault))
    return status


def read(error: grpc.RpcError) -> CallFault:
    """What went wrong with a call, from a sync ``grpc.RpcError`` or a ``grpc.aio.AioRpcError``; never raises."""
    if not isinstance(error, grpc.Call | grpc.aio.AioRpcError):
        return CallFault(StatusCode.UNKNOWN, Reason.REASON_UNSPECIFIED, str(error))
    status = _rich_status(error)
    bare = CallFault(error.code(), Reason.REASON_UNSPECIFIED, error.details() or "")
    return bare if status is None else from_status(status)


def from_status(status: status_pb2.Status) -> CallFault:
    """The fault that a rich status tells; details of other kinds and of other domains are passed over."""
    info = _find(status, error_details_pb2.ErrorInfo)
    violations = _find(status, error_details_pb2.BadRequest).field_violations
    retry = _find(status, error_details_pb2.RetryInfo)
    return CallFault(
        _CODES.get(status.code, StatusCode.UNKNOWN),
        _reason(info),
        status.message,
        violations[0].field if violations else "",
        _seconds(retry.retry_delay) if retry.HasField("retry_delay") else None,
        dict(info.metadata),
    )


def encode(fault: CallFault) -> error_pb2.Fault:
    """The fault of one sample, for the body of an answer. Its metadata stay behind: the message has no place for it."""
    wire = error_pb2.Fault(reason=fault.reason, message=fault.message, field=fault.field)
    if fault.retry_after_s is not None:
        wire.retry_after.CopyFrom(_duration(fault.retry_after_s))
    return wire


def decode(wire: error_pb2.Fault) -> CallFault:
    """The fault of one sample, from the body of an answer."""
    after = _seconds(wire.retry_after) if wire.HasField("retry_after") else None
    return CallFault(status_of(wire.reason), wire.reason, wire.message, wire.field, after)


class _Ending(grpc.Status):
    """What ``abort_with_status`` takes: the details and the pushback together."""

    def __init__(self, fault: CallFault) -> None:
        rich = rpc_status.to_status(to_status(fault))
        self.code = fault.code
        self.details = fault.message
        self.trailing_metadata = (*rich.trailing_metadata, *_pushback(fault))


def _pushback(fault: CallFault) -> Iterator[tuple[str, str]]:
    """What gRPC's own retry is told.

    Nothing where another replica may answer at once. Where the server's own dependency is down, -1: waiting inside the
    channel would turn the fault into DEADLINE_EXCEEDED, so the caller, who knows its deadline, does the waiting.
    """
    if fault.retry_after_s is None or fault.reason == Reason.REASON_NOT_SERVING:
        return
    pause_ms = max(SHORTEST_PUSHBACK_MS, round(fault.retry_after_s * 1000))
    yield PUSHBACK, "-1" if fault.code is StatusCode.UNAVAILABLE else str(pause_ms)


def _details(fault: CallFault) -> Iterator[Message]:
    reason = Reason.Name(fault.reason).removeprefix(_PREFIX)
    yield error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata=fault.metadata)
    if fault.field:
        violation = error_details_pb2.BadRequest.FieldViolation(field=fault.field, description=fault.message)
        yield error_details_pb2.BadRequest(field_violations=[violation])
    if fault.retry_after_s is not None:
        yield error_details_pb2.RetryInfo(retry_delay=_duration(fault.retry_after_s))


def _rich_status(error: grpc.Call | grpc.aio.AioRpcError) -> status_pb2.Status | None:
    """The details that came along, None without.

    Damaged ones, or ones of another status than the call's (a proxy put its own in front), say nothing about it.
    """
    try:
        return rpc_status.from_call(error)
    except (ValueError, DecodeError):
        return None


def _find[M: Message](status: status_pb2.Status, kind: type[M]) -> M:
    """The first detail of a kind, an empty one without."""
    found = kind()
    next((True for detail in status.details if detail.Unpack(found)), False)
    return found


def _packed(detail: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(detail)
    return packed


def _reason(info: error_details_pb2.ErrorInfo) -> Reason.ValueType:
    known = info.domain == DOMAIN and _PREFIX + info.reason in Reason.keys()  # noqa: SIM118  # an enum, no mapping
    return Reason.Value(_PREFIX + info.reason) if known else Reason.REASON_UNSPECIFIED


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration


def _seconds(duration: Duration) -> float:
    return duration.ToNanoseconds() / 1e9

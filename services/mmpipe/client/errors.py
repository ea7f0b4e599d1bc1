"""What a gateway can answer instead of an answer. One tree, so that a caller catches as much as it can deal with.

::

    MmpipeError
    └── GatewayError            every fault of a call; reason, field, retry_after_s        exit code 3
        ├── BadRequest          the request cannot be meant: correct it                    exit code 2
        │   ├── TooLarge        a sample, pack or medium above the gateway's limits        exit code 2
        │   ├── OtherModel      stored vectors are of another model than the query's       exit code 2
        │   └── NotHere         this gateway has no such method, modality or stage         exit code 2
        ├── NotFound            no such sample, dead letter or quarantined item            exit code 2
        ├── NotAuthenticated    no token or certificate, or not a known one                exit code 2
        ├── Busy                rate limited, or the queue is full: later                  exit code 3
        ├── Unavailable         nobody answers, or something the gateway needs is down     exit code 3
        ├── TimedOut            no answer within the deadline                              exit code 3
        ├── Damaged             bytes are not those that their SHA-256 names               exit code 3
        └── GatewayBug          a bug of the server; its log has the rest                  exit code 3

:class:`Busy` and :class:`Unavailable` were tried again before they are raised. The reasons are those of
``mmpipe.v1.Reason`` without their prefix; docs/grpc.md says of each what to do. This module knows no gRPC:
``calls`` reads statuses.
"""

from __future__ import annotations

from mmpipe.errors import MmpipeError


class MissingExtraError(MmpipeError, ImportError):
    """The client needs gRPC, which the base install leaves out."""


class GatewayError(MmpipeError):
    """A call failed. ``reason`` is of the catalogue (``RATE_LIMITED``), or the gRPC code where the server gave none.

    ``field`` is what the server found at fault, such as ``sample.parts[0].media``; ``retry_after_s`` says when another
    try may help, None where it said nothing.
    """

    exit_code = 3

    def __init__(self, message: str, *, reason: str = "", field: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.reason, self.field, self.retry_after_s = reason, field, retry_after_s

    @property
    def transient(self) -> bool:
        """Whether the same call may succeed later."""
        return False


class BadRequest(GatewayError):  # noqa: N818  # says what is the case, like the stores' errors; as are all below
    """The request cannot be meant; the same one will get the same answer."""

    exit_code = 2


class TooLarge(BadRequest):
    """A sample, pack or medium is above the gateway's limits."""


class OtherModel(BadRequest):
    """Stored vectors are of another model than the query's."""


class NotHere(BadRequest):
    """The gateway has no such method, modality or stage."""


class NotFound(GatewayError):  # noqa: N818
    """There is no such sample, dead letter or quarantined item."""

    exit_code = 2


class NotAuthenticated(GatewayError):  # noqa: N818
    """The gateway knows no such caller."""

    exit_code = 2


class Busy(GatewayError):  # noqa: N818
    """The caller sends faster than it may, or the queue is full."""

    @property
    def transient(self) -> bool:
        """Yes: room comes."""
        return True


class Unavailable(GatewayError):  # noqa: N818
    """Nobody answers, the gateway stops, or something that it needs is down."""

    @property
    def transient(self) -> bool:
        """Yes: another replica, or the same one later."""
        return True


class TimedOut(GatewayError):  # noqa: N818
    """No answer came within the deadline."""


class Damaged(GatewayError):  # noqa: N818
    """Bytes are not those that their SHA-256 names."""


class GatewayBug(GatewayError):  # noqa: N818
    """A bug of the server: its log has the rest under the same trace id."""


_BY_REASON: dict[str, type[GatewayError]] = {
    "BAD_FIELD": BadRequest,
    "TOO_LARGE": TooLarge,
    "NOT_AUTHENTICATED": NotAuthenticated,
    "RATE_LIMITED": Busy,
    "QUEUE_FULL": Busy,
    "NOT_SERVING": Unavailable,
    "DEPENDENCY_DOWN": Unavailable,
    "NOT_FOUND": NotFound,
    "NOT_HERE": NotHere,
    "OTHER_MODEL": OtherModel,
    "REFERENCE_REFUSED": BadRequest,
    "QUERY_REJECTED": BadRequest,
    "DIGEST_MISMATCH": Damaged,
    "BUG": GatewayBug,
}
_BY_CODE: dict[str, type[GatewayError]] = {
    "INVALID_ARGUMENT": BadRequest,
    "OUT_OF_RANGE": BadRequest,
    "FAILED_PRECONDITION": BadRequest,
    "ALREADY_EXISTS": BadRequest,
    "UNIMPLEMENTED": NotHere,
    "NOT_FOUND": NotFound,
    "UNAUTHENTICATED": NotAuthenticated,
    "PERMISSION_DENIED": NotAuthenticated,
    "RESOURCE_EXHAUSTED": Busy,
    "UNAVAILABLE": Unavailable,
    "CANCELLED": Unavailable,  # by the server: what the client cancels, nobody reads
    "ABORTED": Unavailable,
    "DEADLINE_EXCEEDED": TimedOut,
    "DATA_LOSS": Damaged,
}


def error_of(
    message: str, *, reason: str = "", code: str = "", field: str = "", retry_after_s: float | None = None
) -> GatewayError:
    """The exception for a fault: by its ``reason`` of the catalogue, else by its gRPC ``code``, else a bug."""
    kind = _BY_REASON.get(reason) or _BY_CODE.get(code, GatewayBug)
    if code == "RESOURCE_EXHAUSTED" and not reason and retry_after_s is None:
        kind = TooLarge  # gRPC's own word for a message above its size, which no waiting makes smaller
    return kind(message, reason=reason or code, field=field, retry_after_s=retry_after_s)

"""One observed call: its span, its duration, its status. Both sides and both flavours of grpc end it here.

https://opentelemetry.io/docs/specs/semconv/rpc/grpc says what the attributes are called and which status is an error
for whom: a client that did not get OK failed, a server that refused a bad request did not.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypedDict
from urllib.parse import urlsplit

import grpc

from mmpipe import telemetry

TRACEPARENT = "traceparent"
UNKNOWN_METHOD = "_OTHER"
"""Stands for a method that a server does not have: what callers send is no name of a series."""

_SCHEME = re.compile(r"^(?:dns:(?://[^/]*/)?|ipv4:|ipv6:|unix:(?://(?=/))?)")
_UNOBSERVED = ("grpc.health.", "grpc.reflection.")
_SERVER_ERRORS = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)


class Server(TypedDict, total=False):
    """Attributes that name the other end of a channel."""

    server_address: str
    server_port: int


class _Named(Server):
    rpc_system_name: str
    rpc_method: str


@dataclass(frozen=True, slots=True)
class Method:
    """What is called, on which side, and for a client where."""

    side: Literal["client", "server"]
    name: str
    server: Server = field(default_factory=Server)


@dataclass(frozen=True, slots=True)
class Call:
    """A call that has begun."""

    method: Method
    span: telemetry.Span
    begun_s: float

    def end(self, code: grpc.StatusCode) -> None:
        """Count it, and end its span."""
        status = {"rpc_response_status_code": code.name, **self._error(code)}
        with self.span.current():  # so that the metric's exemplar is this span
            telemetry.record(
                f"rpc.{self.method.side}.call.duration",
                time.perf_counter() - self.begun_s,
                **_named(self.method),
                **status,
            )
        self.span.set(**status)
        if "error_type" in status:
            self.span.fail(code.name)
        self.span.end()

    def _error(self, code: grpc.StatusCode) -> dict[str, str]:
        failed = code in _SERVER_ERRORS if self.method.side == "server" else code is not grpc.StatusCode.OK
        return {"error_type": code.name} if failed else {}


def begin(method: Method, parent: str = "") -> Call:
    """The call begins; a server's is the first of a trace where the caller sent no ``traceparent``."""
    root = method.side == "server" and not parent
    span = telemetry.begin(f"rpc.{method.side}", parent=parent, root=root, **_named(method))
    return Call(method, span, time.perf_counter())


def unobserved(path: str) -> bool:
    """Whether the method is one that probes and tools call."""
    return named(path).startswith(_UNOBSERVED)


def named(path: str | bytes) -> str:
    """``mmpipe.v1.ChainService/Chain`` of ``/mmpipe.v1.ChainService/Chain``, which grpc.aio has as bytes."""
    return (path.decode() if isinstance(path, bytes) else path).removeprefix("/")


def server_of(target: str) -> Server:
    """Host and port of a channel's target, such as ``dns:///stages-image:50051``; a list of addresses as it is."""
    address = _SCHEME.sub("", target)
    if address.startswith("/") or "," in address:
        return Server(server_address=address)
    pieces = urlsplit(f"//{address}")
    server = Server(server_address=pieces.hostname) if pieces.hostname else Server()
    return Server(**server, server_port=pieces.port) if pieces.port else server


def carried(metadata: Iterable[tuple[str, str | bytes]] | None) -> str:
    """The ``traceparent`` among a call's metadata; empty without one."""
    return next((str(value) for key, value in metadata or () if key == TRACEPARENT), "")


def _named(method: Method) -> _Named:
    return _Named(rpc_system_name="grpc", rpc_method=method.name, **method.server)

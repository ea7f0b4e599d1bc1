"""Options of every gRPC channel and server of ours, in one place, so that both ends agree.

``docs/resilience.md`` explains each value. In short: calls go round all healthy replicas, a call that met a dying one
is tried once more on another, a replica that only fails is left out for a while, dead connections are noticed, and
connections are renewed so that new replicas are found.

The channel's own retry is for the race with a replica that goes away, and for nothing else. Waiting for a service
that is down or full is the caller's (``mmpipe.resilience``), who knows the deadline and the budget. Addresses are
gRPC's: ``host:port``, ``dns:///host:port``, or several as ``ipv4:127.0.0.1:1,127.0.0.1:2``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc

from mmpipe.errors import MmpipeError

MAX_MESSAGE_BYTES = 64 * 2**20
"""Largest message either way. gRPC's own limit of 4 MiB is below one batch of images."""

SHORTEST_BACKOFF_S = 0.01
"""A pause of a millisecond ends before gRPC has begun to wait for it, and the call never ends (grpc#41036)."""

type Options = list[tuple[str, Any]]


class AddressRefused(MmpipeError):  # noqa: N818  # says what is the case, like the built-in KeyboardInterrupt
    """The server cannot listen there."""

    def __init__(self, address: str, cause: str) -> None:
        super().__init__(f"{address}: found {cause}; expected a free address of this machine; choose another port")


@dataclass(frozen=True, slots=True)
class Dialling:
    """How a channel behaves."""

    attempts: int = 2
    """Most attempts of one call inside the channel, each on the next replica."""
    backoff_s: float = 0.1
    """Pause before the second, give or take a fifth."""
    retry_tokens: int = 1000
    """When half of them are gone there is no second attempt: a failed attempt takes one, a call that succeeds gives a
    tenth back. Half is more than one killed replica holds; a service that is down uses it up and gets no call twice."""
    keepalive_s: float = 30.0
    """Pause between pings on a quiet connection; above ``Listening.min_ping_s``."""
    keepalive_timeout_s: float = 10.0
    """A ping unanswered for this long closes the connection."""
    max_reconnect_s: float = 5.0
    """Longest pause between attempts to connect; below ``breaker.openSeconds``, or a probe would find nobody trying."""
    ejection_interval_s: float = 2.0
    """How often replicas are compared with each other."""
    ejection_s: float = 10.0
    """How long a replica that only fails is left out; each further time adds as much."""

    def __post_init__(self) -> None:
        if self.backoff_s < SHORTEST_BACKOFF_S:
            raise ValueError(f"backoff_s: found {self.backoff_s}; expected at least {SHORTEST_BACKOFF_S}; wait longer")


@dataclass(frozen=True, slots=True)
class Listening:
    """How a server treats its connections."""

    max_age_s: float = 60.0
    """A connection of this age is ended politely; its client looks up the replicas anew."""
    age_grace_s: float = 600.0
    """Time for the calls of such a connection. A longer stream is cut, and its client begins another."""
    min_ping_s: float = 10.0
    """A client that pings more often than this is sent away (too_many_pings)."""
    keepalive_s: float = 30.0
    """Pause between the server's own pings, by which it notices dead clients."""
    keepalive_timeout_s: float = 10.0
    """A ping unanswered for this long closes the connection."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """PEM bytes of one end of a TLS connection.

    ``authority`` signs the other end: for a channel absent means the system's, for a server absent means that clients
    show no certificate. ``certificate`` and ``key`` are one's own; a client needs them for mutual TLS only.
    ``server_name`` is what a channel expects in the server's certificate where the address does not say it.
    """

    authority: bytes | None = None
    certificate: bytes | None = None
    key: bytes | None = field(default=None, repr=False)
    server_name: str = ""

    def for_channel(self) -> grpc.ChannelCredentials:
        """As a client uses them."""
        return grpc.ssl_channel_credentials(self.authority, self.key, self.certificate)

    def for_server(self) -> grpc.ServerCredentials:
        """As a server uses them: with an authority it refuses clients that it did not sign."""
        if self.key is None or self.certificate is None:
            raise ValueError("server credentials: found no key or no certificate; expected both; give both")
        pair = [(self.key, self.certificate)]
        return grpc.ssl_server_credentials(pair, self.authority, require_client_auth=self.authority is not None)


def sync_channel(
    address: str,
    credentials: Credentials | None = None,
    *,
    interceptors: Sequence[Any] = (),
    dialling: Dialling | None = None,
) -> grpc.Channel:
    """A channel for threads."""
    options = channel_options(dialling or Dialling(), credentials)
    if credentials is None:
        channel = grpc.insecure_channel(address, options)
    else:
        channel = grpc.secure_channel(address, credentials.for_channel(), options)
    return grpc.intercept_channel(channel, *interceptors)


def aio_channel(
    address: str,
    credentials: Credentials | None = None,
    *,
    interceptors: Sequence[grpc.aio.ClientInterceptor] = (),
    dialling: Dialling | None = None,
) -> grpc.aio.Channel:
    """A channel for one event loop, which must be running."""
    options = channel_options(dialling or Dialling(), credentials)
    if credentials is None:
        return grpc.aio.insecure_channel(address, options, interceptors=interceptors)
    return grpc.aio.secure_channel(address, credentials.for_channel(), options, interceptors=interceptors)


def listen(server: grpc.Server | grpc.aio.Server, address: str, credentials: Credentials | None = None) -> int:
    """The port that the server will listen on, chosen by the system where the address ends in ``:0``."""
    try:
        if credentials is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, credentials.for_server())
    except RuntimeError as refused:
        raise AddressRefused(address, str(refused)) from refused


def channel_options(dialling: Dialling, credentials: Credentials | None = None) -> Options:
    """What a channel is made with."""
    name = credentials.server_name if credentials else ""
    return [
        *_message_sizes(),
        *_keepalive(dialling.keepalive_s, dialling.keepalive_timeout_s),
        ("grpc.service_config", json.dumps(service_config(dialling))),
        # Ours holds, whatever a DNS server says in a TXT record.
        ("grpc.service_config_disable_resolution", 1),
        ("grpc.enable_retries", 1),
        # A call that is larger than this buffer (256 KiB by default) is silently not retried.
        ("grpc.per_rpc_retry_buffer_size", MAX_MESSAGE_BYTES),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", _ms(dialling.max_reconnect_s)),
        # 30 s by default: a lost replica's successor would wait for that long.
        ("grpc.dns_min_time_between_resolutions_ms", _ms(dialling.max_reconnect_s)),
        *([("grpc.ssl_target_name_override", name)] if name else []),
    ]


def server_options(listening: Listening | None = None) -> Options:
    """What a server, sync or aio, is made with."""
    chosen = listening or Listening()
    return [
        *_message_sizes(),
        *_keepalive(chosen.keepalive_s, chosen.keepalive_timeout_s),
        ("grpc.http2.min_ping_interval_without_data_ms", _ms(chosen.min_ping_s)),
        ("grpc.max_connection_age_ms", _ms(chosen.max_age_s)),
        ("grpc.max_connection_age_grace_ms", _ms(chosen.age_grace_s)),
        # Two servers on one port would each get half of the calls; that is a mistake, and this makes it an error.
        ("grpc.so_reuseport", 0),
    ]


def service_config(dialling: Dialling) -> Mapping[str, object]:
    """The service config of gRPC, as grpc/service_config.proto has it."""
    return {
        "loadBalancingConfig": [{"outlier_detection_experimental": _outlier_detection(dialling)}],
        "healthCheckConfig": {"serviceName": ""},
        "methodConfig": [{"name": [{}], "retryPolicy": _retry_policy(dialling)}],
        "retryThrottling": {"maxTokens": dialling.retry_tokens, "tokenRatio": 0.1},
    }


def _outlier_detection(dialling: Dialling) -> Mapping[str, object]:
    """Round robin, without replicas that fail nearly always while others do not.

    By failure percentage, not by success rate: the latter compares with the standard deviation, which two or three
    replicas do not have. Never more than half is left out: where all fail, the replicas are not at fault.
    """
    return {
        "interval": _duration(dialling.ejection_interval_s),
        "baseEjectionTime": _duration(dialling.ejection_s),
        "maxEjectionPercent": 50,
        "failurePercentageEjection": {"threshold": 85, "minimumHosts": 2, "requestVolume": 10},
        "childPolicy": [{"round_robin": {}}],
    }


def _retry_policy(dialling: Dialling) -> Mapping[str, object]:
    return {
        "maxAttempts": dialling.attempts,
        "initialBackoff": _duration(dialling.backoff_s),
        "maxBackoff": _duration(dialling.backoff_s),
        "backoffMultiplier": 2,
        # A server that stops ends some calls with CANCELLED (grpc/grpc#41785). A client's own cancellation is final.
        "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
    }


def _message_sizes() -> Options:
    return [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        # The sender refuses first, before the bytes travel.
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ]


def _keepalive(pause_s: float, timeout_s: float) -> Options:
    return [
        ("grpc.keepalive_time_ms", _ms(pause_s)),
        ("grpc.keepalive_timeout_ms", _ms(timeout_s)),
        # Both ends need it: a client pings without a call, and a server tolerates that.
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
    ]


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _duration(seconds: float) -> str:
    """As JSON has google.protobuf.Duration."""
    return f"{seconds:.3f}s"

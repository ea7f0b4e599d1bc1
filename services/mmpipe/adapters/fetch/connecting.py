"""A connection to an address that was looked at, in no more than the time that is left.

A name is resolved once, and the connection goes to the very address that was checked: a name that answers otherwise the
second time (DNS rebinding) is never asked a second time. TLS verifies the certificate against the name, as always. No
proxy is used, whatever the environment says: a proxy would resolve the name again.

Of several addresses only those that may be spoken to are tried; a name that has none is refused. Mixing a private
address in gains nothing then, and names with one address inside and one outside of a network keep working.

Time is one budget for the whole medium. A socket's own timeout only bounds one read, so a server that sends a byte now
and then would hold a thread for days; here every read gets what is left. Only the resolver keeps to times of its own
(``resolv.conf``): its call cannot be cut short.
"""

from __future__ import annotations

import io
import socket
import ssl
from collections.abc import Buffer, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from mmpipe.adapters.fetch.addresses import address_of, where
from mmpipe.adapters.fetch.errors import GATE, FetchFailed, FetchRefused
from mmpipe.adapters.fetch.targets import Target

CONNECT_S = 10.0
"""Longest wait for one address, so that a second one gets its turn."""

type Resolve = Callable[..., Sequence[tuple[Any, ...]]]
"""Like :func:`socket.getaddrinfo`."""


@dataclass(frozen=True, slots=True)
class Countdown:
    """The time that one medium may still take. Raises TimeoutError, like a socket, where none is left."""

    clock: Callable[[], float]
    ends_at: float

    def remaining_s(self) -> float:
        """Seconds left, more than 0."""
        remaining = self.ends_at - self.clock()
        if remaining <= 0:
            raise TimeoutError("timed out")
        return remaining


@dataclass(frozen=True)
class Connector:
    """How to reach web servers. Safe for threads."""

    private_networks: Literal["Refuse", "Allow"]
    resolve: Resolve = field(default=socket.getaddrinfo)

    @contextmanager
    def connected(self, target: Target, countdown: Countdown) -> Iterator[Wire]:
        """A connection to the server of ``target``, encrypted for https; closed afterwards.

        Raises FetchRefused for an address or a certificate, OSError where nobody answers.
        """
        with closing(_first_to_answer(self._addresses(target), countdown)) as plain:
            if target.scheme == "http":
                yield Wire(plain, countdown)
                return
            with closing(self._encrypted(plain, target, countdown)) as encrypted:
                yield Wire(encrypted, countdown)

    def _addresses(self, target: Target) -> list[tuple[Any, ...]]:
        found = self.resolve(target.host, target.port, type=socket.SOCK_STREAM)
        leads = [where(address_of(answer[4][0])) for answer in found]
        taken = {"Global", "Local"} if self.private_networks == "Allow" else {"Global"}
        addresses = [answer for answer, (place, _) in zip(found, leads, strict=True) if place in taken]
        if not addresses:
            raise _address_refused(target, leads[0][1] if leads else "no address")
        return addresses

    def _encrypted(self, plain: socket.socket, target: Target, countdown: Countdown) -> ssl.SSLSocket:
        plain.settimeout(countdown.remaining_s())  # bounds the handshake as a whole
        try:
            return self._trust.wrap_socket(plain, server_hostname=target.host.rstrip("."))
        except ssl.SSLCertVerificationError as error:
            remedy = "have the server present one, or name your own authority in SSL_CERT_FILE"
            raise FetchRefused(
                target.uri, f"a certificate that fails ({error.verify_message})", f"one for {target.host}", remedy
            ) from error

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        """The system's authorities, or those of ``SSL_CERT_FILE``; reading them takes some 20 ms."""
        return ssl.create_default_context()


class Wire:
    """What :mod:`http.client` needs of a socket, with the time that is left as the timeout of each call.

    Closing is up to whoever connected.
    """

    def __init__(self, connection: socket.socket, countdown: Countdown) -> None:
        self._connection = connection
        self._countdown = countdown

    def sendall(self, data: Buffer) -> None:
        """Send it all."""
        self._connection.settimeout(self._countdown.remaining_s())
        self._connection.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """The answer, as a file."""
        return io.BufferedReader(_Incoming(self._connection, self._countdown))

    def close(self) -> None:
        """Nothing: see above."""


class _Incoming(io.RawIOBase):
    def __init__(self, connection: socket.socket, countdown: Countdown) -> None:
        self._connection = connection
        self._countdown = countdown

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        self._connection.settimeout(self._countdown.remaining_s())
        return self._connection.recv_into(buffer)


def _first_to_answer(addresses: Sequence[tuple[Any, ...]], countdown: Countdown) -> socket.socket:
    faults: list[OSError] = []
    for family, kind, protocol, _, address in addresses:
        timeout_s = min(CONNECT_S, countdown.remaining_s())
        try:
            return _connected(socket.socket(family, kind, protocol), address, timeout_s)
        except OSError as error:  # also where this machine has no IPv6
            faults.append(error)
    raise faults[0]


def _connected(connection: socket.socket, address: tuple[Any, ...], timeout_s: float) -> socket.socket:
    connection.settimeout(timeout_s)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def _address_refused(target: Target, kind: str) -> FetchRefused | FetchFailed:
    if kind == "no address":
        return FetchFailed(target.uri, "no address for the host", "one", "see that the name is right")
    # The address itself is left out: it would tell a stranger about names inside of the network.
    remedy = "upload the medium, or allow private networks in the spec where it is one"
    return FetchRefused(target.uri, f"a host at {kind}", "a global address", remedy, gate=f"{GATE}.privateNetworks")

"""One medium over HTTP: GET, redirects followed by hand, and an answer held to what it says and what is allowed.

Over :mod:`http.client`, on a connection of ours (``connecting``): it keeps no cookies, follows nothing, unpacks nothing
and asks no proxy. An answer must say where it ends (Content-Length or chunks): one that is cut short would otherwise
pass for a whole one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from importlib.metadata import version
from typing import NoReturn

from mmpipe.adapters.fetch.connecting import Connector, Countdown, Wire
from mmpipe.adapters.fetch.errors import GATE, FetchFailed, FetchRefused
from mmpipe.adapters.fetch.targets import Target, parse, redirected

type Write = Callable[[bytes], object]

_CHUNK_BYTES = 256 * 1024
_OK = 200
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NOT_NOW = frozenset({408, 425, 429})
"""Client errors that another try may not meet (RFC 9110 15.5.9, RFC 8470 5.2, RFC 6585 4)."""
_SERVER_FAULTS = range(500, 600)
_LENGTH = re.compile("[0-9]{1,19}")
_SECONDS = re.compile("[0-9]{1,6}")
_HEADERS = {
    "User-Agent": f"mmpipe/{version('mmpipe')}",
    "Accept": "*/*",
    "Accept-Encoding": "identity",  # a packed answer could be a bomb, and media are packed already
    "Connection": "close",
}


@dataclass(frozen=True, slots=True)
class Web:
    """How the web is asked. Safe for threads."""

    connector: Connector
    schemes: Sequence[str]
    max_bytes: int
    max_redirects: int

    def check(self, uri: str) -> None:
        """Raises FetchRefused where the URI alone says that it is not fetched."""
        parse(uri, self.schemes)

    def download(self, uri: str, into: Write, countdown: Countdown) -> None:
        """Write what the URI leads to. Raises FetchRefused or FetchFailed; ``into`` may have had a part then."""
        target = parse(uri, self.schemes)
        for _ in range(self.max_redirects + 1):
            following = self._visit(target, into, countdown)
            if following is None:
                return
            target = following
        found, remedy = f"more than {self.max_redirects} redirects", "refer to where they lead"
        raise FetchRefused(uri, found, "an answer", remedy, gate=f"{GATE}.maxRedirects")

    def _visit(self, target: Target, into: Write, countdown: Countdown) -> Target | None:
        """Write the answer, or say where it sends on to."""
        with _as_fetch_failed(target), self.connector.connected(target, countdown) as wire:
            answer = _answer(target, wire)
            if answer.status in _REDIRECTS:
                return redirected(target, answer.headers.get("Location", ""), self.schemes)
            _copy(answer, into, _Allowance(target, self.max_bytes, _size_said(target, answer)))
        return None


@dataclass(slots=True)
class _Allowance:
    """How many bytes an answer may have: no more than allowed, and as many as it said."""

    target: Target
    max_bytes: int
    said: int | None
    counted: int = 0

    def __post_init__(self) -> None:
        self._check(self.said or 0)

    def count(self, size: int) -> None:
        """These many came."""
        self.counted += size
        self._check(self.counted)

    def finish(self) -> None:
        """No more will come."""
        if self.said is not None and self.said != self.counted:
            raise IncompleteRead(b"", self.said - self.counted)

    def _check(self, size: int) -> None:
        if size > self.max_bytes:
            found, remedy = f"at least {size} bytes", "refer to a smaller medium, or raise the setting"
            gate = f"{GATE}.maxBytes"
            raise FetchRefused(self.target.uri, found, f"at most {self.max_bytes}", remedy, gate=gate)


class _Connection(HTTPConnection):
    """An HTTP connection over a wire that is there already."""

    def __init__(self, target: Target, wire: Wire) -> None:
        super().__init__(target.host, target.port)
        self.sock = wire  # as much of a socket as is used
        self.auto_open = 0


def _answer(target: Target, wire: Wire) -> HTTPResponse:
    connection = _Connection(target, wire)
    connection.putrequest("GET", target.path, skip_host=True, skip_accept_encoding=True)
    for name, value in {"Host": target.authority, **_HEADERS}.items():
        connection.putheader(name, value)
    connection.endheaders()
    return connection.getresponse()


def _size_said(target: Target, answer: HTTPResponse) -> int | None:
    """The length of the body where the answer says it, None where it comes in chunks."""
    if answer.status != _OK:
        _refuse_status(target, answer)
    encoding = answer.headers.get("Content-Encoding", "identity")
    if encoding.strip().lower() != "identity":
        remedy = "have the server send the medium as it is"
        raise FetchRefused(target.uri, "a packed answer (Content-Encoding)", "the medium itself", remedy)
    if answer.chunked:
        return None
    lengths = [*{*answer.headers.get_all("Content-Length", [])}]
    if answer.headers.get("Transfer-Encoding") or len(lengths) != 1 or not _LENGTH.fullmatch(lengths[0]):
        remedy = "have the server send Content-Length, or upload the medium"
        raise FetchRefused(target.uri, "an answer that does not say where it ends", "its length", remedy)
    return int(lengths[0])


def _refuse_status(target: Target, answer: HTTPResponse) -> NoReturn:
    found = f"HTTP status {answer.status}"
    if answer.status in _NOT_NOW or answer.status in _SERVER_FAULTS:
        said = answer.headers.get("Retry-After", "")
        pause = float(said) if _SECONDS.fullmatch(said) else None
        raise FetchFailed(target.uri, found, "200", "try again later", retry_after_s=pause)
    raise FetchRefused(target.uri, found, "200", "see that the URI is right and needs no credentials")


def _copy(answer: HTTPResponse, into: Write, allowance: _Allowance) -> None:
    while chunk := answer.read1(_CHUNK_BYTES):
        allowance.count(len(chunk))
        into(chunk)
    allowance.finish()


@contextmanager
def _as_fetch_failed(target: Target) -> Iterator[None]:
    """What the network does to a conversation, in our words."""
    try:
        yield
    except TimeoutError as error:
        remedy = "try again later, or raise source.references.timeoutSeconds"
        raise FetchFailed(target.uri, "no end in time", "the whole medium in time", remedy) from error
    except HTTPException as error:
        found = f"a broken answer ({type(error).__name__})"
        raise FetchFailed(target.uri, found, "a whole one", "try again later") from error
    except OSError as error:
        found = f"no answer ({error.strerror or type(error).__name__})"
        raise FetchFailed(target.uri, found, "one", "try again later") from error

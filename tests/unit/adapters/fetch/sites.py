"""Web servers on loopback that say what a test wants them to say, byte by byte, and resolvers that answer likewise."""

from __future__ import annotations

import hashlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmpipe.adapters.errors import StoreRefused
from mmpipe.adapters.fetch.connecting import Resolve

LOOPBACK = "127.0.0.1"
BMP = (
    b"BM" + (58).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little") + (40).to_bytes(4, "little") + bytes(40)
)

type Say = Callable[[socket.socket], None]
"""What a server does with a connection after it has read the request."""


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def answer(content: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    said = len(content) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {said}", *headers, "", ""]
    return "\r\n".join(lines).encode() + content


def redirect(location: str, status: str = "302 Found") -> bytes:
    return answer(b"", f"Location: {location}", status=status)


@dataclass
class Site:
    """A server; ``requests`` are the heads that it was sent."""

    port: int
    pages: dict[str, bytes | Say]
    scheme: str = "http"
    requests: list[str] = field(default_factory=list)

    def uri(self, path: str, host: str = LOOPBACK) -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def serve(self, connection: socket.socket) -> None:
        head = _head(connection)
        if not head:
            return
        self.requests.append(head)
        page = self.pages.get(head.split(" ")[1], answer(b"", status="404 Not Found"))
        if callable(page):
            page(connection)
        else:
            connection.sendall(page)


def _head(connection: socket.socket) -> str:
    head = b""
    while b"\r\n\r\n" not in head:
        some = connection.recv(4096)
        if not some:
            return ""
        head += some
    return head.decode()


@contextmanager
def serving(pages: Mapping[str, bytes | Say], certificate: Path | None = None) -> Iterator[Site]:
    """A site from bound to closed; with a certificate (its key beside it) it speaks TLS."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        site = Site(listener.getsockname()[1], dict(pages), "https" if certificate else "http")
        accepting = threading.Thread(target=_accept, args=(listener, site, certificate))
        accepting.start()
        try:
            yield site
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()


def _accept(listener: socket.socket, site: Site, certificate: Path | None) -> None:
    talking = []
    with suppress(OSError):  # shut down: the test is over
        while True:
            connection, _ = listener.accept()
            talking.append(threading.Thread(target=_talk, args=(connection, site, certificate)))
            talking[-1].start()
    for thread in talking:
        thread.join()


def _talk(connection: socket.socket, site: Site, certificate: Path | None) -> None:
    with suppress(OSError):  # the fetcher has hung up, as many tests want it to
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, certificate.with_suffix(".key"))
            connection = context.wrap_socket(connection, server_side=True)
        site.serve(connection)
    connection.close()


def certificate_for(folder: Path, host: str) -> Path:
    """A self-signed certificate; it is its own authority."""
    certificate = folder / f"{host}.pem"
    subject = ["-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}", "-days", "1", "-nodes"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", str(certificate.with_suffix(".key"))]
    command = ["openssl", "req", "-x509", *key, "-out", str(certificate), *subject]
    subprocess.run(command, check=True, capture_output=True)
    return certificate


def resolver(*answers: Sequence[str]) -> Resolve:
    """Names answer with the first addresses, the next time with the next, and the last ones from then on."""
    left = list(answers)

    def resolve(_: str, port: int, type: int = 0) -> list[Any]:  # noqa: A002  # as getaddrinfo has it
        addresses = left.pop(0) if len(left) > 1 else left[0]
        found = [socket.getaddrinfo(each, port, flags=socket.AI_NUMERICHOST, type=type) for each in addresses]
        return [entry for entries in found for entry in entries]

    return resolve


class MemoryObjects:
    """An object store that counts how often it was read."""

    def __init__(self, *contents: bytes) -> None:
        self.contents = {sha256(content): content for content in contents}
        self.reads = 0

    def get_to(self, path: Path, sha256: str) -> None:
        self.reads += 1
        if sha256 not in self.contents:
            raise StoreRefused("memory", "nothing", "an object", "put it there")
        path.write_bytes(self.contents[sha256])

    def exists(self, sha256: str) -> bool:
        return sha256 in self.contents

"""TLS as it should be at each handshake: the newest certificate to show, the newest authority to believe.

A context can be given another certificate, and more authorities, but none can be taken from it. So there is a context
for each state of things, and a handshake is handed over to the newest when a client says hello. A client may come
without a certificate; with one that no authority has signed, it is turned away here.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager


class Handshakes:
    """``context`` is what to listen with, once and for all."""

    def __init__(self) -> None:
        self.context = _context()
        self.context.sni_callback = self._hand_over  # called with or without a name
        self._newest: ssl.SSLContext | None = None
        self._pair: tuple[bytes, bytes] | None = None
        self._authority = ""

    @property
    def ready(self) -> bool:
        """Whether there is what a handshake needs."""
        return self._newest is not None

    def show(self, chain: bytes, key: bytes) -> None:
        """Show this certificate from now on (PEM). Raises ssl.SSLError for one that can't be used."""
        self._renew((chain, key), self._authority)

    def believe(self, authority: str) -> None:
        """Believe clients that this authority has signed (PEM), and no others. Raises ssl.SSLError likewise."""
        _believing(authority)  # or a bad one would turn up when the next certificate is shown
        self._renew(self._pair, authority)

    def _renew(self, pair: tuple[bytes, bytes] | None, authority: str) -> None:
        if pair is not None and authority:
            self._newest = _loaded(pair, authority)
        self._pair, self._authority = pair, authority

    def _hand_over(self, connection: ssl.SSLSocket | ssl.SSLObject, _: str | None, __: ssl.SSLContext) -> int | None:
        if self._newest is None:
            return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
        connection.context = self._newest
        return None


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3  # the API server has it
    context.verify_mode = ssl.CERT_OPTIONAL
    # As Kubernetes does: whatever stands in the ConfigMap is believed, an intermediate authority too.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.num_tickets = 0  # a resumed session would go on with an authority of before
    return context


def _believing(authority: str) -> ssl.SSLContext:
    context = _context()
    context.load_verify_locations(cadata=authority)
    return context


def _loaded(pair: tuple[bytes, bytes], authority: str) -> ssl.SSLContext:
    context = _believing(authority)
    with _file(pair[0]) as chain, _file(pair[1]) as key:
        context.load_cert_chain(chain, key)
    return context


@contextmanager
def _file(content: bytes) -> Iterator[str]:
    """A path to it: ``ssl`` reads nothing else, and a key should be on no disk."""
    handle = os.memfd_create("mmpipe")
    try:
        os.write(handle, content)
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)

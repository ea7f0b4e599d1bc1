"""TLS over real connections: what is shown to a client, and which clients are believed."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.asynchronous import asynchronous
from tests.unit.operator.metrics_adapter.authorities import HOST, Authority, Pair

from mmpipe_operator.metrics_adapter.handshakes import Handshakes

OURS, PROXY, OTHER = Authority("ours"), Authority("proxy"), Authority("other")


@dataclass
class Listening:
    """Says the common name of whoever connects; nothing to who shows no certificate."""

    handshakes: Handshakes
    folder: Path
    port: int = 0

    async def said_to(self, pair: Pair | None, name: str = HOST) -> str:
        context = ssl.create_default_context(cadata=OURS.pem)
        if pair is not None:
            context.load_cert_chain(*pair.write(self.folder, "client"))
        reader, writer = await asyncio.open_connection(HOST, self.port, ssl=context, server_hostname=name)
        try:
            said = (await reader.read()).decode()
        finally:
            writer.transport.abort()
        if not said:  # a client is told after it believes the handshake done
            raise ConnectionResetError("the server has hung up")
        return said

    async def shown(self) -> bytes:
        """The serial number of the certificate that a client sees."""
        context = ssl.create_default_context(cadata=OURS.pem)
        _, writer = await asyncio.open_connection(HOST, self.port, ssl=context, server_hostname=HOST)
        found: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.transport.abort()
        return found


@asynccontextmanager
async def listening(folder: Path, handshakes: Handshakes) -> AsyncIterator[Listening]:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        subject = (writer.get_extra_info("peercert") or {}).get("subject", ((("", "nobody"),),))
        writer.write(subject[0][0][1].encode())
        writer.close()

    server = await asyncio.start_server(greet, HOST, 0, ssl=handshakes.context)
    async with server:
        yield Listening(handshakes, folder, server.sockets[0].getsockname()[1])


def handshakes() -> Handshakes:
    made = Handshakes()
    server = OURS.sign("server")
    made.show(server.certificate, server.key)
    made.believe(PROXY.pem)
    return made


@pytest.mark.parametrize("name", [HOST, "localhost"])
def test_a_client_is_known_by_its_certificate_with_and_without_a_server_name(tmp_path: Path, name: str) -> None:
    async def ask() -> tuple[str, str]:
        async with listening(tmp_path, handshakes()) as server:
            return await server.said_to(PROXY.sign("front"), name), await server.said_to(None, name)

    assert asyncio.run(ask()) == ("front", "nobody")


def test_a_certificate_of_another_authority_ends_the_connection(tmp_path: Path) -> None:
    async def ask() -> str:
        async with listening(tmp_path, handshakes()) as server:
            return await server.said_to(OTHER.sign("front"))

    with pytest.raises((ssl.SSLError, ConnectionError)):
        asyncio.run(ask())


def test_an_authority_that_is_replaced_is_believed_no_more(tmp_path: Path) -> None:
    async def ask() -> None:
        async with listening(tmp_path, handshakes()) as server:
            server.handshakes.believe(OTHER.pem)
            assert await server.said_to(OTHER.sign("front")) == "front"
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await server.said_to(PROXY.sign("front"))

    asyncio.run(ask())


def test_a_bundle_believes_each_of_its_authorities(tmp_path: Path) -> None:
    async def ask() -> list[str]:
        async with listening(tmp_path, handshakes()) as server:
            server.handshakes.believe(PROXY.pem + OTHER.pem)
            return [await server.said_to(each.sign(each.name)) for each in (PROXY, OTHER)]

    assert asyncio.run(ask()) == ["proxy", "other"]


def test_a_renewed_certificate_is_shown_from_the_next_handshake_on(tmp_path: Path) -> None:
    async def ask() -> tuple[bytes, bytes]:
        async with listening(tmp_path, handshakes()) as server:
            before, renewed = await server.shown(), OURS.sign("server")
            server.handshakes.show(renewed.certificate, renewed.key)
            return before, await server.shown()

    before, after = asyncio.run(ask())
    assert before != after


@asynchronous
async def test_before_there_is_a_certificate_nobody_is_served() -> None:
    empty = Handshakes()
    assert not empty.ready
    empty.believe(PROXY.pem)
    assert not empty.ready
    async with listening(Path(), empty) as server:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await server.said_to(None)


def test_no_session_is_resumed_that_an_authority_of_before_has_let_in() -> None:
    context = ssl.create_default_context(cadata=OURS.pem)

    def connect(port: int, session: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool | None]:
        plain = socket.create_connection((HOST, port), 5)
        with context.wrap_socket(plain, server_hostname=HOST, session=session) as secure:
            assert secure.recv(100) == b"nobody"
            return secure.session, secure.session_reused

    async def ask() -> bool | None:
        async with listening(Path(), handshakes()) as server:
            session, _ = await asyncio.to_thread(connect, server.port, None)
            assert session is None or not session.has_ticket
            _, reused = await asyncio.to_thread(connect, server.port, session)
            return reused

    assert not asyncio.run(ask())

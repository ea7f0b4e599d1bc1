"""TLS over real connections: what is shown to a client, and which clients are believed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.asynchronous import asynchronous
from tests.unit.operator.metrics_adapter.authorities import HOST, Authority, Pair

from mmpipe_operator.metrics_adapter.handshakes import Handshakes

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
OURS, PROXY, OTHER = Authority("ours"), Authority("proxy"), Authority("other")


@dataclass
class Listening:
    """Says the common name of whoever connects; nothing to who shows no certificate."""

    handshakes: Handshakes
    folder: Path
    port: int = 0

    async def said_to(self, pair: Pair | None, version: ssl.TLSVersion, name: str = HOST) -> str:
        context = ssl.create_default_context(cadata=OURS.pem)
        context.minimum_version = context.maximum_version = version
        if pair is not None:
            context.load_cert_chain(*pair.write(self.folder, "client"))
        reader, writer = await asyncio.open_connection(HOST, self.port, ssl=context, server_hostname=name)
        try:
            said = (await reader.read()).decode()
        finally:
            writer.transport.abort()
        if not said:  # TLS 1.3: a client is told after it believes the handshake done
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


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
@pytest.mark.parametrize("name", [HOST, "localhost"])
def test_a_client_is_known_by_its_certificate_with_and_without_a_server_name(
    tmp_path: Path, version: ssl.TLSVersion, name: str
) -> None:
    async def ask() -> tuple[str, str]:
        async with listening(tmp_path, handshakes()) as server:
            return await server.said_to(PROXY.sign("front"), version, name), await server.said_to(None, version, name)

    assert asyncio.run(ask()) == ("front", "nobody")


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_a_certificate_of_another_authority_ends_the_connection(tmp_path: Path, version: ssl.TLSVersion) -> None:
    async def ask() -> str:
        async with listening(tmp_path, handshakes()) as server:
            return await server.said_to(OTHER.sign("front"), version)

    with pytest.raises((ssl.SSLError, ConnectionError)):
        asyncio.run(ask())


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_an_authority_that_is_replaced_is_believed_no_more(tmp_path: Path, version: ssl.TLSVersion) -> None:
    async def ask() -> None:
        async with listening(tmp_path, handshakes()) as server:
            server.handshakes.believe(OTHER.pem)
            assert await server.said_to(OTHER.sign("front"), version) == "front"
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await server.said_to(PROXY.sign("front"), version)

    asyncio.run(ask())


def test_a_bundle_believes_each_of_its_authorities(tmp_path: Path) -> None:
    async def ask() -> list[str]:
        async with listening(tmp_path, handshakes()) as server:
            server.handshakes.believe(PROXY.pem + OTHER.pem)
            return [await server.said_to(each.sign(each.name), VERSIONS[1]) for each in (PROXY, OTHER)]

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
            await server.said_to(None, VERSIONS[1])

"""From the environment to a TLS connection: real certificates, and a server that knows no method."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from tests.unit.runtimes.gateway.authority import Authority

from mmpipe.adapters.channels import Credentials
from mmpipe.cli.connection import NoConnection, connect
from mmpipe.cli.options import TOKEN_ENV
from mmpipe.client.errors import GatewayError

NAME = "media-gateway.default"
_WITHIN_S = 2.0


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.founded(tmp_path / "authority")


@pytest.fixture
def address(authority: Authority) -> Iterator[str]:
    """A server whose certificate has another name than its address, as behind a forwarded port."""
    server = grpc.server(ThreadPoolExecutor(1))
    credentials = Credentials(None, *authority.pair(NAME)).for_server()
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(grace=None).wait()


def _reason(address: str) -> str:
    with connect(address, TOKEN_ENV) as client, pytest.raises(GatewayError) as caught:
        client.delete("x", timeout_s=_WITHIN_S)
    return type(caught.value).__name__


def test_the_name_in_the_certificate_may_be_another_than_the_address(
    authority: Authority, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMPIPE_TLS_CA", str(authority.folder / "authority.pem"))
    assert _reason(address) in {"Unavailable", "TimedOut"}  # the handshake fails

    monkeypatch.setenv("MMPIPE_TLS_SERVER_NAME", NAME)
    assert _reason(address) == "NotHere"


def test_a_certificate_without_its_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMPIPE_TLS_CERTIFICATE", "mine.pem")

    with pytest.raises(NoConnection, match="found one of them"):
        connect("127.0.0.1:1", TOKEN_ENV)

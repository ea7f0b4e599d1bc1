"""A gateway in memory, and the commands run against it as a person would, in this process."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from typer.testing import CliRunner

from mmpipe.cli.main import app
from mmpipe.client import Client
from mmpipe.client.testing import FakeGateway
from mmpipe.errors import MmpipeError


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command printed and ended with; an expected fault counts as ``main`` counts it."""

    code: int
    out: str
    err: str


type Run = Callable[..., Ran]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("MMPIPE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as started:
        yield started


@pytest.fixture
def client(gateway: FakeGateway) -> Iterator[Client]:
    with Client(gateway.address) as connected:
        yield connected


@pytest.fixture
def mmpipe(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command with the gateway in the environment."""
    monkeypatch.setenv("MMPIPE_GATEWAY", gateway.address)

    def run(*arguments: object) -> Ran:
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if isinstance(done.exception, MmpipeError):
            return Ran(done.exception.exit_code, done.stdout, f"mmpipe: {done.exception}")
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Ran(done.exit_code, done.stdout, done.stderr)

    return run

"""Real servers on loopback for tests marked ``server``: PostgreSQL, Milvus, S3. Each starts once, when first asked for.

``tests/servers/build.sh`` puts their programs where they are looked for. One that is missing fails the test with that
remedy: a skipped test would look like a passed one.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mmpipe"
MILVUS = CACHE / "milvus-2.3.5" / "bin" / "milvus-server"
VERSITYGW = CACHE / "bin" / "versitygw"
START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class S3:
    """A bucket and the keys to it, in obstore's terms."""

    uri: str
    credentials: dict[str, str]


@pytest.fixture(scope="session")
def postgres_uri() -> Iterator[str]:
    with _folder_for("postgres") as folder:
        port = _free_port()
        binaries = _postgres_binaries()
        user = _unprivileged("postgres")
        initdb = [*user, str(binaries / "initdb"), "-D", str(folder / "data"), "-U", "mmpipe", "--auth=trust"]
        subprocess.run(initdb, check=True)  # ours
        options: list[object] = ["-p", str(port), "-h", "127.0.0.1", "-k", str(folder), "-F"]
        server = [*user, binaries / "postgres", "-D", folder / "data", *options]
        uri = f"postgresql://mmpipe@127.0.0.1:{port}/postgres"
        with _running(server, folder, stop=signal.SIGINT, ready=lambda: _answers(port) and _takes_queries(uri)):
            yield uri


@pytest.fixture(scope="session")
def milvus_uri() -> Iterator[str]:
    _need(MILVUS)
    with _folder_for("milvus") as folder:
        port = _free_port()
        server = [MILVUS, "--data", folder, "--proxy-port", str(port)]
        said = folder / "output"
        with _running(server, folder, stop=signal.SIGTERM, ready=lambda: "Ctrl+C to exit" in said.read_text()):
            yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    _need(VERSITYGW)
    with _folder_for("s3") as folder:
        (folder / "buckets" / "media").mkdir(parents=True)
        (folder / "metadata").mkdir()
        port = _free_port()
        keys = ["--access", "test", "--secret", "test-secret"]
        posix = ["posix", "--sidecar", folder / "metadata", folder / "buckets"]
        with _running(
            [VERSITYGW, "--port", f"127.0.0.1:{port}", *keys, *posix],
            folder,
            stop=signal.SIGTERM,
            ready=lambda: _answers(port),
        ):
            credentials = {
                "aws_access_key_id": "test",
                "aws_secret_access_key": "test-secret",
                "aws_endpoint": f"http://127.0.0.1:{port}",
                "aws_allow_http": "true",
                "aws_region": "us-east-1",
            }
            yield S3("s3://media", credentials)


@contextmanager
def _folder_for(name: str) -> Iterator[Path]:
    """A folder that an unprivileged user can write to; pytest's own are only for the user who runs it."""
    folder = Path(tempfile.mkdtemp(prefix=f"mmpipe-{name}-"))
    if os.geteuid() == 0 and name == "postgres":
        shutil.chown(folder, "postgres")
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _running(
    command: Sequence[object], folder: Path, *, stop: signal.Signals, ready: Callable[[], bool]
) -> Iterator[None]:
    """The server in a process group of its own, from ready to ended; its output is in ``folder / "output"``."""
    with (folder / "output").open("wb") as output:
        arguments = [str(argument) for argument in command]
        process = subprocess.Popen(arguments, stdout=output, stderr=output, start_new_session=True)  # ours
        try:
            _wait(process, ready, folder / "output")
            yield
        finally:
            _end(process, stop)


def _wait(process: subprocess.Popen[bytes], ready: Callable[[], bool], output: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"{process.args!r}: found it not ready, expected it to answer; it said:\n{output.read_text()}")
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes], stop: signal.Signals) -> None:
    """Ask the server to stop, then see to it that nothing of its group is left (Milvus is a child of its script)."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, stop)
    try:
        process.wait(STOP_TIMEOUT_S)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _postgres_binaries() -> Path:
    initdb = shutil.which("initdb")
    if initdb is None:
        pytest.fail("initdb: found none on PATH, expected PostgreSQL's; run tests/servers/build.sh")
    return Path(initdb).resolve().parent


def _unprivileged(user: str) -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if os.geteuid() == 0 else []


def _need(program: Path) -> None:
    if not program.exists():
        pytest.fail(f"{program}: found nothing, expected a server to test against; run tests/servers/build.sh")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _takes_queries(uri: str) -> bool:
    try:
        psycopg.connect(uri).close()
    except psycopg.OperationalError:
        return False
    return True

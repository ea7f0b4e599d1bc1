"""S3 over a folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.servers.process import HOST, Server, answers, built, folder_for, free_port, running


@dataclass(frozen=True, slots=True)
class S3:
    """A bucket and the keys to it, in obstore's terms."""

    uri: str
    credentials: dict[str, str]


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    program = built("bin/versitygw")
    with folder_for("s3") as folder:
        (folder / "buckets" / "media").mkdir(parents=True)
        (folder / "metadata").mkdir()
        port = free_port()
        options = ["--port", f"{HOST}:{port}", "--access", "test", "--secret", "test-secret"]
        posix = ["posix", "--sidecar", folder / "metadata", folder / "buckets"]
        with running(Server([program, *options, *posix], folder, lambda: answers(port))):
            yield S3("s3://media", _credentials(port))


def _credentials(port: int) -> dict[str, str]:
    return {
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test-secret",
        "aws_endpoint": f"http://{HOST}:{port}",
        "aws_allow_http": "true",
        "aws_region": "us-east-1",
    }

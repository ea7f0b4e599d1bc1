"""The object store beyond its contract: names, damaged files, faults and secrets."""

import hashlib
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from mmpipe.adapters.errors import StoreRefused, StoreUnreachable
from mmpipe.adapters.objects import Objects

CONTENT = b"a picture"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
KEYS = {"aws_access_key_id": "id", "aws_secret_access_key": "hidden", "aws_region": "us-east-1"}


def test_an_object_lies_in_the_folder_under_its_digest(tmp_path: Path) -> None:
    Objects.open(str(tmp_path)).put(CONTENT, SHA256)
    assert (tmp_path / "sha256" / SHA256[:2] / SHA256[2:4] / SHA256).read_bytes() == CONTENT


@pytest.mark.parametrize("uri", ["{}", "file://{}"])
def test_a_folder_is_made_where_it_is_missing_and_named_by_a_uri(tmp_path: Path, uri: str) -> None:
    folder = tmp_path / "with space" / "objects"
    objects = Objects.open(uri.format(str(folder).replace(" ", "%20") if "file" in uri else folder))
    assert objects.put(CONTENT, SHA256).startswith(f"file://{tmp_path}/with%20space/objects/sha256/")
    assert folder.is_dir()


def test_memory_is_a_store_too() -> None:
    objects = Objects.open("memory:///")
    objects.put(CONTENT, SHA256)
    assert objects.get(SHA256) == CONTENT


def test_a_file_cut_short_by_a_power_failure_is_written_again(tmp_path: Path) -> None:
    objects = Objects.open(str(tmp_path))
    objects.put(CONTENT, SHA256)
    (tmp_path / "sha256" / SHA256[:2] / SHA256[2:4] / SHA256).write_bytes(CONTENT[:3])
    objects.put(CONTENT, SHA256)
    assert objects.get(SHA256) == CONTENT


def test_an_object_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    objects = Objects.open(str(tmp_path))
    objects.put(CONTENT, SHA256)
    file = tmp_path / "sha256" / SHA256[:2] / SHA256[2:4] / SHA256
    os.utime(file, (0, 0))
    objects.put(CONTENT, SHA256)
    assert file.stat().st_mtime == 0


def test_threads_may_put_the_same_object_at_once(tmp_path: Path) -> None:
    objects = Objects.open(str(tmp_path))
    threads = [threading.Thread(target=objects.put, args=(CONTENT * 100_000, SHA256)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert objects.get(SHA256) == CONTENT * 100_000


def test_a_scheme_that_is_no_store_is_refused_with_those_that_are() -> None:
    with pytest.raises(StoreRefused, match=r"found scheme ftp://.*s3, .*change the URI"):
        Objects.open("ftp://host/media")


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreRefused, match="file"):
        Objects.open(str(tmp_path / "file"))


def test_an_unknown_setting_is_refused_by_name() -> None:
    with pytest.raises(StoreRefused, match="nonsense"):
        Objects.open("s3://media", {"nonsense": "1"})


def test_a_server_that_is_not_there_is_unreachable_and_no_secret_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmpipe.adapters.objects._RETRIES", 0)
    nowhere = KEYS | {"aws_endpoint": "http://127.0.0.1:9", "aws_allow_http": "true"}
    with pytest.raises(StoreUnreachable, match=r"s3://media.*127\.0\.0\.1:9.*see that the store runs") as fault:
        Objects.open("s3://media", nowhere).put(CONTENT, SHA256)
    assert "hidden" not in str(fault.value)
    assert "Debug source" not in str(fault.value)


@pytest.mark.parametrize(("status", "kind"), [(403, StoreRefused), (503, StoreUnreachable)])
def test_a_server_that_says_no_is_told_from_one_that_says_not_now(
    status: int, kind: type[Exception], monkeypatch: pytest.MonkeyPatch, answering: HTTPServer
) -> None:
    monkeypatch.setattr("mmpipe.adapters.objects._RETRIES", 0)
    monkeypatch.setattr(answering, "status", status, raising=False)
    server = KEYS | {"aws_endpoint": f"http://127.0.0.1:{answering.server_port}", "aws_allow_http": "true"}
    with pytest.raises(kind):
        Objects.open("s3://media", server).put(CONTENT, SHA256)


@pytest.fixture
def answering() -> Iterator[HTTPServer]:
    """A server that answers everything with its ``status``."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:  # the standard library calls it so
            self.send_response(self.server.status)  # type: ignore[attr-defined]  # set by the test
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()

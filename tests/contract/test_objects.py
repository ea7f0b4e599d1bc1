"""What an object store promises, in a folder, in memory and behind S3."""

import hashlib
import mmap
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmpipe.adapters.errors import StoreRefused
from mmpipe.adapters.objects import Objects


@pytest.fixture(params=["memory", "embedded", pytest.param("server", marks=pytest.mark.server)])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "memory":
        return Objects.open("memory:///")
    if request.param == "embedded":
        return Objects.open(str(tmp_path / "objects"))
    s3 = request.getfixturevalue("s3")
    return Objects.open(s3.uri, s3.credentials)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_an_object_comes_back_as_it_was_put(objects: Objects) -> None:
    content = os.urandom(1_000)
    objects.put(content, digest(content))
    assert objects.get(digest(content)) == content


def test_putting_says_where_the_object_is(objects: Objects) -> None:
    content = os.urandom(10)
    sha256 = digest(content)
    uri = objects.put(content, sha256)
    assert uri == objects.uri_of(sha256)
    assert uri.endswith(f"/sha256/{sha256[:2]}/{sha256[2:4]}/{sha256}")


def test_putting_again_changes_nothing(objects: Objects) -> None:
    content = os.urandom(10)
    assert objects.put(content, digest(content)) == objects.put(content, digest(content))
    assert objects.get(digest(content)) == content


def test_an_object_that_was_never_put_does_not_exist(objects: Objects) -> None:
    assert not objects.exists(digest(os.urandom(10)))


def test_an_object_exists_only_with_its_full_size(objects: Objects) -> None:
    content = os.urandom(10)
    objects.put(content, digest(content))
    assert objects.exists(digest(content), 10)
    assert not objects.exists(digest(content), 11)


def test_getting_what_is_not_there_is_refused_by_name(objects: Objects) -> None:
    absent = digest(os.urandom(10))
    with pytest.raises(StoreRefused, match=absent):
        objects.get(absent)


def test_a_large_mapped_file_is_put_in_parts(objects: Objects, tmp_path: Path) -> None:
    content = os.urandom(20 * 1024 * 1024 + 7)
    file = tmp_path / "film"
    file.write_bytes(content)
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        objects.put(mapped, digest(content))
    assert digest(objects.get(digest(content))) == digest(content)


def test_an_empty_object_is_an_object(objects: Objects) -> None:
    objects.put(b"", digest(b""))
    assert objects.get(digest(b"")) == b""


@pytest.mark.parametrize("size", [0, 7, 20 * 1024 * 1024 + 7])
def test_a_stream_is_kept_under_the_digest_of_all_its_chunks(objects: Objects, size: int, tmp_path: Path) -> None:
    content = os.urandom(size)
    chunks = (content[start : start + 1_000_000] for start in range(0, size, 1_000_000))
    assert objects.put_stream(chunks, tmp_path) == (digest(content), size)
    assert objects.get(digest(content)) == content
    assert list(tmp_path.glob("*")) in ([], [tmp_path / "objects"])


def test_a_stream_that_breaks_off_leaves_nothing(objects: Objects, tmp_path: Path) -> None:
    content = os.urandom(1_000)

    def chunks() -> Iterator[bytes]:
        yield content
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        objects.put_stream(chunks(), tmp_path)
    assert not objects.exists(digest(content))
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


@pytest.mark.parametrize("size", [0, 20 * 1024 * 1024 + 7])
def test_an_object_is_written_to_a_file(objects: Objects, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    objects.put(content, digest(content))
    assert objects.get_to(tmp_path / "file", digest(content)) == size
    assert (tmp_path / "file").read_bytes() == content


def test_what_is_not_there_is_refused_by_name_and_leaves_no_file(objects: Objects, tmp_path: Path) -> None:
    absent = digest(os.urandom(10))
    with pytest.raises(StoreRefused, match=absent):
        objects.get_to(tmp_path / "file", absent)
    assert not (tmp_path / "file").exists()


def test_an_object_that_is_not_what_its_name_says_is_refused_and_leaves_no_file(
    objects: Objects, tmp_path: Path
) -> None:
    name = digest(os.urandom(10))
    objects.put(b"cut off by a power failure", name)
    with pytest.raises(StoreRefused, match="put it there again"):
        objects.get_to(tmp_path / "file", name)
    assert not (tmp_path / "file").exists()


def test_a_range_of_an_object_is_read(objects: Objects) -> None:
    content = os.urandom(1_000)
    objects.put(content, digest(content))
    assert objects.read_range(digest(content), 100, 10) == content[100:110]


def test_a_deleted_object_is_gone_and_an_absent_one_does_not_matter(objects: Objects) -> None:
    content = os.urandom(10)
    objects.put(content, digest(content))
    objects.delete(digest(content))
    assert not objects.exists(digest(content))
    objects.delete(digest(content))
    objects.put(content, digest(content))
    assert objects.get(digest(content)) == content

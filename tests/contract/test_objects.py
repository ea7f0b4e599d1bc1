"""What an object store promises, in a folder and behind S3."""

import hashlib
import mmap
import os
from pathlib import Path

import pytest

from mmpipe.adapters.errors import StoreRefused
from mmpipe.adapters.objects import Objects


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

"""From a reference to media: checked, recognised, fetched once."""

from __future__ import annotations

import resource
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from mmap import mmap
from pathlib import Path

import pytest
from tests.unit.adapters.fetch.conftest import ALLOWED
from tests.unit.adapters.fetch.sites import MemoryObjects, answer, serving, sha256

from mmpipe.adapters.errors import StoreRefused, StoreUnreachable
from mmpipe.adapters.fetch import ContentDiffers, Fetcher, FetchError, FetchFailed, FetchRefused, NotMedia
from mmpipe.adapters.inputs.content import MAP_FROM_BYTES
from mmpipe.adapters.objects import Objects
from mmpipe.records import Media, Modality, Reference, Segment
from mmpipe.telemetry.testing import capture
from mmpipe.v1 import error_pb2

CONTENT = b"a red bell"
LARGE = b"a red bell\n" * (MAP_FROM_BYTES // 11 + 1)


def _media(uri: str, digest: str = "", size: int = 0, *, named: str = "") -> Media:
    return Media(b"", named, Segment(1.0, 2.0), Reference(uri, digest, size))


def test_media_with_its_bytes_comes_back_as_it_is(fetcher: Fetcher) -> None:
    media = Media(CONTENT, "txt")
    assert fetcher.fetch(media) is media


def test_a_reference_becomes_bytes_with_their_format_and_the_same_segment(fetcher: Fetcher) -> None:
    with serving({"/bell.md?x=.html": answer(CONTENT)}) as site:
        assert fetcher(_media(site.uri("/bell.md?x=.html"))) == Media(CONTENT, "md", Segment(1.0, 2.0))


def test_the_content_decides_the_format_whatever_was_said(fetcher: Fetcher) -> None:
    with serving({"/a.mp4": answer(CONTENT)}) as site:
        assert fetcher.fetch(_media(site.uri("/a.mp4"), named="mp4")).format == "txt"
        assert fetcher.fetch(_media(site.uri("/a.mp4"), named="md")).format == "md"


@pytest.mark.parametrize(
    ("content", "declared"), [(b"\x7fELF\x02\x01\x01\x00", None), (CONTENT, Modality.IMAGE), (b"", None)]
)
def test_what_is_no_medium_or_another_one_than_declared_is_refused_with_its_gate(
    fetcher: Fetcher, content: bytes, declared: Modality | None
) -> None:
    with serving({"/a": answer(content)}) as site, pytest.raises(NotMedia) as refused:
        fetcher.fetch(_media(site.uri("/a")), declared)
    assert refused.value.verdict().gate == "input.format"


# -- digests and sizes ----------------------------------------------------------------------------------------------


def test_bytes_of_another_digest_are_refused_and_not_kept(fetcher: Fetcher, folder: Path) -> None:
    with serving({"/a": answer(CONTENT)}) as site, pytest.raises(ContentDiffers):
        fetcher.fetch(_media(site.uri("/a"), sha256(b"a blue bell")))
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_bytes_of_another_size_are_refused(fetcher: Fetcher) -> None:
    with serving({"/a": answer(CONTENT)}) as site, pytest.raises(ContentDiffers):
        fetcher.fetch(_media(site.uri("/a"), size=11))


def test_a_digest_that_is_none_is_refused(fetcher: Fetcher) -> None:
    with pytest.raises(FetchRefused, match="64 hexadecimal digits"):
        fetcher.download("https://media.test/a", "../../etc/passwd")


def test_what_is_kept_is_not_fetched_again_and_not_from_where_the_spec_forbids(fetcher: Fetcher) -> None:
    with serving({"/a": answer(CONTENT)}) as site:
        for _ in range(3):
            fetcher.fetch(_media(site.uri("/a"), sha256(CONTENT)))
    assert len(site.requests) == 1
    with pytest.raises(FetchRefused):
        fetcher.download("ftp://media.test/a", sha256(CONTENT))


def test_what_has_no_digest_is_fetched_each_time(fetcher: Fetcher) -> None:
    with serving({"/a": answer(CONTENT)}) as site:
        first, second = fetcher.download(site.uri("/a")), fetcher.download(site.uri("/a"))
    assert first == second
    assert (first.sha256, first.size_bytes) == (sha256(CONTENT), len(CONTENT))
    assert len(site.requests) == 2


# -- the object store -----------------------------------------------------------------------------------------------


def test_an_object_comes_from_the_pipelines_own_store(tmp_path: Path, folder: Path) -> None:
    objects = Objects.open(str(tmp_path / "objects"))
    objects.put(LARGE, sha256(LARGE))

    fetched = Fetcher(ALLOWED, objects, folder).fetch(_media(f"object:{sha256(LARGE)}", size=len(LARGE)))

    assert isinstance(fetched.content, mmap)
    assert fetched.content[:] == LARGE
    assert fetched.format == "txt"


def test_an_object_needs_no_scheme_in_the_spec(objects: MemoryObjects, folder: Path) -> None:
    objects.contents[sha256(CONTENT)] = CONTENT
    none = ALLOWED.model_copy(update={"schemes": (), "max_bytes": 1})
    assert Fetcher(none, objects, folder).download(f"object:{sha256(CONTENT)}").content == CONTENT


def test_an_object_that_is_not_there_is_refused(fetcher: Fetcher) -> None:
    with pytest.raises(FetchRefused, match="nothing in the object store"):
        fetcher.download(f"object:{sha256(CONTENT)}")


def test_an_object_that_is_damaged_is_a_fault_of_the_store(tmp_path: Path, folder: Path) -> None:
    objects = Objects.open(str(tmp_path / "objects"))
    uri = objects.put(CONTENT, sha256(CONTENT))
    Path(uri.removeprefix("file://")).write_bytes(CONTENT[:5])  # as after a power failure

    with pytest.raises(StoreRefused):
        Fetcher(ALLOWED, objects, folder).download(f"object:{sha256(CONTENT)}")
    assert not [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("fault", [StoreRefused, StoreUnreachable])
def test_a_store_that_is_down_or_shut_is_no_verdict_on_the_sample(
    fetcher: Fetcher, objects: MemoryObjects, monkeypatch: pytest.MonkeyPatch, fault: type[StoreRefused]
) -> None:
    def get_to(_: Path, __: str) -> None:
        raise fault("s3://media", "no entry", "to be let in", "see to it")

    objects.contents[sha256(CONTENT)] = CONTENT
    monkeypatch.setattr(objects, "get_to", get_to)
    with pytest.raises(fault):
        fetcher.download(f"object:{sha256(CONTENT)}")


# -- many at once ---------------------------------------------------------------------------------------------------


def test_a_hundred_segments_of_one_film_fetch_it_once(fetcher: Fetcher, objects: MemoryObjects) -> None:
    objects.contents[sha256(LARGE)] = LARGE
    with ThreadPoolExecutor(16) as pool:
        fetched = list(pool.map(fetcher.fetch, [_media(f"object:{sha256(LARGE)}")] * 100))

    assert objects.reads == 1
    assert all(media.content[:11] == b"a red bell\n" for media in fetched)


def test_a_slow_place_that_claims_a_digest_does_not_hold_up_the_place_that_has_it(fetcher: Fetcher) -> None:
    asked, release = threading.Event(), threading.Event()

    def stall(connection: socket.socket) -> None:
        asked.set()
        release.wait(20)
        connection.sendall(answer(CONTENT))

    with serving({"/slow": stall, "/a": answer(CONTENT)}) as site, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(fetcher.download, site.uri("/slow"), sha256(CONTENT))
        assert asked.wait(20)
        assert fetcher.download(site.uri("/a"), sha256(CONTENT)).content == CONTENT
        assert not slow.done()
        release.set()


# -- telemetry ------------------------------------------------------------------------------------------------------


def test_a_fetch_says_how_it_went_and_never_what_it_fetched(fetcher: Fetcher) -> None:
    with capture() as emitted, serving({"/a": answer(CONTENT)}) as site:
        for path in ("/a?token=hidden", "/a", "/a"):
            with suppress(FetchRefused):
                fetcher.download(site.uri(path), sha256(CONTENT))

    assert emitted.total("mmpipe.fetch.bytes", {"scheme": "http"}) == len(CONTENT)
    assert emitted.total("mmpipe.fetch.duration", {"outcome": "refused"}) == 1
    assert emitted.total("mmpipe.fetch.duration", {"outcome": "fetched"}) == 1
    assert emitted.total("mmpipe.cache.requests", {"cache": "media", "result": "hit"}) == 1
    assert "hidden" not in "".join(span.to_json() for span in emitted.spans)


# -- faults of the machine, and words -------------------------------------------------------------------------------


@contextmanager
def _small_files(max_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_takes_no_more_is_a_fault_of_the_machine(fetcher: Fetcher) -> None:
    with serving({"/a": answer(LARGE)}) as site, _small_files(1000), pytest.raises(FetchFailed, match="cache folder"):
        fetcher.download(site.uri("/a"))


@pytest.mark.parametrize("kind", [FetchRefused, ContentDiffers, NotMedia, FetchFailed])
def test_every_fault_has_its_reason_in_the_catalogue(kind: type[FetchError]) -> None:
    assert kind.reason in error_pb2.Reason.keys()  # noqa: SIM118  # a wrapper, not a mapping


def test_a_refusal_becomes_a_verdict_with_the_setting_that_refused() -> None:
    refused = FetchRefused("https://u:p@media.test/a?b", "x", "y", "z", gate="source.references.schemes")
    assert refused.verdict().gate == "source.references.schemes"
    assert refused.verdict().reason == "https://media.test/a: found x; expected y; z"

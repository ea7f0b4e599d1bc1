"""Every guard of a fetch over HTTP, against servers that do what an attacker's would."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from tests.unit.adapters.fetch.conftest import ALLOWED, MakeFetcher
from tests.unit.adapters.fetch.sites import (
    LOOPBACK,
    MemoryObjects,
    answer,
    certificate_for,
    redirect,
    resolver,
    serving,
)

from mmpipe.adapters.fetch import Fetcher, FetchFailed, FetchRefused
from mmpipe.adapters.fetch.connecting import Resolve
from mmpipe.resilience import deadline

CONTENT = b"a red bell"
LONG_ENOUGH_S = 20.0


def _with(objects: MemoryObjects, folder: Path, **changes: object) -> Fetcher:
    return Fetcher(ALLOWED.model_copy(update=changes), objects, folder)


def _refusal(fetcher: Fetcher, uri: str) -> FetchRefused:
    with pytest.raises(FetchRefused) as refused:
        fetcher.download(uri)
    return refused.value


def _failure(fetcher: Fetcher, uri: str) -> FetchFailed:
    with pytest.raises(FetchFailed) as failed:
        fetcher.download(uri)
    return failed.value


def _endless(pieces: Callable[[], bytes], head: bytes, pause_s: float = 0.0) -> Callable[[socket.socket], None]:
    def say(connection: socket.socket) -> None:
        connection.sendall(head)
        ends_at = time.monotonic() + LONG_ENOUGH_S
        while time.monotonic() < ends_at:
            connection.sendall(pieces())
            time.sleep(pause_s)

    return say


# -- what is asked --------------------------------------------------------------------------------------------------


def test_a_medium_is_fetched_with_a_request_that_names_the_host_and_nothing_of_ours(fetcher: Fetcher) -> None:
    with serving({"/a?b=c": answer(CONTENT)}) as site:
        assert fetcher.download(site.uri("/a?b=c#d")).content == CONTENT

    lines = site.requests[0].split("\r\n")
    assert lines[0] == "GET /a?b=c HTTP/1.1"
    assert f"Host: {LOOPBACK}:{site.port}" in lines
    assert "Accept-Encoding: identity" in lines
    assert not [line for line in lines if line.lower().startswith(("cookie", "authorization", "referer"))]


def test_a_chunked_answer_is_put_together(fetcher: Fetcher) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na red\r\n5\r\n bell\r\n0\r\n\r\n"
    with serving({"/a": chunked}) as site:
        assert fetcher.download(site.uri("/a")).content == CONTENT


def test_no_proxy_of_the_environment_is_used(fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({}) as proxy, serving({"/a": answer(CONTENT)}) as site:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.uri("/"))
        fetcher.download(site.uri("/a"))
    assert not proxy.requests


def test_no_cookie_is_kept(fetcher: Fetcher) -> None:
    with serving({}) as site:
        site.pages = {"/a": answer(b"", "Location: /b", "Set-Cookie: a=b", status="302 Found"), "/b": answer(CONTENT)}
        fetcher.download(site.uri("/a"))
    assert "cookie" not in site.requests[1].lower()


# -- addresses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "localhost",
        "0",
        "[::ffff:127.0.0.1]",
    ],
)
def test_loopback_is_refused_however_it_is_written(strict: MakeFetcher, host: str) -> None:
    with serving({"/a": answer(CONTENT)}) as site:
        refused = _refusal(strict(), site.uri("/a", host))

    assert refused.gate == "source.references.privateNetworks"
    assert not site.requests


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "169.254.169.254", "::1", "fd00::1", "64:ff9b::a00:1", "2002:7f00:1::"]
)
def test_a_name_that_leads_inside_is_refused_and_the_message_keeps_the_address(
    strict: MakeFetcher, address: str
) -> None:
    refused = _refusal(strict(resolve=resolver([address])), "http://media.test/a")

    assert refused.gate == "source.references.privateNetworks"
    assert address not in str(refused)


@pytest.mark.parametrize("address", ["169.254.169.254", "0.0.0.0", "168.63.129.16", "fd00:ec2::254"])  # noqa: S104  # nothing is bound
def test_metadata_addresses_are_refused_even_where_private_networks_are_allowed(
    objects: MemoryObjects, folder: Path, address: str
) -> None:
    refused = _refusal(Fetcher(ALLOWED, objects, folder, resolve=resolver([address])), "http://media.test/a")
    assert refused.gate == "source.references.privateNetworks"


def test_of_several_addresses_only_those_that_may_be_spoken_to_are_tried(objects: MemoryObjects, folder: Path) -> None:
    with serving({"/a": answer(CONTENT)}) as site:
        mixed = Fetcher(ALLOWED, objects, folder, resolve=resolver(["169.254.169.254", LOOPBACK]))
        assert mixed.download(site.uri("/a", "media.test")).content == CONTENT


def test_the_next_address_is_tried_where_the_first_does_not_answer(objects: MemoryObjects, folder: Path) -> None:
    with serving({"/a": answer(CONTENT)}) as site:
        both = Fetcher(ALLOWED, objects, folder, resolve=resolver(["127.0.0.2", LOOPBACK]))
        assert both.download(site.uri("/a", "media.test")).content == CONTENT


def _global_at_first(asked: list[str], then: Resolve) -> Resolve:
    def resolve(host: str, port: int, **options: object) -> list[object]:
        asked.append(host)
        return [*(resolver(["8.8.8.8"]) if len(asked) == 1 else then)(host, port, **options)]

    return resolve  # type: ignore[return-value]  # as much of it as is used


def test_a_name_is_resolved_once_and_the_connection_goes_to_that_very_address(
    strict: MakeFetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    reached: list[object] = []

    def connect(_: socket.socket, address: object) -> None:
        reached.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket.socket, "connect", connect)
    _failure(strict(resolve=_global_at_first(asked, resolver([LOOPBACK]))), "http://media.test/a")

    assert asked == ["media.test"]
    assert reached == [("8.8.8.8", 80)]


def test_a_name_that_answers_otherwise_for_the_redirect_is_checked_again(objects: MemoryObjects, folder: Path) -> None:
    with serving({"/a": redirect("/b"), "/b": answer(CONTENT)}) as site:
        rebinding = Fetcher(ALLOWED, objects, folder, resolve=resolver([LOOPBACK], ["169.254.169.254"]))
        refused = _refusal(rebinding, site.uri("/a", "media.test"))

    assert refused.gate == "source.references.privateNetworks"
    assert len(site.requests) == 1


def test_a_name_without_an_address_may_have_one_later(fetcher: Fetcher) -> None:
    assert "no answer" in str(_failure(fetcher, "https://nowhere.invalid/a"))


# -- redirects ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_followed(fetcher: Fetcher, status: str) -> None:
    with serving({"/a": redirect("/b", status), "/b": answer(CONTENT)}) as site:
        assert fetcher.download(site.uri("/a")).content == CONTENT


def test_a_redirect_to_an_address_inside_is_refused(objects: MemoryObjects, folder: Path) -> None:
    with serving({"/a": redirect("http://169.254.169.254/latest/meta-data/")}) as site:
        refused = _refusal(_with(objects, folder), site.uri("/a"))
    assert refused.gate == "source.references.privateNetworks"


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://media.test/", "gopher://127.0.0.1:25/_HELO", f"object:{'0' * 64}"]
)
def test_a_redirect_to_another_scheme_is_refused(fetcher: Fetcher, location: str) -> None:
    with serving({"/a": redirect(location)}) as site:
        assert _refusal(fetcher, site.uri("/a")).gate == "source.references.schemes"


def test_a_redirect_loop_ends(objects: MemoryObjects, folder: Path) -> None:
    with serving({"/a": redirect("/b"), "/b": redirect("/a")}) as site:
        refused = _refusal(_with(objects, folder, max_redirects=3), site.uri("/a"))

    assert refused.gate == "source.references.maxRedirects"
    assert len(site.requests) == 4


def test_a_redirect_out_of_tls_is_refused(
    objects: MemoryObjects, folder: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving({"/b": answer(CONTENT)}) as plain, serving({"/a": redirect(plain.uri("/b"))}, certificate) as site:
        fetcher = Fetcher(ALLOWED, objects, folder, resolve=resolver([LOOPBACK]))
        assert "https to http" in str(_refusal(fetcher, site.uri("/a", "media.test")))
    assert not plain.requests


# -- TLS ------------------------------------------------------------------------------------------------------------


def test_a_certificate_is_held_against_the_name_and_not_the_address(
    objects: MemoryObjects, folder: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving({"/a": answer(CONTENT)}, certificate) as site:
        fetcher = Fetcher(ALLOWED, objects, folder, resolve=resolver([LOOPBACK]))
        assert fetcher.download(site.uri("/a", "media.test")).content == CONTENT
    assert f"Host: media.test:{site.port}" in site.requests[0]


def test_a_certificate_for_another_name_is_refused(
    objects: MemoryObjects, folder: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving({"/a": answer(CONTENT)}, certificate) as site:
        fetcher = Fetcher(ALLOWED, objects, folder, resolve=resolver([LOOPBACK]))
        assert "certificate" in str(_refusal(fetcher, site.uri("/a", "other.test")))
    assert not site.requests


def test_a_certificate_of_an_unknown_authority_is_refused(
    objects: MemoryObjects, folder: Path, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate_for(tmp_path, "authority.test")))
    with serving({"/a": answer(CONTENT)}, certificate) as site:
        fetcher = Fetcher(ALLOWED, objects, folder, resolve=resolver([LOOPBACK]))
        assert "certificate" in str(_refusal(fetcher, site.uri("/a", "media.test")))


# -- size -----------------------------------------------------------------------------------------------------------


def test_an_answer_that_says_it_is_too_large_is_refused_before_it_comes(objects: MemoryObjects, folder: Path) -> None:
    with serving({"/a": answer(b"", length=10**15)}) as site:
        refused = _refusal(_with(objects, folder, max_bytes=100), site.uri("/a"))
    assert refused.gate == "source.references.maxBytes"


def test_a_chunked_answer_without_an_end_is_cut_off_at_the_cap(objects: MemoryObjects, folder: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with serving({"/a": _endless(lambda: b"1000\r\n" + bytes(4096) + b"\r\n", head)}) as site:
        refused = _refusal(_with(objects, folder, max_bytes=100_000), site.uri("/a"))

    assert refused.gate == "source.references.maxBytes"
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_an_answer_of_exactly_the_cap_is_taken(objects: MemoryObjects, folder: Path) -> None:
    with serving({"/a": answer(CONTENT)}) as site:
        assert _with(objects, folder, max_bytes=len(CONTENT)).download(site.uri("/a")).size_bytes == len(CONTENT)


def test_an_answer_shorter_than_it_says_is_no_whole_medium(fetcher: Fetcher) -> None:
    with serving({"/a": answer(CONTENT, length=len(CONTENT) + 1)}) as site:
        assert "a broken answer (IncompleteRead)" in str(_failure(fetcher, site.uri("/a")))


def test_an_answer_longer_than_it_says_ends_where_it_says(fetcher: Fetcher) -> None:
    with serving({"/a": answer(CONTENT + b" and more", length=len(CONTENT))}) as site:
        assert fetcher.download(site.uri("/a")).content == CONTENT


def test_a_chunked_answer_that_is_cut_short_is_no_whole_medium(fetcher: Fetcher) -> None:
    with serving({"/a": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na red\r\n5\r\n b"}) as site:
        assert "a broken answer" in str(_failure(fetcher, site.uri("/a")))


@pytest.mark.parametrize(
    "headers",
    [
        *("", "Content-Length: ten\r\n", "Content-Length: -1\r\n", "Content-Length: 5\r\nContent-Length: 10\r\n"),
        "Transfer-Encoding: gzip, chunked\r\nContent-Length: 10\r\n",
    ],
)
def test_an_answer_that_does_not_say_where_it_ends_is_refused(fetcher: Fetcher, headers: str) -> None:
    with serving({"/a": f"HTTP/1.1 200 OK\r\n{headers}\r\n".encode() + CONTENT}) as site:
        assert "does not say where it ends" in str(_refusal(fetcher, site.uri("/a")))


def test_a_packed_answer_is_refused(fetcher: Fetcher) -> None:
    with serving({"/a": answer(gzip.compress(bytes(1_000_000)), "Content-Encoding: gzip")}) as site:
        assert "packed answer" in str(_refusal(fetcher, site.uri("/a")))


# -- time -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", id="body"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-Slow: ", id="header"),
        pytest.param(b"", id="status"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", id="chunk size"),
    ],
)
def test_a_server_that_drips_is_ended_when_the_time_is_up(objects: MemoryObjects, folder: Path, head: bytes) -> None:
    with serving({"/a": _endless(lambda: b"1", head, pause_s=0.02)}) as site:
        began = time.monotonic()
        failed = _failure(_with(objects, folder, timeout_seconds=0.3), site.uri("/a"))

    assert "no end in time" in str(failed)
    assert time.monotonic() - began < LONG_ENOUGH_S / 4


def test_a_server_that_shakes_hands_slowly_is_ended_when_the_time_is_up(objects: MemoryObjects, folder: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as silent:
        fetcher = _with(objects, folder, timeout_seconds=0.2)
        assert "no end in time" in str(_failure(fetcher, f"https://{LOOPBACK}:{silent.getsockname()[1]}/a"))


def test_a_callers_deadline_ends_a_fetch_that_has_time_left(fetcher: Fetcher) -> None:
    with serving({"/a": _endless(lambda: b"1", b"", pause_s=0.02)}) as site, deadline.within(0.3):
        began = time.monotonic()
        _failure(fetcher, site.uri("/a"))
    assert time.monotonic() - began < LONG_ENOUGH_S / 4


def test_redirects_share_one_time(objects: MemoryObjects, folder: Path) -> None:
    ticks = count()
    with serving({"/a": redirect("/a")}) as site:
        options = ALLOWED.model_copy(update={"timeout_seconds": 12, "max_redirects": 20})
        assert "no end in time" in str(
            _failure(Fetcher(options, objects, folder, clock=lambda: next(ticks)), site.uri("/a"))
        )
    assert len(site.requests) < 12


# -- status ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["204 No", "206 Part", "304 Same", "401 No", "404 No", "410 Gone"])
def test_an_answer_that_will_stay_the_same_is_refused(fetcher: Fetcher, status: str) -> None:
    with serving({"/a": answer(b"", status=status)}) as site:
        assert f"HTTP status {status[:3]}" in str(_refusal(fetcher, site.uri("/a")))


@pytest.mark.parametrize("status", ["408 Slow", "425 Early", "429 Often", "500 Bug", "502 No", "503 Later", "504 No"])
def test_an_answer_of_not_now_may_be_another_one_later(fetcher: Fetcher, status: str) -> None:
    with serving({"/a": answer(b"", "Retry-After: 7", status=status)}) as site:
        assert _failure(fetcher, site.uri("/a")).retry_after_s == 7.0


@pytest.mark.parametrize("said", ["Fri, 31 Dec 2027 23:59:59 GMT", "-1", "9999999", "1e3"])
def test_a_time_to_wait_that_is_no_number_of_seconds_is_none(fetcher: Fetcher, said: str) -> None:
    with serving({"/a": answer(b"", f"Retry-After: {said}", status="503 Later")}) as site:
        assert _failure(fetcher, site.uri("/a")).retry_after_s is None


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="another protocol"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", id="many headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, id="a long header"),
    ],
)
def test_what_is_no_http_is_a_failure_and_no_crash(fetcher: Fetcher, said: bytes) -> None:
    with serving({"/a": said}) as site:
        assert "a broken answer" in str(_failure(fetcher, site.uri("/a")))


def test_a_message_says_nothing_of_what_a_server_says_in_an_error_or_a_uri_hides(fetcher: Fetcher) -> None:
    with serving({"/a?token=hidden": answer(b"inside", status="403 inside")}) as site:
        message = str(_refusal(fetcher, site.uri("/a?token=hidden")))
    assert "hidden" not in message
    assert "inside" not in message


def test_nobody_there_is_a_failure(fetcher: Fetcher) -> None:
    with socket.create_server((LOOPBACK, 0)) as closed:
        port = closed.getsockname()[1]
    assert "Connection refused" in str(_failure(fetcher, f"http://{LOOPBACK}:{port}/a"))

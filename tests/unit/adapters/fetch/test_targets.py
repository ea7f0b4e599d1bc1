"""What a URI names, and which URIs name nothing that is fetched."""

from __future__ import annotations

import pytest

from mmpipe.adapters.fetch import FetchRefused
from mmpipe.adapters.fetch.errors import shown
from mmpipe.adapters.fetch.targets import Target, object_digest, parse, redirected

BOTH = ("https", "http")
DIGEST = "ab" * 32


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("https://media.test/a.jpg?x=1#top", Target("https", "media.test", 443, "/a.jpg?x=1")),
        ("HTTP://Media.Test:8080", Target("http", "media.test", 8080, "/")),
        ("https://media.test?x", Target("https", "media.test", 443, "/?x")),
        ("https://[2606:4700::1]:8443/a", Target("https", "2606:4700::1", 8443, "/a")),
        ("https://media.test:/a", Target("https", "media.test", 443, "/a")),
        ("https://media.test//b@c/%0d%0a", Target("https", "media.test", 443, "//b@c/%0d%0a")),
    ],
)
def test_a_uri_names_a_resource_on_a_host(uri: str, target: Target) -> None:
    assert parse(uri, BOTH) == target


@pytest.mark.parametrize(
    "uri",
    [
        *("https://user@media.test/", "https://user:word@media.test/", "https://@media.test/"),
        *(
            "https://media.test\\@evil.test/",
            "https://media.test/a b",
            "https://media.test/a\r\nX: y",
            "https://bücher.test/",
        ),
        *("https://", "https:///a", "https://media.test:0/", "https://media.test:65536/", "https://media.test:8x/"),
        *(
            "https://[::1]evil.test/",
            "https://[fe80::1%25eth0]/",
            "https://a..b/",
            "https://-a.test/",
            "https://%6d.test/",
        ),
        *(f"https://{'a' * 64}.test/", f"https://media.test/{'a' * 9000}", "https://" + "a." * 130 + "test/"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(uri: str) -> None:
    with pytest.raises(FetchRefused) as refused:
        parse(uri, BOTH)
    assert refused.value.gate == "source.references"


@pytest.mark.parametrize(
    "uri",
    [
        *(
            "ftp://media.test/a",
            "file:///etc/passwd",
            "gopher://media.test/",
            "data:text/plain,x",
            "s3://media/a",
            "/etc/passwd",
        ),
        "",
    ],
)
def test_a_scheme_that_the_spec_does_not_name_is_refused(uri: str) -> None:
    with pytest.raises(FetchRefused) as refused:
        parse(uri, BOTH)
    assert refused.value.gate in {"source.references.schemes", "source.references"}


def test_a_message_names_the_user_or_password_that_is_in_the_way() -> None:
    with pytest.raises(FetchRefused, match="found a user or a password before the host"):
        parse("https://user:word@media.test/", BOTH)


def test_http_is_refused_where_only_https_is_allowed() -> None:
    with pytest.raises(FetchRefused, match="scheme 'http'; expected object: or https://"):
        parse("http://media.test/a", ("https",))


def test_a_redirect_is_relative_to_where_it_came_from() -> None:
    start = parse("https://media.test/a/b.jpg", BOTH)

    assert redirected(start, "../c.jpg", BOTH).path == "/c.jpg"
    assert redirected(start, "//other.test/d", BOTH).host == "other.test"


@pytest.mark.parametrize(
    "location", ["http://media.test/a", "ftp://media.test/", "https://u@media.test/", "https://a b/", "", "a\nb"]
)
def test_a_redirect_is_held_to_what_the_first_uri_was_held_to(location: str) -> None:
    with pytest.raises(FetchRefused):
        redirected(parse("https://media.test/", BOTH), location, BOTH)


def test_an_object_is_named_by_its_digest() -> None:
    assert object_digest(f"object:{DIGEST}") == DIGEST
    assert object_digest(f"object:{DIGEST.upper()}", DIGEST) == DIGEST


@pytest.mark.parametrize("uri", ["object:", "object:../../etc/passwd", f"object:{DIGEST}0", f"object://{DIGEST}"])
def test_an_object_under_another_name_than_a_digest_is_refused(uri: str) -> None:
    with pytest.raises(FetchRefused):
        object_digest(uri)


def test_an_object_with_another_digest_beside_it_is_refused() -> None:
    with pytest.raises(FetchRefused, match="another SHA-256 beside it"):
        object_digest(f"object:{DIGEST}", "cd" * 32)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("https://user:word@media.test/a.jpg?signature=key#part", "https://media.test/a.jpg"),
        ("https://a@b@media.test/", "https://media.test/"),
        ("https:user:word@media.test", "https:…"),
        ("data:image/png;base64,c2VjcmV0", "data:…"),
        ("https://media.test/a\nlevel=ERROR", "https://media.test/a\\nlevel=ERROR"),
        (f"object:{DIGEST}", f"object:{DIGEST}"),
    ],
)
def test_a_message_shows_no_secret_of_a_uri_and_nothing_unprintable(uri: str, message: str) -> None:
    assert shown(uri) == message

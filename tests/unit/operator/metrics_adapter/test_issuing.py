from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mmpipe_operator.metrics_adapter.issuing import (
    Lifetimes,
    Material,
    certificates,
    covers,
    ends,
    fits,
    hosts,
    merged,
    renewed,
)

HOST = "mmpipe-metrics-adapter.mmpipe-system.svc"
LIVES = Lifetimes(serving=timedelta(days=90), authority=timedelta(days=3650))
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def first() -> Material:
    return renewed(None, HOST, LIVES, NOW)


def test_nothing_becomes_an_authority_and_a_certificate_for_the_services_name() -> None:
    made = first()

    assert hosts(made.chain) == [HOST]
    assert ends(made.chain) == NOW + 90 * DAY
    assert ends(made.authority) == NOW + 3650 * DAY
    assert fits(made.chain, made.key)
    assert fits(made.authority, made.authority_key)


def test_what_is_not_due_stays_as_it_is() -> None:
    made = first()

    assert renewed(made, HOST, LIVES, NOW + 59 * DAY) is made


def test_after_two_thirds_of_its_life_the_certificate_is_made_anew_by_the_same_authority() -> None:
    made = first()

    later = renewed(made, HOST, LIVES, NOW + 60 * DAY)

    assert later.chain != made.chain
    assert ends(later.chain) == NOW + 150 * DAY
    assert (later.authority, later.authority_key) == (made.authority, made.authority_key)


def test_a_new_authority_comes_beside_the_old_one_and_what_is_served_stays() -> None:
    due = NOW + 2434 * DAY
    made = renewed(first(), HOST, LIVES, due - DAY)

    later = renewed(made, HOST, LIVES, due)

    assert certificates(later.authority)[1:] == certificates(made.authority)
    assert ends(later.authority) == due + 3650 * DAY
    assert (later.chain, later.key) == (made.chain, made.key)
    assert later.authority_key != made.authority_key


def test_an_old_authority_is_trusted_to_its_end_and_no_longer() -> None:
    made = renewed(first(), HOST, LIVES, NOW + 2434 * DAY)

    before = renewed(made, HOST, LIVES, NOW + 3649 * DAY)
    after = renewed(before, HOST, LIVES, NOW + 2434 * DAY + 2434 * DAY)

    assert certificates(before.authority) == certificates(made.authority)
    assert len(certificates(after.authority)) == 2
    assert not covers(after.authority, first().authority)


def test_a_certificate_is_never_good_for_longer_than_its_authority() -> None:
    short = Lifetimes(serving=timedelta(days=90), authority=timedelta(days=30))

    assert ends(renewed(None, HOST, short, NOW).chain) == NOW + 30 * DAY


def test_a_clock_that_is_some_minutes_behind_trusts_a_new_certificate() -> None:
    for each in certificates(first().chain + first().authority):
        assert each.not_valid_before_utc == NOW - timedelta(minutes=5)


@pytest.mark.parametrize(
    ("broken", "same_authority"),
    [
        (lambda made: replace(made, chain=b""), True),
        (lambda made: replace(made, key=b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), True),
        (lambda made: replace(made, key=first().key), True),
        (lambda made: replace(made, chain=first().chain, key=first().key), True),
        (lambda made: replace(made, authority_key=b""), False),
        (lambda made: replace(made, authority_key=first().authority_key), False),
        (lambda made: replace(made, authority=b"none"), False),
        (lambda _: Material(b"", b"", b"", b""), False),
    ],
    ids=[
        "no chain",
        "no key",
        "another key",
        "another pair",
        "no authority's key",
        "another's",
        "no authority",
        "empty",
    ],
)
def test_what_somebody_broke_is_made_anew(broken: object, same_authority: bool) -> None:  # noqa: FBT001  # a column
    made = first()
    assert callable(broken)

    again = renewed(broken(made), HOST, LIVES, NOW + DAY)

    assert fits(again.chain, again.key)
    assert fits(again.authority, again.authority_key)
    assert (again.authority == made.authority) is same_authority
    assert renewed(again, HOST, LIVES, NOW + DAY) is again


def test_another_name_of_the_service_gets_another_certificate() -> None:
    other = renewed(first(), "search-metrics-adapter.search.svc", LIVES, NOW)

    assert hosts(other.chain) == ["search-metrics-adapter.search.svc"]


def test_an_authority_of_another_kind_of_key_is_replaced() -> None:
    key = rsa.generate_private_key(65_537, 2048)
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + 3650 * DAY)
    theirs = builder.sign(key, hashes.SHA256())
    pem = theirs.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )

    made = renewed(Material(b"", b"", pem, secret), HOST, LIVES, NOW)

    assert certificates(made.authority)[1:] == [theirs]
    assert fits(made.chain, made.key)


def test_bundles_join_without_doubles_and_without_what_is_over() -> None:
    old, new = renewed(None, HOST, Lifetimes(DAY, DAY), NOW), first()

    assert covers(merged(new.authority, old.authority, NOW), new.authority + old.authority)
    assert merged(new.authority, new.authority, NOW) == new.authority
    assert merged(new.authority, old.authority, NOW + 2 * DAY) == new.authority
    assert not covers(old.authority, new.authority)


def test_a_client_that_trusts_the_authority_makes_a_handshake_with_the_chain(tmp_path: Path) -> None:
    made = renewed(None, HOST, LIVES, datetime.now(UTC))
    trusting = ssl.create_default_context(cadata=made.authority.decode())
    trusting.verify_flags |= ssl.VERIFY_X509_STRICT

    with (
        _served(made, tmp_path) as port,
        socket.create_connection(("127.0.0.1", port), 5) as raw,
        trusting.wrap_socket(raw, server_hostname=HOST) as tls,
    ):
        assert tls.version() == "TLSv1.3"


@contextmanager
def _served(made: Material, folder: Path) -> Iterator[int]:
    (folder / "tls.crt").write_bytes(made.chain)
    (folder / "tls.key").write_bytes(made.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=lambda: context.wrap_socket(listening.accept()[0], server_side=True).close())
        thread.start()
        yield listening.getsockname()[1]
        thread.join(5)

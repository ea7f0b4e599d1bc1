"""Certificates as bytes: an authority of the adapter's own, and the certificate that it signs for its Service.

Pure but for the random numbers: what is there goes in with the time, what should be there comes out, and it is the same
where nothing is due. ``certificates`` keeps it in a Secret. Keys are elliptic (P-256), and never in a message.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

RENEWED_AFTER = 2 / 3
"""Share of its life after which a certificate is made anew, as kubelets and cert-manager do it."""
SKEW = timedelta(minutes=5)
"""How far the clock of the API server may be behind ours."""

type _Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long certificates are good."""

    serving: timedelta
    authority: timedelta


@dataclass(frozen=True, slots=True)
class Material:
    """All that replicas share, in PEM: what they serve with, and what signs the next."""

    chain: bytes
    key: bytes = field(repr=False)
    authority: bytes
    """Certificates that the API server is to trust: the present authority first, then older ones to their end."""
    authority_key: bytes = field(repr=False)


def renewed(held: Material | None, host: str, lives: Lifetimes, now: datetime) -> Material:
    """What should be kept in the place of ``held``: the same, unless something is due, missing or unusable.

    A new authority does not change what is served with: that is signed anew when it is due itself, so the new authority
    is known everywhere before anything depends on it.
    """
    material = held or Material(b"", b"", b"", b"")
    material = _with_authority(material, lives.authority, now)
    return material if _serves(material, host, now) else _with_chain(material, host, lives.serving, now)


def merged(first: bytes, others: bytes, now: datetime) -> bytes:
    """The certificates of ``first``, then those of ``others`` that it lacks and that are still good."""
    known = certificates(first)
    return _pem([*known, *(each for each in certificates(others) if each not in known and _good(each, now))])


def covers(bundle: bytes, needed: bytes) -> bool:
    """Whether each of the needed certificates is in the bundle."""
    return set(certificates(needed)) <= set(certificates(bundle))


def certificates(pem: bytes) -> list[x509.Certificate]:
    """Those of a text, in order; none where it is no such text."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        return []


def ends(chain: bytes) -> datetime:
    """When what is served with stops to be good. Raises IndexError where there is no certificate."""
    return certificates(chain)[0].not_valid_after_utc


def hosts(chain: bytes) -> list[str]:
    """Names that what is served with is good for."""
    try:
        names = certificates(chain)[0].extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (IndexError, x509.ExtensionNotFound):
        return []
    return names.value.get_values_for_type(x509.DNSName)


def fits(chain: bytes, key: bytes) -> bool:
    """Whether a private key, of whatever kind, is that of the first certificate."""
    try:
        own = serialization.load_pem_private_key(key, None).public_key()
        return certificates(chain)[0].public_key() == own
    except (ValueError, TypeError, IndexError, UnsupportedAlgorithm):
        return False


def _with_authority(held: Material, life: timedelta, now: datetime) -> Material:
    known = certificates(held.authority)
    if fits(held.authority, held.authority_key) and _is_ours(held.authority_key) and not _due(known[0], now):
        return held
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"mmpipe-metrics-adapter {now:%Y-%m-%dT%H:%M:%SZ}")])
    made = (
        _built(name, key, now, now + life)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    trusted = _pem([made, *(each for each in known if _good(each, now))])
    return Material(held.chain, held.key, trusted, _pem_of(key))


def _with_chain(held: Material, host: str, life: timedelta, now: datetime) -> Material:
    """Signed by the present authority, and never good for longer than that."""
    signer = certificates(held.authority)[0]
    signing = cast("_Key", serialization.load_pem_private_key(held.authority_key, None))
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    made = (
        _built(name, key, now, min(now + life, signer.not_valid_after_utc))
        .issuer_name(signer.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
        .sign(signing, hashes.SHA256())
    )
    return Material(_pem([made]), _pem_of(key), held.authority, held.authority_key)


def _built(name: x509.Name, key: _Key, now: datetime, end: datetime) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(name).public_key(key.public_key())
    return builder.serial_number(x509.random_serial_number()).not_valid_before(now - SKEW).not_valid_after(end)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _serves(held: Material, host: str, now: datetime) -> bool:
    """Whether what is there can go on to be served with."""
    if not fits(held.chain, held.key) or hosts(held.chain) != [host]:
        return False
    own = certificates(held.chain)[0]
    return not _due(own, now) and any(_signed(own, each) for each in certificates(held.authority))


def _signed(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _due(certificate: x509.Certificate, now: datetime) -> bool:
    made = certificate.not_valid_before_utc + SKEW
    return now >= made + (certificate.not_valid_after_utc - made) * RENEWED_AFTER


def _good(certificate: x509.Certificate, now: datetime) -> bool:
    return now < certificate.not_valid_after_utc


def _is_ours(key: bytes) -> bool:
    """Whether an authority's key is of the kind that is made here."""
    return isinstance(serialization.load_pem_private_key(key, None), ec.EllipticCurvePrivateKey)


def _pem(found: Iterable[x509.Certificate]) -> bytes:
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in found)


def _pem_of(key: _Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )

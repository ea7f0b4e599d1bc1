"""What a URI names, and which URIs name nothing that is fetched. Pure: no look at the network.

A URI is read once, strictly, and only what was read is used, so no second parser can read it otherwise. Stricter than
RFC 3986 on purpose: no user or password, no character that needs encoding, no backslash.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

from mmpipe.adapters.fetch.errors import GATE, FetchRefused, shown

OBJECT_SCHEME = "object"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_URI_LENGTH = 8192
_MAX_HOST_LENGTH = 253
_MAX_PORT = 65_535
_PLAIN = re.compile(r"[!-~]+")
_WEB = re.compile(r"https?://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?:#.*)?", re.IGNORECASE)
_LABEL = r"[a-z0-9_][a-z0-9_-]{0,62}"
_AUTHORITY = re.compile(
    rf"(?P<host>{_LABEL}(?:\.{_LABEL})*\.?|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{{0,5}}))?", re.IGNORECASE
)
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Target:
    """One resource on one web server. ``host`` is a name in lower case or an address without brackets."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def uri(self) -> str:
        """The whole of it, secrets included."""
        return f"{self.scheme}://{self.authority}{self.path}"


def is_object(uri: str) -> bool:
    """Whether the URI names bytes in the pipeline's own object store."""
    return uri.partition(":")[0] == OBJECT_SCHEME


def object_digest(uri: str, sha256: str = "") -> str:
    """The SHA-256 that an ``object:`` URI names. Raises FetchRefused where it is none, or another is said beside it."""
    digest = uri.partition(":")[2].lower()
    if _SHA256.fullmatch(digest) is None:
        expected = "object: and 64 hexadecimal digits"
        raise FetchRefused(uri, "no SHA-256 after the scheme", expected, "use the URI that the upload answered")
    if sha256 and sha256 != digest:
        raise FetchRefused(uri, "another SHA-256 beside it", "the same in both places", "leave the second one out")
    return digest


def digest_said(uri: str, sha256: str) -> str:
    """The SHA-256 that a reference gives, in lower case; empty for none. Raises FetchRefused where it can be none."""
    if sha256 and _SHA256.fullmatch(sha256.lower()) is None:
        raise FetchRefused(uri, "a SHA-256 that is none", "64 hexadecimal digits", "correct it or leave it out")
    return sha256.lower()


def file_name(uri: str) -> str:
    """The last piece of the path, which may have a suffix; never a piece of the query, which may be secret."""
    return uri.partition("?")[0].partition("#")[0].rpartition("/")[2]


def parse(uri: str, schemes: Sequence[str]) -> Target:
    """What a URI names on the web. Raises FetchRefused, at the gate ``source.references.schemes`` for a scheme."""
    if not _PLAIN.fullmatch(uri) or "\\" in uri or len(uri) > _MAX_URI_LENGTH:
        found = "characters that need percent-encoding, a backslash, or too many characters"
        expected = f"printable ASCII of at most {_MAX_URI_LENGTH} characters"
        raise FetchRefused(uri, found, expected, "encode the URI (RFC 3986)")
    scheme = uri.partition(":")[0].lower()
    pieces = _WEB.fullmatch(uri)
    if scheme not in schemes or pieces is None:
        raise _scheme_refused(uri, scheme, schemes)
    return _target(uri, scheme, pieces)


def redirected(target: Target, location: str, schemes: Sequence[str]) -> Target:
    """Where an answer of ``target`` sends on to, held to all that the first URI was held to, and never out of TLS."""
    if not _PLAIN.fullmatch(location):
        remedy = "refer to where it leads, percent-encoded"
        raise FetchRefused(target.uri, "a redirect to what is no URI", "a URI in printable ASCII", remedy)
    following = parse(urljoin(target.uri, location), schemes)
    if (target.scheme, following.scheme) == ("https", "http"):
        found, remedy = f"a redirect to {shown(following.uri)}", "refer to a server that stays with https"
        raise FetchRefused(target.uri, found, "no way from https to http", remedy)
    return following


def _target(uri: str, scheme: str, pieces: re.Match[str]) -> Target:
    if "@" in pieces["authority"]:
        remedy = "take them out; what needs credentials is uploaded, or signed into the URI's query"
        raise FetchRefused(uri, "a user or a password before the host", "a URI without them", remedy)
    authority = _AUTHORITY.fullmatch(pieces["authority"])
    port = int((authority and authority["port"]) or _DEFAULT_PORTS[scheme])
    if authority is None or len(authority["host"]) > _MAX_HOST_LENGTH or not 0 < port <= _MAX_PORT:
        raise FetchRefused(uri, "no host and port that could be meant", "https://host[:port]/path", "correct the URI")
    return Target(
        scheme, authority["host"].lower().strip("[]"), port, (pieces["path"] or "/") + (pieces["query"] or "")
    )


def _scheme_refused(uri: str, scheme: str, schemes: Sequence[str]) -> FetchRefused:
    allowed = " or ".join([f"{OBJECT_SCHEME}:", *(f"{each}://" for each in schemes)])
    remedy = "upload the medium, or allow the scheme in the spec"
    return FetchRefused(uri, f"the scheme {scheme[:20]!r}", allowed, remedy, gate=f"{GATE}.schemes")

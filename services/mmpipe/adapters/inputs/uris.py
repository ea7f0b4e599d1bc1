"""Names of places: where an input is, and the URI of everything inside it.

============================  ==========================================================
a file                        ``file:///abs/photos/a.jpg``
a member of an archive        ``tar:///abs/shard.tar!/a.jpg``, ``zip:///abs/x.zip!/a.jpg``
a row of a manifest           ``file:///abs/photos.jsonl#row=3``, ``...#row=3&column=image``
standard input                ``stdin:``, ``stdin:!/a.jpg``, ``stdin:#row=3``
============================  ==========================================================

Paths are percent-encoded byte by byte (RFC 3986), so a name that isn't UTF-8 has a URI too and gets its bytes back;
``!`` is encoded in paths, so ``!/`` always parts the archive from its member. Nothing here touches the disk.
"""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes, urlsplit

STDIN_URI = "stdin:"
_SCHEME = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]+)://|(file|data):)")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_FIRST_RAW_BYTE, _LAST_RAW_BYTE = 0xDC80, 0xDCFF  # how PEP 383 (surrogateescape) carries bytes that aren't UTF-8


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a container is: its URI, its file name, and the folder that relative paths in it start from."""

    uri: str
    name: str
    folder: str


def origin_of(path: str) -> Origin:
    """The origin of a local file."""
    whole = posixpath.abspath(path)
    return Origin(file_uri(whole), posixpath.basename(whole), posixpath.dirname(whole))


def file_uri(path: str) -> str:
    """``file:`` URI of a local path, made absolute; symbolic links stay as they are named."""
    return "file://" + quote(os.fsencode(posixpath.abspath(path)))


def pattern_uri(path: str) -> str:
    """:func:`file_uri` with the characters of a pattern left as they were typed."""
    return "file://" + quote(os.fsencode(posixpath.abspath(path)), safe="/*?[]{},")


def member_uri(container_uri: str, scheme: str, member: str) -> str:
    """URI of a member inside an archive that is itself a local file or standard input."""
    container = container_uri.replace("file:", f"{scheme}:", 1)
    return f"{container}!/{quote(os.fsencode(member))}"


def row_uri(manifest_uri: str, row: int, column: str | None = None) -> str:
    """URI of a row of a manifest (1 is the first), or of one cell of it."""
    cell = "" if column is None else f"&column={quote(column)}"
    return f"{manifest_uri}#row={row}{cell}"


def scheme_of(where: str) -> str | None:
    """The URI scheme that ``where`` begins with, in lower case, or None for a plain path."""
    match = _SCHEME.match(where)
    return (match[1] or match[2]).lower() if match else None


def path_of(uri: str) -> str | None:
    """The local path that a ``file:`` URI names (RFC 8089), or None where it names another host."""
    host, rest = urlsplit(uri).netloc, uri.split(":", 1)[1]
    path = rest.removeprefix(f"//{host}") if rest.startswith("//") else rest
    return os.fsdecode(unquote_to_bytes(path)) if host in {"", "localhost"} else None


def readable(name: str) -> str:
    r"""The name as text that any store takes: a byte that isn't UTF-8 shows as ``\xff``, a line break as ``\n``."""
    return _UNPRINTABLE.sub(_escaped, name)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    is_raw_byte = _FIRST_RAW_BYTE <= code <= _LAST_RAW_BYTE
    return f"\\x{code - 0xDC00:02x}" if is_raw_byte else match[0].encode("unicode_escape").decode()

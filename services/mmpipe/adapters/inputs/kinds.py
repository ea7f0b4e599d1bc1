"""What an input is, from its first bytes; its name only chooses among flavours of text.

Binary containers say so in their first bytes. JSON lines and CSV are text like any other, so for them the suffix
decides, and only where there is none (standard input) the content: a first line that names a part, as a manifest's
does. This module is pure. What a *medium* is, ``mmpipe.stages.formats`` knows.
"""

from __future__ import annotations

import csv
import re
import tarfile
from enum import StrEnum
from pathlib import PurePath

from mmpipe.adapters.inputs.attributes import parse_object
from mmpipe.records import Modality

HEAD_BYTES = 64 * 1024
"""How much of an input is looked at; a manifest on standard input is known by a first line that fits."""

PART_COLUMNS = ("text", "text_file", *(str(modality) for modality in Modality if modality is not Modality.TEXT))
"""Columns of a manifest that hold parts, in the order of parts: ``text`` the text itself, all others a path."""


class Kind(StrEnum):
    """What an input holds, unpacked."""

    TAR = "tar"
    ZIP = "zip"
    PARQUET = "Parquet"
    JSONL = "JSON lines"
    CSV = "CSV"
    MEDIA = "media"


class Packing(StrEnum):
    """What an input is compressed by, as a whole."""

    GZIP = "gzip"
    BZ2 = "bzip2"
    XZ = "xz"
    ZSTD = "zstd"


_PACKED = re.compile(
    rb"(?P<GZIP>\x1f\x8b\x08)|(?P<BZ2>BZh[1-9](?:1AY&SY|\x17rE8P\x90))|(?P<XZ>\xfd7zXZ\0)|(?P<ZSTD>\x28\xb5\x2f\xfd)"
)
_ZIPPED = (b"PK\x03\x04", b"PK\x05\x06")
_PACKED_SUFFIXES = frozenset({".gz", ".bz2", ".xz", ".zst"})
_KIND_BY_SUFFIX = {".jsonl": Kind.JSONL, ".ndjson": Kind.JSONL, ".csv": Kind.CSV, ".tsv": Kind.CSV}
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_FEWEST_SNIFFED_CELLS = 2
_LINES_TO_SNIFF = 2


def is_enough(head: bytes) -> bool:
    """Whether more of a stream would tell no more about it: the first block of a tar, the first two lines of a text."""
    return len(head) >= tarfile.BLOCKSIZE and head.count(b"\n") >= _LINES_TO_SNIFF


def packing_of(head: bytes) -> Packing | None:
    """The compression that the content is wrapped in, if any."""
    match = _PACKED.match(head)
    return Packing[match.lastgroup] if match and match.lastgroup else None


def kind_of(head: bytes, name: str) -> Kind:
    """What an input of this (unpacked) beginning and name is; MEDIA where it is no container."""
    suffix = _suffix(name)
    if head.startswith(_ZIPPED):
        return Kind.ZIP
    if head.startswith(b"PAR1"):
        return Kind.PARQUET
    if _is_tar(head, suffix):
        return Kind.TAR
    return _kind_of_text(head, suffix)


def _suffix(name: str) -> str:
    path = PurePath(name.lower())
    return PurePath(path.stem).suffix if path.suffix in _PACKED_SUFFIXES else path.suffix


def _is_tar(head: bytes, suffix: str) -> bool:
    """By the checksum of the first header, as the oldest tars have no magic; of an empty one, zeros, by its name."""
    block = head[: tarfile.BLOCKSIZE]
    if suffix == ".tar" and len(block) == tarfile.BLOCKSIZE and not any(block):
        return True
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _kind_of_text(head: bytes, suffix: str) -> Kind:
    if b"\0" in head and not head.startswith(_UTF16_MARKS):
        return Kind.MEDIA
    if suffix:
        return _KIND_BY_SUFFIX.get(suffix, Kind.MEDIA)
    lines = head.decode("utf-8-sig", "replace").lstrip().splitlines()
    if lines and _names_part(parse_object(lines[0]) or {}):
        return Kind.JSONL
    return Kind.CSV if _looks_like_csv(lines) else Kind.MEDIA


def _looks_like_csv(lines: list[str]) -> bool:
    """Whether the first line names a part among others, and the second has as many cells: prose hardly does."""
    header, first = (_cells(line) for line in (*lines[:2], "", "")[:2])
    return len(header) >= _FEWEST_SNIFFED_CELLS and len(first) == len(header) and _names_part(dict.fromkeys(header))


def _cells(line: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter_of(line)), [])


def _names_part(columns: dict[str, object] | dict[str, None]) -> bool:
    return not columns.keys().isdisjoint(PART_COLUMNS)


def delimiter_of(header: str) -> str:
    """The delimiter of a CSV by its header line: of comma, semicolon and tab the one that occurs most."""
    return max(",;\t", key=header.count)

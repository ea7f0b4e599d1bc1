"""An archive or a manifest, from a file or a stream, as samples: unpacked, recognised, and read by its kind.

The same code serves ``mmpipe run shard.tar.gz`` and ``cat shard.tar.gz | mmpipe run -``; they differ in whether the
bytes can be sought in. What can't be sought in and must be (zip, Parquet) is spooled to a temporary file first.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO

from mmpipe.adapters.inputs.compression import unpacked
from mmpipe.adapters.inputs.content import peeked, read_stream, spool
from mmpipe.adapters.inputs.csvs import csv_rows
from mmpipe.adapters.inputs.entries import Entry, key_of
from mmpipe.adapters.inputs.errors import InputRefusedError
from mmpipe.adapters.inputs.jsonlines import jsonl_rows
from mmpipe.adapters.inputs.kinds import HEAD_BYTES, Kind, Packing, is_enough, kind_of, packing_of
from mmpipe.adapters.inputs.limits import InputLimits
from mmpipe.adapters.inputs.manifests import Manifest, manifest_samples
from mmpipe.adapters.inputs.parquets import parquet_rows
from mmpipe.adapters.inputs.rows import BadRow, Row, until_broken
from mmpipe.adapters.inputs.samples import samples_of
from mmpipe.adapters.inputs.tars import tar_entries
from mmpipe.adapters.inputs.uris import Origin, readable
from mmpipe.adapters.inputs.zips import zip_entries
from mmpipe.records import Sample

logger = logging.getLogger(__name__)

_SUFFIXES = {Kind.TAR: {".tar"}, Kind.ZIP: {".zip"}, Kind.PARQUET: {".parquet", ".pq"}}
_SEEKING = frozenset({Kind.ZIP, Kind.PARQUET})


@dataclass(frozen=True, slots=True)
class Reading:
    """How an input is read: where it is, what its samples' ids begin with, and what it may ask for."""

    origin: Origin
    prefix: str
    limits: InputLimits


def is_container(head: bytes, name: str) -> bool:
    """Whether content of this beginning and name is opened, rather than a medium itself."""
    return packing_of(head) is not None or kind_of(head, name) is not Kind.MEDIA


def file_samples(file: BinaryIO, reading: Reading) -> Iterator[Sample]:
    """The samples of a container in an open file."""
    head = file.read(HEAD_BYTES)
    file.seek(0)
    return _samples(file, head, reading)


def stream_samples(stream: BinaryIO, reading: Reading) -> Iterator[Sample]:
    """The samples of a stream: of the container it is, or the one medium."""
    head, whole = peeked(stream, HEAD_BYTES, is_enough)
    return _samples(whole, head, reading)


def _samples(file: BinaryIO, head: bytes, reading: Reading) -> Iterator[Sample]:
    packing = packing_of(head)
    if packing is None:
        kind = kind_of(head, reading.origin.name)
        _report_mismatch(kind, reading.origin)
        return _opened(file, kind, reading)
    plain = unpacked(file, packing, readable(reading.origin.name), reading.limits)
    head, plain = peeked(plain, HEAD_BYTES, is_enough)
    return _opened(plain, _kind_in(packing, head, reading), reading)


def _kind_in(packing: Packing, head: bytes, reading: Reading) -> Kind:
    """The kind of what was compressed as a whole: a tar or a manifest in text, nothing else."""
    kind = kind_of(head, reading.origin.name)
    if kind in {Kind.TAR, Kind.JSONL, Kind.CSV}:
        return kind
    raise InputRefusedError(
        readable(reading.origin.name), f"{kind} compressed by {packing}", "a tar, JSON lines or CSV in it", "unpack it"
    )


def _opened(file: BinaryIO, kind: Kind, reading: Reading) -> Iterator[Sample]:
    origin, limits = reading.origin, reading.limits
    if kind in _SEEKING and not file.seekable():
        return _spooled(file, kind, reading)
    match kind:
        case Kind.TAR:
            return samples_of(tar_entries(file, origin, limits), reading.prefix)
        case Kind.ZIP:
            return samples_of(zip_entries(file, origin, limits), reading.prefix)
        case Kind.MEDIA:
            return samples_of([_medium(file, reading)], reading.prefix)
        case _:
            manifest = Manifest(origin, reading.prefix, limits.max_bytes)
            return manifest_samples(manifest, until_broken(_rows(file, kind, reading)))


def _spooled(stream: BinaryIO, kind: Kind, reading: Reading) -> Iterator[Sample]:
    with spool(stream, reading.limits.max_bytes) as file:
        if stream.read(1):
            found = f"a {kind} stream of more than {reading.limits.max_bytes} bytes"
            remedy = f"read it from a file, or raise source.files.maxBytes: {kind} can't be read front to back"
            raise InputRefusedError(readable(reading.origin.name), found, "at most that many to spool", remedy)
        yield from _opened(file, kind, reading)


def _rows(file: BinaryIO, kind: Kind, reading: Reading) -> Iterator[Row | BadRow]:
    match kind:
        case Kind.JSONL:
            return jsonl_rows(file, reading.origin)
        case Kind.CSV:
            return csv_rows(file, reading.origin)
        case _:
            return parquet_rows(file, reading.origin, reading.limits)


def _medium(file: BinaryIO, reading: Reading) -> Entry:
    name = reading.origin.name
    return Entry(key_of(name), name, reading.origin.uri, lambda: read_stream(file, name, reading.limits.max_bytes))


def _report_mismatch(kind: Kind, origin: Origin) -> None:
    suffix = PurePath(origin.name.lower()).suffix
    if suffix and suffix not in _SUFFIXES.get(kind, {suffix}):
        logger.warning("%s is a %s file by its content, and is read as one", readable(origin.name), kind)

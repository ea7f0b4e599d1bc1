"""From a row of a manifest to a sample.

=====================================  ===========================================================================
``id``                                 the sample's id; without one it is ``<manifest's stem>/<row number>``
``text``                               the text itself
``text_file``                          a path to a text
``image``, ``audio``, ``video``,       a path; in Parquet also the media themselves, as binary or ``{bytes, path}``
``depth``
``attributes``                         an object; in CSV and Parquet also one in JSON
any other                              an attribute of that name, which wins over the same name in ``attributes``
=====================================  ===========================================================================

Paths are relative to the manifest; absolute ones, ``..`` and ``file:`` URIs are allowed, because the user who named the
manifest may read those files. Remote ones are refused: they need the guarded fetcher, which is not this. What is wrong
with a row or a cell is unreadable with its place; the rest of the row, and the next row, stand.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from mmpipe.adapters.inputs.attributes import parse_object, plain
from mmpipe.adapters.inputs.content import read_file
from mmpipe.adapters.inputs.entries import key_of
from mmpipe.adapters.inputs.kinds import PART_COLUMNS
from mmpipe.adapters.inputs.limits import too_large
from mmpipe.adapters.inputs.parts import inline_text, part_of
from mmpipe.adapters.inputs.rows import RESERVED_COLUMNS, BadRow, Row
from mmpipe.adapters.inputs.uris import Origin, file_uri, path_of, readable, row_uri, scheme_of
from mmpipe.records import Modality, Part, Rejected, Sample

_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Manifest:
    """What every row of one manifest needs to know: where it is, how ids begin, how large a file may be."""

    origin: Origin
    prefix: str
    max_bytes: int


def manifest_samples(manifest: Manifest, rows: Iterable[Row | BadRow]) -> Iterator[Sample]:
    """One sample per row, bad ones too."""
    return (_bad(manifest, row) if isinstance(row, BadRow) else _sample(manifest, row) for row in rows)


def _bad(manifest: Manifest, row: BadRow) -> Sample:
    verdict = _verdict(manifest, row, row.found, row.expected)
    return Sample(_default_id(manifest, row), (), {}, {row_uri(manifest.origin.uri, row.number): verdict})


def _sample(manifest: Manifest, row: Row) -> Sample:
    outcomes = list(_parts(manifest, row))
    sample_id, attributes = _id(manifest, row), _attributes(manifest, row)
    for column, cell in (("id", sample_id), ("attributes", attributes)):
        if isinstance(cell, Rejected):
            outcomes.append((_cell_uri(manifest, row, column), cell))
    if not outcomes:
        verdict = _verdict(manifest, row, "no part", f"one of {', '.join(PART_COLUMNS)}")
        outcomes.append((row_uri(manifest.origin.uri, row.number), verdict))
    return Sample(
        id=_default_id(manifest, row) if isinstance(sample_id, Rejected) else sample_id,
        parts=tuple(part for _, part in outcomes if isinstance(part, Part)),
        attributes={} if isinstance(attributes, Rejected) else attributes,
        unreadable={uri: verdict for uri, verdict in outcomes if isinstance(verdict, Rejected)},
    )


def _id(manifest: Manifest, row: Row) -> str | Rejected:
    match row.cells.get("id"):
        case None | "":
            return _default_id(manifest, row)
        case bool() as cell:
            return _verdict(manifest, row, f"id {cell!r}", "a text or an integer")
        case str() | int() as cell:
            return readable(f"{manifest.prefix}{cell}")
        case cell:
            return _verdict(manifest, row, f"id {cell!r}", "a text or an integer")


def _default_id(manifest: Manifest, row: Row | BadRow) -> str:
    return readable(f"{manifest.prefix}{key_of(manifest.origin.name)}/{row.number}")


def _attributes(manifest: Manifest, row: Row) -> dict[str, object] | Rejected:
    given = row.cells.get("attributes", {})
    named = parse_object(given) if isinstance(given, str) else given
    if not isinstance(named, dict):
        return _verdict(manifest, row, f"attributes {_shown(given)}", "a JSON object")
    others = {column: cell for column, cell in row.cells.items() if column not in RESERVED_COLUMNS}
    try:
        return plain({**named, **others})
    except TypeError as error:
        return _verdict(manifest, row, f"an attribute that cannot be kept ({error})", "values of JSON's types")


def _parts(manifest: Manifest, row: Row) -> Iterator[tuple[str, Part | Rejected]]:
    """What became of every cell that names a part, by the URI of the file, or of the cell where there is no file."""
    cells = {column: row.cells[column] for column in PART_COLUMNS if row.cells.get(column) is not None}
    if "text" in cells and cells.pop("text_file", None) is not None:
        verdict = _verdict(manifest, row, "text and text_file", "one of them")
        yield _cell_uri(manifest, row, "text_file"), verdict
    for column, cell in cells.items():
        uri, part = _part(manifest, row, column, cell)
        yield uri, _placed(manifest, row, column, part) if isinstance(part, Rejected) else part


def _part(manifest: Manifest, row: Row, column: str, cell: object) -> tuple[str, Part | Rejected]:
    uri = _cell_uri(manifest, row, column)
    declared = Modality(column.removesuffix("_file"))
    match cell:
        case str() if column == "text":
            return uri, inline_text(cell, row_uri(manifest.origin.uri, row.number), manifest.origin.name)
        case str():
            return _file_part(manifest, cell, uri, declared)
        case bytes() if column != "text":
            return uri, _content_part(manifest, cell, uri, "", declared)
        case {"bytes": bytes() as content, **rest}:
            return uri, _content_part(manifest, content, uri, str(rest.get("path") or ""), declared)
        case {"path": str() as path}:
            return _file_part(manifest, path, uri, declared)
        case _:
            expected = "a text" if column == "text" else "a path"
            return uri, Rejected("input.manifest", f"found {_shown(cell)}, expected {expected}; correct the row.")


def _file_part(manifest: Manifest, where: str, cell_uri: str, declared: Modality) -> tuple[str, Part | Rejected]:
    path = _path(manifest, where)
    if isinstance(path, Rejected):
        return cell_uri, path
    content = read_file(path, manifest.max_bytes)
    uri = file_uri(path)
    return uri, content if isinstance(content, Rejected) else part_of(content, uri, path, declared)


def _path(manifest: Manifest, where: str) -> str | Rejected:
    scheme = scheme_of(where)
    if scheme is None:
        path = posixpath.join(manifest.origin.folder, where)
    elif scheme != "file" or (path := path_of(where) or "") == "":
        reason = f"{readable(where)} is not on this machine; expected a path or a file: URI; fetch it first."
        return Rejected("input.remote", reason)
    if _is_unicode(path):
        return posixpath.normpath(path)
    return Rejected("input.read", f"{readable(path)} is not a path; expected one that a file can have.")


def _is_unicode(path: str) -> bool:
    """Whether the path can be told to the system at all: JSON can spell lone surrogates, a file name can't."""
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def _content_part(manifest: Manifest, content: bytes, uri: str, name: str, declared: Modality) -> Part | Rejected:
    if len(content) > manifest.max_bytes:
        return too_large("The cell", len(content), manifest.max_bytes)
    return part_of(content, uri, name, declared)


def _cell_uri(manifest: Manifest, row: Row, column: str) -> str:
    return row_uri(manifest.origin.uri, row.number, column)


def _placed(manifest: Manifest, row: Row, column: str, verdict: Rejected) -> Rejected:
    return replace(verdict, reason=f"{_place(manifest, row)}, {column}: {verdict.reason}")


def _verdict(manifest: Manifest, row: Row | BadRow, found: str, expected: str) -> Rejected:
    return Rejected("input.manifest", f"{_place(manifest, row)}: found {found}, expected {expected}; correct the row.")


def _place(manifest: Manifest, row: Row | BadRow) -> str:
    return f"{readable(manifest.origin.name)}, {row.place}"


def _shown(cell: object) -> str:
    return readable(repr(cell))[:_SHOWN_CHARACTERS]

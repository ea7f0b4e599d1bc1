"""Tar archives, WebDataset shards among them, as entries.

A tar that can be sought in (a plain ``.tar`` on disk) is indexed first, so the files of a key are found wherever
``tar`` put them. A stream (standard input, a compressed tar) is read once, front to back, and ``windows`` brings the
files of a key together as far as it reaches.

Members that lead elsewhere (absolute or ``..`` paths, links, devices) are unreadable. Where the archive itself breaks
off, an entry named like the archive says so, and what came before it stands. An archive that stops between two members
without its end marker counts as complete, as it does for GNU tar.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Self, cast

from mmpipe.adapters.inputs import windows
from mmpipe.adapters.inputs.content import Content, read_member
from mmpipe.adapters.inputs.entries import Entry, failed, is_wanted, key_of, member_path, neighbours
from mmpipe.adapters.inputs.errors import DamagedInputError, InputBombError
from mmpipe.adapters.inputs.limits import MIB, InputLimits
from mmpipe.adapters.inputs.uris import Origin, member_uri, readable
from mmpipe.records import Rejected

_MAX_EXTENSION_BYTES = MIB
"""Largest header that may come before a member (its long name, its PAX records); tarfile reads it into memory."""
_EXTENSIONS = frozenset(
    {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK},
)
_BREAKS = (tarfile.TarError, DamagedInputError, InputBombError)


class _Header(tarfile.TarInfo):
    """A header refused aloud: tarfile takes a broken one for the end of the archive, and any size for a name."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if not any(buf):  # nothing more, or the zeros that end an archive
                raise
            raise tarfile.ReadError(str(error)) from error
        if header.type in _EXTENSIONS and header.size > _MAX_EXTENSION_BYTES:
            raise tarfile.ReadError(f"a header of {header.size} bytes")
        return header


@dataclass(frozen=True, slots=True)
class _Member:
    """What an index keeps of a member: its normalised path, and where its bytes are or why they are not read."""

    path: str
    offset: int
    size_bytes: int
    fault: str | None


def tar_entries(file: BinaryIO, origin: Origin, limits: InputLimits) -> Iterator[Entry]:
    """The files in a tar: sorted where ``file`` can seek, about in the archive's own order where it can't."""
    if file.seekable():
        return _indexed(file, origin, limits)
    return windows.gathered(_streamed(file, origin, limits), windows.WINDOW_BYTES)


def _indexed(file: BinaryIO, origin: Origin, limits: InputLimits) -> Iterator[Entry]:
    members: list[_Member] = []
    verdict: Rejected | None = None
    try:
        with tarfile.open(fileobj=file, mode="r:", tarinfo=_Header) as tar:
            members.extend(_member(info) for info in _infos(tar, limits))
    except _BREAKS as error:
        verdict = _broken(origin, error)
    members.sort(key=lambda member: neighbours(member.path))
    for member in members:
        yield _entry(member, origin, partial(_read_at, file, member, limits))
    if verdict is not None:
        yield failed(origin.name, origin.uri, verdict)


def _streamed(file: BinaryIO, origin: Origin, limits: InputLimits) -> Iterator[Entry]:
    try:
        with tarfile.open(fileobj=file, mode="r|", tarinfo=_Header) as tar:
            for info in _infos(tar, limits):
                yield _entry(_member(info), origin, partial(_read_next, tar, info, limits))
    except _BREAKS as error:
        yield failed(origin.name, origin.uri, _broken(origin, error))


def _infos(tar: tarfile.TarFile, limits: InputLimits) -> Iterator[tarfile.TarInfo]:
    """Members that a person put there. tarfile remembers every member it has seen: here it forgets them."""
    count = 0
    while (info := tar.next()) is not None:
        tar.members.clear()  # type: ignore[attr-defined]  # undocumented, and as it is since 2.3
        count += 1
        if count > limits.max_members:
            raise tarfile.ReadError(f"more than {limits.max_members} members")
        if not info.isdir() and is_wanted(info.name):
            yield info


def _member(info: tarfile.TarInfo) -> _Member:
    path = member_path(info.name)
    fault = "has a path that leads out of the archive" if path is None else _fault(info)
    return _Member(path or info.name, info.offset_data, info.size, fault)


def _fault(info: tarfile.TarInfo) -> str | None:
    if info.issym() or info.islnk():
        return f"is a link to {readable(info.linkname)}"
    if info.issparse():
        return "is a sparse file"
    return None if info.isreg() else "is a device or a FIFO"


def _entry(member: _Member, origin: Origin, load: partial[Content | Rejected]) -> Entry:
    uri = member_uri(origin.uri, "tar", member.path)
    if member.fault is None:
        return Entry(key_of(member.path), member.path, uri, load)
    reason = (
        f"{readable(member.path)} {member.fault}; expected a regular file inside the archive; pack the file itself."
    )
    return failed(key_of(member.path), uri, Rejected("input.member", reason))


def _read_at(file: BinaryIO, member: _Member, limits: InputLimits) -> Content | Rejected:
    file.seek(member.offset)
    return read_member(file, member.size_bytes, readable(member.path), limits.max_bytes)


def _read_next(tar: tarfile.TarFile, info: tarfile.TarInfo, limits: InputLimits) -> Content | Rejected:
    try:
        stream = cast("BinaryIO", tar.extractfile(info))
        return read_member(stream, info.size, readable(info.name), limits.max_bytes)
    except _BREAKS as error:
        return Rejected("input.damaged", f"{readable(info.name)} breaks off ({error}); copy the archive again.")


def _broken(origin: Origin, error: Exception) -> Rejected:
    if isinstance(error, DamagedInputError | InputBombError):
        return error.verdict()
    reason = f"{readable(origin.name)} breaks off ({error}); expected a complete tar; copy or pack it again."
    return Rejected("input.damaged", reason)

"""Zip archives as entries, sorted by their directory so that the files of a key come together.

Only stored and deflated members are read: zipfile unpacks the other methods in one piece, whatever comes out. A member
that is encrypted, damaged or denser than the limits allow is unreadable, and the others still flow.
"""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, cast

from mmpipe.adapters.inputs.content import Content, read_member
from mmpipe.adapters.inputs.entries import Entry, failed, is_wanted, key_of, member_path, neighbours
from mmpipe.adapters.inputs.errors import DamagedInputError, InputRefusedError
from mmpipe.adapters.inputs.limits import InputLimits, too_dense
from mmpipe.adapters.inputs.uris import Origin, member_uri, readable
from mmpipe.records import Rejected

_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1
_UNIX_MODE_SHIFT = 16
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


@dataclass(slots=True)
class _Budget:
    """What the whole archive may still unpack to: members may be dense one by one, or overlap, and all be a bomb."""

    packed_bytes: int
    limits: InputLimits
    unpacked_bytes: int = 0

    def refuse(self, info: zipfile.ZipInfo) -> Rejected | None:
        """The verdict on a member by what the directory says of it; one that passes is counted."""
        ratio, name = self.limits.max_decompression_ratio, readable(info.filename)
        if not self.limits.allows_ratio(info.file_size, info.compress_size):
            return too_dense(name, info.file_size, info.compress_size, ratio)
        total = self.unpacked_bytes + info.file_size
        if not self.limits.allows_ratio(total, self.packed_bytes):
            return too_dense(f"The archive up to {name}", total, self.packed_bytes, ratio)
        self.unpacked_bytes = total
        return None


def zip_entries(file: BinaryIO, origin: Origin, limits: InputLimits) -> Iterator[Entry]:
    """The files in a zip. Raises DamagedInputError for an unreadable directory, InputRefusedError for a long one."""
    with _opened(file, origin) as archive:
        budget = _Budget(file.seek(0, io.SEEK_END), limits)
        for info in _members(archive, origin, limits):
            path = member_path(info.filename)
            verdict = _fault(info, path) or budget.refuse(info)
            load = partial(_read, archive, info, limits.max_bytes)
            yield _entry(path or info.filename, origin, verdict, load)


def _opened(file: BinaryIO, origin: Origin) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except _UNREADABLE as error:
        raise DamagedInputError(
            readable(origin.name),
            f"its directory cannot be read ({error})",
            "a complete zip",
            "copy it again, or repair it with zip -FF",
        ) from error


def _members(archive: zipfile.ZipFile, origin: Origin, limits: InputLimits) -> list[zipfile.ZipInfo]:
    infos = archive.infolist()
    if len(infos) > limits.max_members:
        found, expected = f"has {len(infos)} members", f"at most {limits.max_members}"
        raise InputRefusedError(readable(origin.name), found, expected, "split it")
    wanted = (info for info in infos if not info.is_dir() and is_wanted(info.filename))
    return sorted(wanted, key=lambda info: neighbours(member_path(info.filename) or info.filename))


def _fault(info: zipfile.ZipInfo, path: str | None) -> Rejected | None:
    name = readable(info.filename)
    if path is None:
        reason = (
            f"{name} has a path that leads out of the archive; expected one below its root; pack it from its folder."
        )
    elif stat.S_ISLNK(info.external_attr >> _UNIX_MODE_SHIFT):
        reason = f"{name} is a link; expected a regular file; pack the file itself."
    elif info.flag_bits & _ENCRYPTED:
        reason = f"{name} is encrypted; expected plain members; unpack it with its password and pack it without."
    elif info.compress_type not in _METHODS:
        reason = (
            f"{name} is packed by method {info.compress_type}; expected stored or deflated; pack it with plain zip."
        )
    else:
        return None
    return Rejected("input.member", reason)


def _entry(path: str, origin: Origin, verdict: Rejected | None, load: Callable[[], Content | Rejected]) -> Entry:
    uri = member_uri(origin.uri, "zip", path)
    return Entry(key_of(path), path, uri, load) if verdict is None else failed(key_of(path), uri, verdict)


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, max_bytes: int) -> Content | Rejected:
    name = readable(info.filename)
    try:
        with archive.open(info) as stream:
            return read_member(cast("BinaryIO", stream), info.file_size, name, max_bytes)
    except _UNREADABLE as error:
        return Rejected("input.damaged", f"{name} cannot be unpacked ({error}); copy the archive again.")

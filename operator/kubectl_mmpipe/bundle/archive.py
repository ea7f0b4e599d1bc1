"""The file of a support bundle: bounded, readable by its owner alone, with a manifest of what it holds and lacks."""

from __future__ import annotations

import io
import json
import os
import tarfile
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Literal, Self

from kubectl_mmpipe.faults import PluginError

TOTAL_BYTES = 64 * 1024 * 1024
"""Most of all files together, unpacked."""
_NOTICE = (
    "Values of Secrets were never read. Variables and fields that look like secrets, and passwords, tokens and"
    " signatures in texts, are starred. A secret in a sentence can't be told from a word: look through the files before"
    " you send them."
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the bundle, or one that is missing and why. ``command`` is what was asked."""

    path: str
    outcome: Literal["Collected", "Shortened", "NotServed", "LeftOut", "Failed"]
    command: str
    bytes: int = 0
    why: str = ""


@dataclass(slots=True)
class Archive:
    """``with Archive.create(path, moment) as archive``: files are added, the manifest is written at the end.

    Where the context ends with an error, so does the file.
    """

    path: Path
    file: IO[bytes]
    tar: tarfile.TarFile
    moment: datetime
    about: dict[str, str]
    entries: list[Entry] = field(default_factory=list)

    @classmethod
    def create(cls, path: Path, moment: datetime, about: dict[str, str]) -> Self:
        """A new file, mode 0600. Raises BundleRefused where it can't be made or there is one."""
        try:
            file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        except OSError as error:
            remedy = "choose another path with -o"
            raise BundleRefused(f"{path}: found that it can't be made ({error.strerror}); {remedy}") from error
        return cls(path, file, tarfile.open(fileobj=file, mode="w:gz"), moment, about)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        about = {"created": self.moment.isoformat(timespec="seconds")} | self.about | {"secrets": _NOTICE}
        manifest = about | {"entries": [asdict(entry) for entry in self.entries]}
        self._write("manifest.json", json.dumps(manifest, indent=1).encode())
        self.tar.close()
        self.file.close()
        if kind:
            self.path.unlink()  # half a bundle would pass for a whole one

    def add(self, path: str, content: str, command: str, why: str = "") -> None:
        """A file; left out where the bundle is full. ``why`` says that it was shortened."""
        data = content.encode()
        if sum(entry.bytes for entry in self.entries) + len(data) > TOTAL_BYTES:
            self.lacks(Entry(path, "LeftOut", command, 0, f"the bundle holds {TOTAL_BYTES} bytes already"))
            return
        self._write(path, data)
        self.entries.append(Entry(path, "Shortened" if why else "Collected", command, len(data), why))

    def lacks(self, entry: Entry) -> None:
        """A file that is not there."""
        self.entries.append(entry)

    @property
    def failed(self) -> list[Entry]:
        """What was asked for and could not be had."""
        return [entry for entry in self.entries if entry.outcome == "Failed"]

    def _write(self, path: str, data: bytes) -> None:
        member = tarfile.TarInfo(f"mmpipe-support/{path}")
        member.size, member.mode, member.mtime = len(data), 0o600, int(self.moment.timestamp())
        self.tar.addfile(member, io.BytesIO(data))


class BundleRefused(PluginError):  # noqa: N818  # as faults.NoKubectl
    """The file can't be made."""

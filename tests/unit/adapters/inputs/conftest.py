"""Real files for the tests of inputs: small media by reference libraries, and the archives that hold them."""

from __future__ import annotations

import io
import tarfile
import wave
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import pytest
from PIL import Image

from mmpipe.adapters.inputs import InputLimits, open_input
from mmpipe.records import Sample

type Read = Callable[..., list[Sample]]


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 6), (200, 30, 30)).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture(scope="session")
def png() -> bytes:
    file = io.BytesIO()
    Image.new("L", (8, 6), 120).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="session")
def wav() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 16_000, 0, "NONE", ""))
        sound.writeframes(b"\x01\x02" * 160)
    return file.getvalue()


@pytest.fixture
def read() -> Read:
    """All samples of an input under given limits."""

    def read_all(
        where: Path | str,
        limits: InputLimits | None = None,
        *,
        id_prefix: str | None = None,
        stdin: BinaryIO | None = None,
    ) -> list[Sample]:
        return list(open_input(str(where), limits or InputLimits(), id_prefix=id_prefix, stdin=stdin))

    return read_all


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[Mapping[str, bytes]], Path]:
    """Writes files below ``tmp_path/photos``."""

    def write(files: Mapping[str, bytes]) -> Path:
        root = tmp_path / "photos"
        root.mkdir(exist_ok=True)
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return root

    return write


@pytest.fixture
def tar(tmp_path: Path) -> Callable[..., Path]:
    """Writes a tar with the members in the order given."""

    def write(files: Mapping[str, bytes], name: str = "shard.tar", mode: str = "w") -> Path:
        path = tmp_path / name
        with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]  # the mode is a parameter here
            for member, content in files.items():
                info = tarfile.TarInfo(member)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        return path

    return write


@pytest.fixture
def zipped(tmp_path: Path) -> Callable[..., Path]:
    """Writes a zip with the members in the order given, deflated."""

    def write(files: Mapping[str, bytes], name: str = "photos.zip") -> Path:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in files.items():
                archive.writestr(member, content)
        return path

    return write


class Pipe(io.BytesIO):
    """Bytes that can only be read front to back, like a pipe."""

    def seekable(self) -> bool:
        return False


@pytest.fixture
def pipe() -> Callable[[bytes], BinaryIO]:
    """Opens bytes as a stream that can't seek."""
    return Pipe

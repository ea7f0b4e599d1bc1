"""Where the package is that a spec names."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from mmpipe.models.errors import ModelError

BUILTIN = Path(__file__).parent / "builtin"


def resolve(uri: str) -> Path:
    """The folder that a ``model.uri`` names: ``builtin:tiny``, a path, or a ``file:`` URI.

    :class:`ModelError` for anything else: this release fetches no remote models.
    """
    if uri.startswith("builtin:"):
        return _builtin(uri.removeprefix("builtin:"))
    if uri.startswith("file:"):
        return _existing(uri, Path(unquote(urlsplit(uri).path)))
    if ":" in uri or not (Path(uri).exists() or uri.startswith(("/", "./", "../", "~"))):
        raise ModelError(
            f"{uri}: neither a built-in model nor a folder that exists; remote models come with a later release. "
            "Use builtin:tiny, or the path of a model package on this machine"
        )
    return _existing(uri, Path(uri).expanduser())


def _builtin(name: str) -> Path:
    folder = BUILTIN / name
    if not name.isidentifier() or not folder.is_dir():
        known = ", ".join(sorted(f"builtin:{entry.name}" for entry in BUILTIN.iterdir() if entry.is_dir()))
        raise ModelError(f"builtin:{name}: no such built-in model; there is {known}")
    return folder


def _existing(uri: str, folder: Path) -> Path:
    if not folder.is_dir():
        raise ModelError(f"{uri}: no folder at {folder}; give the path of a model package, or use builtin:tiny")
    return folder

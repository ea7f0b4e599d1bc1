"""The formats mmpipe reads: their names (those of ``Media.format``), modalities, media types and usual suffixes.

Data only. A new format is a row here, a signature in ``signatures`` and a decoder in its modality.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from mmap import mmap
from types import MappingProxyType

from mmpipe.records import Modality

type Content = bytes | mmap
"""Bytes of a file: in memory, or a read-only map of a large one."""

TEXT, IMAGE, AUDIO, VIDEO, DEPTH = Modality


@dataclass(frozen=True, slots=True)
class Format:
    """One row of the catalogue; ``media_types`` has a key for each modality that the format can carry."""

    name: str
    suffixes: tuple[str, ...]
    media_types: Mapping[Modality, str]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look into the content came to: the format's name, and the modalities it can be, likeliest first."""

    format: str
    choices: tuple[Modality, ...]


# IANA names where there is one; EXR, PFM, NPY, AVI and JSON lines go by their usual unregistered names.
_ROWS = (
    Format("jpeg", ("jpg", "jpeg", "jpe", "jfif"), {IMAGE: "image/jpeg"}),
    Format("png", ("png",), {IMAGE: "image/png", DEPTH: "image/png"}),
    Format("webp", ("webp",), {IMAGE: "image/webp"}),
    Format("gif", ("gif",), {IMAGE: "image/gif"}),
    Format("bmp", ("bmp", "dib"), {IMAGE: "image/bmp"}),
    Format("tiff", ("tif", "tiff"), {IMAGE: "image/tiff", DEPTH: "image/tiff"}),
    Format("exr", ("exr",), {DEPTH: "image/x-exr"}),
    Format("pfm", ("pfm",), {DEPTH: "image/x-portable-floatmap"}),
    Format("npy", ("npy",), {DEPTH: "application/x-npy"}),
    Format("wav", ("wav", "wave"), {AUDIO: "audio/wav"}),
    Format("flac", ("flac",), {AUDIO: "audio/flac"}),
    Format("mp3", ("mp3",), {AUDIO: "audio/mpeg"}),
    Format("ogg", ("ogg", "oga", "opus"), {AUDIO: "audio/ogg"}),
    Format("m4a", ("m4a", "m4b", "mp4"), {AUDIO: "audio/mp4"}),
    Format("aac", ("aac", "adts"), {AUDIO: "audio/aac"}),
    Format("mp4", ("mp4", "m4v"), {VIDEO: "video/mp4", AUDIO: "audio/mp4"}),
    Format("mov", ("mov", "qt"), {VIDEO: "video/quicktime", AUDIO: "video/quicktime"}),
    Format("mkv", ("mkv", "mka"), {VIDEO: "video/matroska", AUDIO: "audio/matroska"}),
    Format("webm", ("webm", "weba"), {VIDEO: "video/webm", AUDIO: "audio/webm"}),
    Format("avi", ("avi",), {VIDEO: "video/x-msvideo", AUDIO: "video/x-msvideo"}),
    Format("txt", ("txt", "text"), {TEXT: "text/plain"}),
    Format("md", ("md", "markdown"), {TEXT: "text/markdown"}),
    Format("html", ("html", "htm", "xhtml"), {TEXT: "text/html"}),
    Format("json", ("json",), {TEXT: "application/json"}),
    Format("jsonl", ("jsonl", "ndjson", "json"), {TEXT: "application/x-ndjson"}),
)

CATALOGUE: Mapping[str, Format] = MappingProxyType({row.name: row for row in _ROWS})
"""Every format by its name."""

SUFFIXES: frozenset[str] = frozenset(suffix for row in _ROWS for suffix in row.suffixes)
"""Every suffix that says something about the format."""

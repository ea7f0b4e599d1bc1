"""Magic bytes: the first look, a table from the head of a file to the name of its family.

A family is a format of the catalogue, or one that ``recognition`` looks further into (``isobmff``, ``mpeg_audio``), or
one of :data:`UNSUPPORTED`, which is known only to be refused by its name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

HEAD_BYTES = 512
"""As much of a file as a signature may look at: tar has its magic at byte 257."""


class Signature(NamedTuple):
    """``family`` begins with ``prefix`` at ``offset``, and has ``infix`` at byte 8 where one is given (RIFF)."""

    family: str
    prefix: bytes
    infix: bytes = b""
    offset: int = 0


# In the order of how often they are met; no two can match the same head.
_SIGNATURES = (
    Signature("jpeg", b"\xff\xd8\xff"),
    Signature("png", b"\x89PNG\r\n\x1a\n"),
    Signature("wav", b"RIFF", b"WAVE"),
    Signature("webp", b"RIFF", b"WEBP"),
    Signature("avi", b"RIFF", b"AVI "),
    Signature("flac", b"fLaC"),
    Signature("ogg", b"OggS"),
    Signature("ebml", b"\x1aE\xdf\xa3"),
    Signature("gif", b"GIF87a"),
    Signature("gif", b"GIF89a"),
    Signature("tiff", b"II*\0"),
    Signature("tiff", b"MM\0*"),
    Signature("tiff", b"II+\0\x08\0\0\0"),
    Signature("tiff", b"MM\0+\0\x08\0\0"),
    Signature("exr", b"v/1\x01"),
    Signature("npy", b"\x93NUMPY"),
    Signature("wav", b"RF64", b"WAVE"),
    Signature("wav", b"RIFX", b"WAVE"),
    Signature("mpeg_audio", b"ID3"),
    Signature("pdf", b"%PDF-"),
    Signature("zip", b"PK\x03\x04"),
    Signature("zip", b"PK\x05\x06"),
    Signature("gzip", b"\x1f\x8b\x08"),
    Signature("bzip2", b"BZh"),
    Signature("xz", b"\xfd7zXZ\0"),
    Signature("zstd", b"\x28\xb5\x2f\xfd"),
    Signature("7z", b"7z\xbc\xaf\x27\x1c"),
    Signature("rar", b"Rar!\x1a\x07"),
    Signature("parquet", b"PAR1"),
    Signature("aiff", b"FORM", b"AIFF"),
    Signature("asf", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    Signature("flv", b"FLV\x01"),
    Signature("jxl", b"\0\0\0\x0cJXL "),
    Signature("jp2", b"\0\0\0\x0cjP  "),
    Signature("psd", b"8BPS"),
    Signature("tar", b"ustar", offset=257),
)

UNSUPPORTED: Mapping[str, str] = MappingProxyType(
    {
        "pdf": "a PDF document; extract its text or its pictures first",
        "zip": "a ZIP archive (also DOCX, XLSX, NPZ); unpack it, or give it as the input itself",
        "gzip": "gzip-compressed; unpack it, or give it as the input itself",
        "bzip2": "bzip2-compressed; unpack it, or give it as the input itself",
        "xz": "xz-compressed; unpack it, or give it as the input itself",
        "zstd": "zstd-compressed; unpack it, or give it as the input itself",
        "7z": "a 7-Zip archive; unpack it first",
        "rar": "a RAR archive; unpack it first",
        "tar": "a tar archive; give it as the input itself",
        "parquet": "a Parquet table; give it as the manifest",
        "aiff": "AIFF audio; convert it to FLAC or WAV",
        "asf": "Windows Media; convert it to MP4 or FLAC",
        "flv": "Flash video; convert it to MP4",
        "jxl": "a JPEG XL picture; convert it to PNG or JPEG",
        "jp2": "a JPEG 2000 picture; convert it to PNG or JPEG",
        "psd": "a Photoshop document; export it as PNG",
        "heif": "a HEIF or AVIF picture; convert it to PNG or JPEG",
        "svg": "an SVG drawing; render it as PNG",
        "ogv": "an Ogg film; convert it to WebM or MP4",
    }
)
"""Families that people do have, and what to do about them."""

_PFM = re.compile(rb"P[fF]\s+\d{1,9}\s+\d{1,9}\s+[-+]?[\d.]")
_BMP_HEADER_SIZES = frozenset((12, 40, 52, 56, 64, 108, 124))
# What may open an ISO base media file: ISO/IEC 14496-12 asks for ftyp, older QuickTime files begin as they like.
_BOXES = frozenset((b"ftyp", b"styp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"))


def family(head: bytes) -> str | None:
    """The family of a file that begins with ``head`` (:data:`HEAD_BYTES`), or None without magic bytes, as text is."""
    for name, prefix, infix, offset in _SIGNATURES:
        if head.startswith(prefix, offset) and head[8 : 8 + len(infix)] == infix:
            return name
    return _family_by_structure(head)


def _family_by_structure(head: bytes) -> str | None:
    # A box begins with its size: below 144 MiB its first byte is none that a text ("The free ...") begins with.
    if head[4:8] in _BOXES and head[0] < ord("\t"):
        return "isobmff"
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES:
        return "bmp"
    return "pfm" if _PFM.match(head) else None

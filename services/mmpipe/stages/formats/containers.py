"""What streams a container holds: whether an MP4, Matroska, AVI or Ogg is a film or only sound.

Four small walks over nested length-prefixed elements, reading a few hundred bytes even of a film of many gigabytes.
A container that is cut short or lies about its lengths yields what was found until then: the decoder says what is
wrong. Cover pictures live elsewhere in all four (``covr`` atoms, attachments, comments), so they never look like video.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from struct import unpack_from
from typing import NamedTuple

from mmpipe.records import Modality
from mmpipe.stages.formats.catalogue import Content, Finding

_MOST_ELEMENTS = 4096
"""Elements looked at on one level; a hostile file could hold billions of empty ones."""

_AUDIO_BRANDS = frozenset((b"M4A ", b"M4B ", b"M4P "))
# ISO/IEC 23008-12 (HEIF) and AVIF: pictures in the same boxes.
_PICTURE_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis"))
_HANDLERS = {b"vide": Modality.VIDEO, b"soun": Modality.AUDIO}

# Matroska element ids (RFC 9559) and track types.
_EBML_HEADER, _DOC_TYPE = b"\x1a\x45\xdf\xa3", b"\x42\x82"
_TRACK_TYPE_PATH = (b"\x18\x53\x80\x67", b"\x16\x54\xae\x6b", b"\xae", b"\x83")
_TRACK_TYPES = {b"\x01": Modality.VIDEO, b"\x02": Modality.AUDIO}

_AVI_STREAMS = {b"vids": Modality.VIDEO, b"auds": Modality.AUDIO}

_OGG_BEGINNING_OF_STREAM = 0x02
_OGG_CODECS = {
    b"\x01vorbis": Modality.AUDIO,
    b"OpusHead": Modality.AUDIO,
    b"\x7fFLAC": Modality.AUDIO,
    b"Speex   ": Modality.AUDIO,
    b"\x80theora": Modality.VIDEO,
    b"\x01video\0": Modality.VIDEO,
    b"BBCD\0": Modality.VIDEO,
}


class Element(NamedTuple):
    """A box, chunk or EBML element: its kind, and where its body begins and ends."""

    kind: bytes
    body: int
    end: int


type Walk = Callable[[Content, int, int], Iterator[Element]]


def isobmff(content: Content) -> Finding | None:
    """MP4, M4A or MOV by brand and track handlers (ISO/IEC 14496-12); None for HEIF and AVIF pictures."""
    brand = content[8:12] if content[4:8] in {b"ftyp", b"styp"} else b"qt  "
    if brand in _PICTURE_BRANDS:
        return None
    if brand in _AUDIO_BRANDS:
        return Finding("m4a", (Modality.AUDIO,))
    path = (b"moov", b"trak", b"mdia", b"hdlr")
    streams = {_HANDLERS.get(content[hdlr.body + 8 : hdlr.body + 12]) for hdlr in _descend(_boxes, content, path)}
    if brand == b"qt  ":
        return Finding("mov", _choices(streams))
    return Finding("m4a", (Modality.AUDIO,)) if _only_sound(streams) else Finding("mp4", _choices(streams))


def ebml(content: Content) -> Finding | None:
    """Matroska or WebM by DocType and track types (RFC 8794, RFC 9559); None for any other DocType."""
    doc_types = [content[found.body : found.end] for found in _descend(_ebml, content, (_EBML_HEADER, _DOC_TYPE))]
    name = {b"webm": "webm", b"matroska": "mkv"}.get(doc_types[0].rstrip(b"\0") if doc_types else b"matroska")
    if name is None:
        return None
    tracks = _descend(_ebml, content, _TRACK_TYPE_PATH)
    return Finding(name, _choices({_TRACK_TYPES.get(content[track.body : track.end]) for track in tracks}))


def avi(content: Content) -> Finding:
    """AVI by its stream headers (Microsoft's AVI RIFF file reference)."""
    headers = _descend(_chunks, content, (b"AVI ", b"hdrl", b"strl", b"strh"))
    return Finding("avi", _choices({_AVI_STREAMS.get(content[strh.body : strh.body + 4]) for strh in headers}))


def ogg(content: Content) -> Finding | None:
    """Ogg by the first page of each stream (RFC 3533); None for a film."""
    firsts = [bytes(content[page.body : page.body + 8]) for page in islice(_first_pages(content), _MOST_ELEMENTS)]
    streams = {kind for first in firsts for magic, kind in _OGG_CODECS.items() if first.startswith(magic)}
    return None if Modality.VIDEO in streams else Finding("ogg", (Modality.AUDIO,))


def _only_sound(streams: set[Modality | None]) -> bool:
    return Modality.AUDIO in streams and Modality.VIDEO not in streams


def _choices(streams: set[Modality | None]) -> tuple[Modality, ...]:
    """What it can be, likeliest first: a film's sound can be meant; without any track it is a broken film."""
    if _only_sound(streams):
        return (Modality.AUDIO,)
    return (Modality.VIDEO, Modality.AUDIO) if Modality.AUDIO in streams else (Modality.VIDEO,)


def _descend(walk: Walk, content: Content, path: tuple[bytes, ...]) -> Iterator[Element]:
    """Every element at ``path``, kinds from the outermost in."""
    return _descend_within(walk, content, path, (0, len(content)))


def _descend_within(walk: Walk, content: Content, path: tuple[bytes, ...], span: tuple[int, int]) -> Iterator[Element]:
    for element in islice(walk(content, *span), _MOST_ELEMENTS):
        if element.kind != path[0]:
            continue
        if len(path) == 1:
            yield element
        else:
            yield from _descend_within(walk, content, path[1:], (element.body, element.end))


def _boxes(content: Content, start: int, end: int) -> Iterator[Element]:
    while start + 8 <= end:
        size, kind = unpack_from(">I4s", content, start)
        body = start + 8
        if size == 1 and body + 8 <= end:
            size = unpack_from(">Q", content, body)[0]
            body += 8
        stop = end if size == 0 else start + size
        if stop < body:
            return
        yield Element(kind, body, min(stop, end))
        start = stop


def _chunks(content: Content, start: int, end: int) -> Iterator[Element]:
    """RIFF chunks; a list goes by its form (``AVI ``, ``hdrl``) instead of ``RIFF`` or ``LIST``."""
    while start + 12 <= end:
        kind, size, form = unpack_from("<4sI4s", content, start)
        stop = start + 8 + size
        if kind in {b"RIFF", b"LIST"}:
            yield Element(form, start + 12, min(stop, end))
        else:
            yield Element(kind, start + 8, min(stop, end))
        start = stop + size % 2


def _ebml(content: Content, start: int, end: int) -> Iterator[Element]:
    while start < end:
        id_length = _vint_length(content[start])
        size_at = start + id_length
        if size_at >= end:
            return
        size_length = _vint_length(content[size_at])
        body = size_at + size_length
        size = int.from_bytes(content[size_at:body]) & ((1 << 7 * size_length) - 1)
        # All ones: a live stream that did not know its length; it ends with its parent.
        stop = end if size == (1 << 7 * size_length) - 1 else body + size
        yield Element(bytes(content[start:size_at]), body, min(stop, end))
        start = stop


def _vint_length(first: int) -> int:
    """Bytes of an EBML variable-size integer by its first byte: one more than its leading zeros (RFC 8794, 4)."""
    return 9 - first.bit_length()


def _first_pages(content: Content) -> Iterator[Element]:
    """The pages that begin a stream; they all come before any other page (RFC 3533, 6)."""
    start = 0
    while start + 27 <= len(content) and content[start : start + 4] == b"OggS":
        if not content[start + 5] & _OGG_BEGINNING_OF_STREAM:
            return
        table = content[start + 27 : start + 27 + content[start + 26]]
        body = start + 27 + len(table)
        yield Element(b"OggS", body, body + sum(table))
        start = body + sum(table)


LOOKS: Mapping[str, Callable[[Content], Finding | None]] = {"isobmff": isobmff, "ebml": ebml, "avi": avi, "ogg": ogg}
"""The further look for each family of containers; None where it is a kind of file that mmpipe doesn't read."""

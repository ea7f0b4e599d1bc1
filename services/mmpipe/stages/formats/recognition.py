"""Recognition: from the content of a file to its format and modality, with the reason where there is none.

Content decides the format. Where one format serves two modalities (a grey PNG, the sound of a film), the manifest's
word (``declared``) settles it, then an inner suffix of the name (``a.depth.png``), then what is likeliest. A name never
changes what the content is; where they disagree, :attr:`Recognised.mismatch` says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmpipe.records import Modality, Rejected
from mmpipe.stages.formats import containers, mpeg_audio, prose, rasters
from mmpipe.stages.formats.catalogue import CATALOGUE, SUFFIXES, Content, Finding
from mmpipe.stages.formats.signatures import HEAD_BYTES, UNSUPPORTED, family

_GATE = "input.format"
_LOOKS = {**containers.LOOKS, **rasters.LOOKS, "mpeg_audio": mpeg_audio.mpeg_audio}
# What a look that finds nothing has found after all.
_OTHERWISE = {"isobmff": "heif", "ogg": "ogv"}
_INNER_SUFFIXES = {modality.value: modality for modality in Modality}


@dataclass(frozen=True, slots=True)
class Recognised:
    """What some content is. ``mismatch`` is a sentence where the file's name says otherwise, else None."""

    format: str
    modality: Modality
    media_type: str
    mismatch: str | None = None


def recognise(content: Content, declared: Modality | None = None, name: str = "") -> Recognised | Rejected:
    """The format and modality of ``content``, or why it can be none.

    ``declared`` is the modality that a manifest gives; ``name`` is the file's name or path, as a hint and to report a
    mismatch. Rejected with the gate ``input.format`` where the content is empty, in no format of the catalogue, or
    can't be what it is declared as.
    """
    if len(content) == 0:
        return Rejected(_GATE, f"{_called(name)} is empty: a part needs at least one byte of content")
    found = _find(content, _suffix(name))
    if isinstance(found, str):
        return Rejected(_GATE, f"{_called(name)} {found}")
    if declared is not None and declared not in found.choices:
        return Rejected(_GATE, _contradiction(name, declared, found))
    return _recognised(found, declared or _hinted(name, found) or found.choices[0], name)


def _find(content: Content, suffix: str) -> Finding | str:
    """What the content is, or the rest of a sentence that says what it is instead."""
    head = content[:HEAD_BYTES]
    named = family(head) or "mpeg_audio"
    look = _LOOKS.get(named)
    found = look(content) if look else _plain(named)
    if found is None and named == "mpeg_audio":
        named = prose.flavour(content, suffix) or ""
        found = _plain(named)
    return found or _unsupported(_OTHERWISE.get(named, named), head)


def _plain(named: str) -> Finding | None:
    """A format that is what its signature says, and serves one modality."""
    row = CATALOGUE.get(named)
    return Finding(named, tuple(row.media_types)) if row else None


def _unsupported(named: str, head: bytes) -> str:
    if named in UNSUPPORTED:
        return f"is {UNSUPPORTED[named]}"
    readable = ", ".join(CATALOGUE)
    return (
        f"begins with the bytes {head[:8].hex(' ')}, which is no format mmpipe reads: convert it to one of {readable}"
    )


def _contradiction(name: str, declared: Modality, found: Finding) -> str:
    possible = " or ".join(found.choices)
    return f"{_called(name)} is declared as {declared}, but its content is {found.format}, which can be {possible}"


def _recognised(found: Finding, modality: Modality, name: str) -> Recognised:
    row, suffix = CATALOGUE[found.format], _suffix(name)
    contradicted = suffix in SUFFIXES and suffix not in row.suffixes
    mismatch = f"{_called(name)} is named .{suffix}, but its content is {row.name}" if contradicted else None
    return Recognised(row.name, modality, row.media_types[modality], mismatch)


def _hinted(name: str, found: Finding) -> Modality | None:
    """The modality that an inner suffix names, as in ``a.depth.png``, where the content can be that."""
    inner = _basename(name).lower().split(".")[1:-1]
    return next((_INNER_SUFFIXES[part] for part in inner if _INNER_SUFFIXES.get(part) in found.choices), None)


def _suffix(name: str) -> str:
    return _basename(name).rpartition(".")[2].lower() if "." in name else ""


def _basename(name: str) -> str:
    return name.rpartition("/")[2]


def _called(name: str) -> str:
    return _basename(name) or "the content"

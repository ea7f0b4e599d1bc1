"""Whole samples. Who receives one looks at the bytes: content decides the format, as for files on disk.

A part whose bytes are no format mmpipe reads becomes an entry of ``Sample.unreadable`` and fails no other part. Bytes
that lie elsewhere are looked at when they were fetched; until then what the sender says of them counts.
"""

from __future__ import annotations

from urllib.parse import unquote

from mmpipe.adapters.wire.errors import WireError, shown, within
from mmpipe.adapters.wire.facts import decode_attributes, decode_facts, encode_attributes, encode_facts
from mmpipe.adapters.wire.media import decode_media, decode_modality, encode_media, encode_modality
from mmpipe.records import Facts, Media, Modality, Part, Rejected, Sample
from mmpipe.stages.formats import CATALOGUE, Recognised, recognise
from mmpipe.stages.formats.catalogue import SUFFIXES
from mmpipe.v1 import media_pb2, sample_pb2

MAX_ID_BYTES = 1024


def encode_sample(sample: Sample) -> sample_pb2.Sample:
    """A sample without what was unreadable of it."""
    return sample_pb2.Sample(
        id=sample.id,
        parts=[_encode_part(part) for part in sample.parts],
        attributes=encode_attributes(sample.attributes),
    )


def decode_sample(message: sample_pb2.Sample, field: str = "") -> Sample:
    """A sample with each inline part recognised. An empty id stays empty: who accepts the sample derives one."""
    if not message.parts:
        raise WireError(within(field, "parts"), "none", "at least one", "a sample is made of parts")
    parts: list[Part] = []
    unreadable: dict[str, Rejected] = {}
    for at, part in enumerate(message.parts):
        uri, found = _decode_part(part, f"{within(field, 'parts')}[{at}]", at)
        if isinstance(found, Part):
            parts.append(found)
        else:
            unreadable[uri] = found
    sample_id = _sample_id(message.id, within(field, "id"))
    attributes = decode_attributes(message.attributes, within(field, "attributes"))
    return Sample(sample_id, tuple(parts), attributes, unreadable)


def _encode_part(part: Part) -> sample_pb2.Part:
    return sample_pb2.Part(
        modality=encode_modality(part.modality),
        media=encode_media(part.media),
        uri=part.uri,
        facts=encode_facts(part.facts),
    )


def _sample_id(sample_id: str, field: str) -> str:
    size_bytes = len(sample_id.encode())
    if size_bytes > MAX_ID_BYTES or "\0" in sample_id:
        found = f"{shown(sample_id)} of {size_bytes} bytes"
        raise WireError(field, found, f"at most {MAX_ID_BYTES} bytes and no NUL", "choose a shorter id")
    return sample_id


def _decode_part(message: sample_pb2.Part, field: str, at: int) -> tuple[str, Part | Rejected]:
    """The part and its URI, or the URI and why there is no part."""
    media = decode_media(message.media, within(field, "media"))
    uri = message.uri or (media.reference.uri if media.reference else f"sample:{at}")
    facts = decode_facts(message.facts, within(field, "facts"))
    recognised = _recognised(message, media, _name(uri, facts), field)
    if isinstance(recognised, Rejected):
        return uri, recognised
    mismatch = {"mismatch": recognised.mismatch} if recognised.mismatch else {}
    whole = Media(media.content, recognised.format, media.segment, media.reference)
    return uri, Part(recognised.modality, whole, uri, {**mismatch, **facts})


def _recognised(message: sample_pb2.Part, media: Media, name: str, field: str) -> Recognised | Rejected:
    declared = _declared(message.modality, within(field, "modality"))
    if message.media.WhichOneof("source") == "text":
        return _as_said(media, Modality.TEXT if declared is None else declared, within(field, "modality"))
    if media.reference:
        return _as_said(media, declared, within(field, "modality"))
    return _looked_at(media, declared, name)


def _declared(number: int, field: str) -> Modality | None:
    return None if number == media_pb2.MODALITY_UNSPECIFIED else decode_modality(number, field)


def _as_said(media: Media, declared: Modality | None, field: str) -> Recognised:
    """What the sender says, where it is consistent; a format that serves one modality names it."""
    row = CATALOGUE.get(media.format)
    choices = tuple(row.media_types) if row else ()
    modality = declared or next(iter(choices), None)
    if modality is None:
        found = f"none, and the format {shown(media.format)}"
        raise WireError(field, found, "one of them, since the bytes lie elsewhere", "name the modality")
    if choices and modality not in choices:
        raise WireError(field, f"{modality} as {media.format}", f"{' or '.join(choices)}", "correct one of the two")
    return Recognised(media.format, modality, row.media_types[modality] if row else "")


def _looked_at(media: Media, declared: Modality | None, name: str) -> Recognised | Rejected:
    """What the content is. The format that was said helps where content cannot tell (Markdown from plain text)."""
    said = media.format
    hint = f"{name}.{said}" if said in CATALOGUE and name.rpartition(".")[2].lower() not in SUFFIXES else name
    found = recognise(media.content, declared, hint)
    if isinstance(found, Rejected) or found.mismatch or said in {"", found.format}:
        return found
    mismatch = f"the content is said to be {shown(said)}, but is {found.format}"
    return Recognised(found.format, found.modality, found.media_type, mismatch)


def _name(uri: str, facts: Facts) -> str:
    """The name of the file that a part was, as a hint: the fact, else the last step of its URI."""
    return str(facts.get("name") or unquote(uri.partition("?")[0].rpartition("/")[2]))

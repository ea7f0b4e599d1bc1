"""Decode: from the bytes of a document to a string.

The encoding is the spec's, or found out (``charsets``). Of JSON and JSON lines one field is taken (``fields``); HTML
and Markdown stay as they are, for ``clean`` to deal with. Whatever the bytes are, the answer is an outcome.
"""

from __future__ import annotations

from functools import partial

from mmpipe.records import Item, Media, Stage
from mmpipe.spec.text import TextDecode
from mmpipe.stages.text.charsets import detect
from mmpipe.stages.text.fields import field_of_json, field_of_lines
from mmpipe.stages.verdicts import Refused, at_most, each

_GATE = "text.decode"
_FORMATS = ("txt", "md", "html", "json", "jsonl")
_REPLACEMENT = "\ufffd"

_MOST_UNDECODABLE = 0.01
"""Largest share of characters that may be undecodable; above, the encoding is wrong or the file is no text."""


def build(options: TextDecode) -> Stage[Media, str]:
    """A stage from :class:`Media` to str.

    Adds the facts ``format``, ``encoding`` (Python's name), ``characters`` and, where some were, ``undecodable``.
    Rejects with the gates ``text.decode``, ``text.decode.maxBytes`` and ``text.decode.maxCharacters``. Raises
    ValueError where ``encoding`` names none that Python knows.
    """
    if options.encoding != "Auto":
        _check_encoding(options.encoding)
    return each(partial(_decode, options=options))


def _check_encoding(encoding: str) -> None:
    try:
        b"a".decode(encoding, "replace")  # of nothing at all, Python doesn't look for the codec
    except UnicodeError:
        return  # a codec, if one that "a" doesn't please
    except LookupError as fault:
        remedy = "use an IANA name such as UTF-8 or GB18030, or Auto"
        raise ValueError(f"text decode.encoding: {encoding!r} is no known text encoding; {remedy}") from fault


def _decode(item: Item[Media], options: TextDecode) -> Item[str]:
    media = item.payload
    if media.format not in _FORMATS:
        raise Refused(_GATE, f"{media.format} is no text format: expected one of {', '.join(_FORMATS)}")
    at_most(f"{_GATE}.maxBytes", len(media.content), options.max_bytes, "bytes are in the file")
    content = bytes(media.content)
    encoding = detect(content) if options.encoding == "Auto" else options.encoding
    document, undecodable = _decoded(content, encoding)
    text = _text(document, media.format, options.field)
    at_most(f"{_GATE}.maxCharacters", len(text), options.max_characters, "characters are in the text")
    facts = {"undecodable": undecodable} if undecodable else {}
    return item.becomes(text, format=media.format, encoding=encoding, characters=len(text), **facts)


def _decoded(content: bytes, encoding: str) -> tuple[str, int]:
    """The document, and how many characters had to be replaced. Raises :class:`Refused` where they are too many."""
    try:
        document = content.decode(encoding, "replace")
    except UnicodeError as fault:  # some codecs know no replacement
        raise Refused(_GATE, f"the text isn't in the encoding {encoding} ({fault}): set decode.encoding") from fault
    if _REPLACEMENT not in document:
        return document, 0
    undecodable = document.count(_REPLACEMENT) - content.count(_REPLACEMENT.encode())
    share = max(undecodable, 0) / len(document)
    if share > _MOST_UNDECODABLE:
        reason = f"{undecodable} of {len(document)} characters aren't in the encoding {encoding}: set decode.encoding"
        raise Refused(_GATE, reason, share, _MOST_UNDECODABLE)
    return document, max(undecodable, 0)


def _text(document: str, name: str, field: str) -> str:
    if name == "json":
        return field_of_json(document, field)
    return field_of_lines(document, field) if name == "jsonl" else document

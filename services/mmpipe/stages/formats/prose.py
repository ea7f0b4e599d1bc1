"""Text and its flavours: plain, Markdown, HTML, JSON, JSON lines.

Text has no magic bytes: it is what decodes and holds no control characters. HTML is told by its first tag as browsers
tell it (WHATWG MIME Sniffing, 7.1), JSON by its first line. Only between plain text, Markdown and a fragment of HTML,
which content can't tell apart, does the file's suffix choose.
"""

from __future__ import annotations

import json
import re

from mmpipe.stages.formats.catalogue import Content
from mmpipe.stages.formats.encodings import CONTROL, begins, unicode_encoding

_HEAD_BYTES = 65_536
"""As much as is looked at; a text is judged by its beginning, its decoder reads the rest."""

_DOCUMENT = re.compile(
    r"(?:<!--.*?-->\s*|<\?xml[^>]*>\s*)*<(?:!doctype\s+html|html|head|body)[\s>/]", re.IGNORECASE | re.DOTALL
)
_FRAGMENT = re.compile(
    r"(?:<!--|<(?:script|iframe|h1|div|font|table|a|style|title|b|br|p|meta|ul|article|section)[\s>])", re.IGNORECASE
)
_TAG = re.compile(r"</?[a-z][a-z0-9]*[\s/>]", re.IGNORECASE)
_SVG = re.compile(r"(?:<!--.*?-->\s*|<\?xml[^>]*>\s*|<!doctype\s+svg[^>]*>\s*)*<svg[\s>]", re.IGNORECASE | re.DOTALL)
# The beginning of an object or array, as far as it can be told without parsing to the end.
_JSON_BEGINS = re.compile(r'\{\s*(?:"|\}|$)|\[\s*(?:["\[\]{]|-?\d|true\b|false\b|null\b|$)')


def flavour(content: Content, suffix: str) -> str | None:
    """Name of the text format (or ``svg``, to be refused by name); None where ``content`` isn't text."""
    raw = content[:_HEAD_BYTES]
    head = _text(raw)
    if head is None or CONTROL.search(head):
        return None
    return _flavour(head.lstrip("\ufeff \t\r\n\f"), suffix, whole=len(raw) == len(content))


def _text(raw: bytes) -> str | None:
    """The head as text; a legacy encoding is read as Latin-1, which keeps its ASCII and control characters."""
    encoding = unicode_encoding(raw)
    return begins(raw, encoding) if encoding else raw.decode("latin-1")


def _flavour(head: str, suffix: str, *, whole: bool) -> str:
    if _SVG.match(head):
        return "svg"
    if _DOCUMENT.match(head):
        return "html"
    return _json_flavour(head, suffix, whole=whole) or _by_suffix(head, suffix)


def _by_suffix(head: str, suffix: str) -> str:
    if suffix in {"md", "markdown"}:
        return "md"
    if suffix in {"html", "htm", "xhtml"} and _TAG.search(head):
        return "html"
    return "html" if _FRAGMENT.match(head) and suffix not in {"txt", "text"} else "txt"


def _json_flavour(head: str, suffix: str, *, whole: bool) -> str | None:
    """JSON lines where the first line is complete and another follows (or the suffix says so); JSON; or neither."""
    if not _JSON_BEGINS.match(head):
        return None
    first, _, rest = head.partition("\n")
    if _is_record(first):
        return "jsonl" if rest.strip() or suffix in {"jsonl", "ndjson"} else "json"
    claimed = suffix in {"json", "jsonl", "ndjson"}
    # "[1] A footnote" also begins like JSON: what can be parsed to its end has to be, unless its name claims it.
    return "json" if claimed or not whole or _is_record(head) else None


def _is_record(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):  # RecursionError: nested so deep that no parser would take it
        return False

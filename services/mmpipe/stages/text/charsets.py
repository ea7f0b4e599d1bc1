"""Which encoding some bytes of text are in, where nobody says.

Unicode has certain signs (``formats.encodings``). Legacy encodings have only likelihood. East Asian ones are told by
how many characters fall where their standards put the common ones; on the short texts we mostly get, that is surer
than charset-normalizer, which decides the rest: the alphabets of one byte.
"""

from __future__ import annotations

import codecs
from types import MappingProxyType
from typing import NamedTuple

from charset_normalizer import from_bytes

from mmpipe.stages.formats.encodings import unicode_encoding

_HEAD_BYTES = 16_384
"""As much as is looked at; detection costs milliseconds, and a document has one encoding."""

_ENOUGH_COMMON = 0.75
"""Least share of common characters: prose has 0.95 and more, a list of rare names may have less."""

_MOST_BROKEN = 0.05
"""Largest share of broken characters that still counts as damaged UTF-8, among its characters beyond ASCII."""

# Alphabets of one byte, likeliest first: what browsers still meet (WHATWG Encoding), without their near-duplicates;
# each with the letters beyond ASCII that its languages use most, which decide where a text is too short to show its
# language.
_ALPHABETS = MappingProxyType(
    {
        "cp1252": "éèàâêîôûçëïöäüßñáíóúãõåæøœ¿¡«»\u2019\u201c\u201d\u2013\u2014…€£°ÉÄÖÜ",
        "cp1251": "оеаинтсрвлкмдпуягыбзьчйх",
        "koi8_r": "оеаинтсрвлкмдпуягыбзьчйх",
        "cp1250": "áéíóúýčďěňřšťůžąćęłńśźżőűăâîțș",
        "cp1253": "αοιετσνηυρκπμλςάέήίόύώ",
        "cp1254": "ıİşŞğĞçöüÇÖÜ",
        "cp1255": "יוהלאמרתבשנםעכדק",
        "cp1256": "اليمنوترهبعةدفكسح",
        "cp874": "านรกอเงมลยวตทสดคปะี่้ั",
    }
)
_FALLBACK = "cp1252"


class _EastAsian(NamedTuple):
    """An encoding of two bytes, where its standard has common characters, and how it is told from its neighbours.

    ``telling`` is a part of ``common`` that a text has to draw on by ``telling_share``, in at least ``characters``.
    """

    encoding: str
    common: tuple[tuple[bytes, bytes], ...]
    telling: tuple[bytes, bytes]
    telling_share: float
    characters: int = 1


# Korean first: its syllables lie within the common Chinese characters of GB 2312, but a Chinese text of a few
# characters hardly ever lies within the syllables. Japanese needs its kana: its kanji overlap with both.
_EAST_ASIAN = (
    _EastAsian("cp949", ((b"\xa1\xa1", b"\xa3\xfe"), (b"\xb0\xa1", b"\xc8\xfe")), (b"\xb0\xa1", b"\xc8\xfe"), 0.8, 7),
    _EastAsian("euc_jp", ((b"\xa1\xa1", b"\xa5\xf6"), (b"\xb0\xa1", b"\xcf\xd3")), (b"\xa4\xa1", b"\xa5\xf6"), 0.2),
    _EastAsian("gb18030", ((b"\xa1\xa1", b"\xa3\xfe"), (b"\xb0\xa1", b"\xd7\xf9")), (b"\xb0\xa1", b"\xd7\xf9"), 0.2),
    _EastAsian("cp932", ((b"\x81\x40", b"\x83\x96"), (b"\x88\x9f", b"\x98\x72")), (b"\x82\x9f", b"\x83\x96"), 0.2),
    _EastAsian("big5", ((b"\xa1\x40", b"\xa3\xbf"), (b"\xa4\x40", b"\xc6\x7e")), (b"\xa4\x40", b"\xc6\x7e"), 0.2),
)


def detect(content: bytes) -> str:
    """Python's name of the likeliest encoding of ``content``."""
    head = content[:_HEAD_BYTES]
    whole = len(head) == len(content)
    return unicode_encoding(head) or _damaged_utf8(head) or _east_asian(head, whole=whole) or _alphabet(head)


def _damaged_utf8(head: bytes) -> str | None:
    """UTF-8 with a few broken bytes, which else would turn the whole text into another encoding's nonsense."""
    text = head.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    beyond_ascii = len(text) - sum(map(str.isascii, text))
    return "utf-8" if broken <= _MOST_BROKEN * beyond_ascii else None


def _east_asian(head: bytes, *, whole: bool) -> str | None:
    return next((candidate.encoding for candidate in _EAST_ASIAN if _speaks(head, candidate, whole=whole)), None)


def _speaks(head: bytes, candidate: _EastAsian, *, whole: bool) -> bool:
    """Whether the characters beyond ASCII are mostly common ones here; a head that isn't ``whole`` may end in one."""
    try:
        text = codecs.getincrementaldecoder(candidate.encoding)().decode(head, final=whole)
        codes = [char.encode(candidate.encoding) for char in text if not char.isascii()]
    except UnicodeError:
        return False
    common = sum(any(first <= code <= last for first, last in candidate.common) for code in codes)
    telling = sum(candidate.telling[0] <= code <= candidate.telling[1] for code in codes)
    return (
        len(codes) >= candidate.characters
        and common >= _ENOUGH_COMMON * len(codes)
        and telling >= candidate.telling_share * len(codes)
    )


def _alphabet(head: bytes) -> str:
    found = from_bytes(head, cp_isolation=list(_ALPHABETS))
    # Encodings that read the same text are folded into one match.
    matches = {encoding: match.coherence for match in found for encoding in match.could_be_from_charset}
    # In the table's order, so that it decides between equals.
    possible = [encoding for encoding in _ALPHABETS if encoding in matches]
    return max(possible, key=lambda encoding: (matches[encoding], _familiar(head, encoding)), default=_FALLBACK)


def _familiar(head: bytes, encoding: str) -> float:
    """Share of the most used letters among the characters beyond ASCII."""
    beyond_ascii = [char for char in head.decode(encoding, "replace") if not char.isascii()]
    return sum(char in _ALPHABETS[encoding] for char in beyond_ascii) / max(len(beyond_ascii), 1)

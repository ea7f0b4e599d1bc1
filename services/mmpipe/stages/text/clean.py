"""Clean: from a string to clean prose, and the gate for what is empty.

The order matters: markup hides blanks and entities, and compatibility forms (NFKC) turn odd blanks into plain ones,
so blanks are folded last. Gates for languages and repetition, and the repair of wrong encodings, come with the
cleaning release.
"""

from __future__ import annotations

from functools import partial
from math import exp
from unicodedata import category, normalize

from mmpipe.records import Item, Stage
from mmpipe.spec.text import TextClean
from mmpipe.stages.text.markup import visible_text
from mmpipe.stages.text.whitespace import folded
from mmpipe.stages.verdicts import at_least, each

_GATE = "text.clean.minCharacters"

_TYPICAL_CHARACTERS = 8.0
"""Where a text has reached 1 - 1/e of full quality by its length: two short words, or a sentence of Chinese."""

_SAMPLE_CHARACTERS = 10_000
"""As much of a long text as is looked at for its quality."""

_WORDS = frozenset("LMN")
"""Unicode's letters, their marks, and numbers, by the first character of the general category (UAX 44, 5.7.1)."""


def build(options: TextClean) -> Stage[str, str]:
    """A stage from str to str; HTML is known by the fact ``format`` that ``decode`` has left.

    Adds the fact ``clean_characters``. Rejects with the gate ``text.clean.minCharacters``.
    """
    return each(partial(_clean, options=options))


def quality(text: str) -> float:
    """Quality in [0, 1], (1 - exp(-n / 8)) s: rising in the n characters but blanks, and in s, their share in words."""
    sample = [char for char in text[:_SAMPLE_CHARACTERS] if not char.isspace()]
    in_words = sum(category(char)[0] in _WORDS for char in sample)
    return (1 - exp(-len(sample) / _TYPICAL_CHARACTERS)) * in_words / max(len(sample), 1)


def _clean(item: Item[str], options: TextClean) -> Item[str]:
    text = item.payload
    if options.html == "Strip" and item.facts.get("format") == "html":
        text = visible_text(text)
    if options.unicode != "None":
        text = normalize(options.unicode, text)
    if options.whitespace == "Collapse":
        text = folded(text)
    at_least(_GATE, len(text.strip()), options.gates.min_characters, "characters are left after cleaning")
    return item.becomes(text, quality(text), clean_characters=len(text))

"""Scenes in words: a small grammar with synonyms, free word order, neutral asides and the odd typing error.

A caption mentions a chosen set of attributes, truly, and nothing else; :mod:`.words` holds every word it can use.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from enum import StrEnum

import numpy as np

from mmpipe.models.tiny.words import ASIDES, OPENINGS, THINGS, WORDS
from mmpipe.models.tiny.world import ATTRIBUTES, Scene

KIND_IS_MENTIONED = 0.9
KEYWORDS_ONLY = 0.2
WITH_ASIDE = 0.35


def render(scene: Scene, rng: np.random.Generator) -> str:
    """A caption of the scene that mentions what :func:`choose_mentions` picks."""
    return compose(scene, choose_mentions(rng), rng)


def choose_mentions(rng: np.random.Generator) -> frozenset[str]:
    """Which attributes to mention: most often the kind, and from none to all of the others."""
    others = [name for name in ATTRIBUTES if name != "kind"]
    count = int(rng.integers(0, len(others) + 1))
    chosen = {str(name) for name in rng.permutation(others)[:count]}
    if rng.random() < KIND_IS_MENTIONED or not chosen:
        chosen.add("kind")
    return frozenset(chosen)


def compose(scene: Scene, mentions: AbstractSet[str], rng: np.random.Generator) -> str:
    """A caption of the scene that mentions exactly the attributes named in ``mentions``."""
    values = [getattr(scene, name) for name in ATTRIBUTES if name in mentions]
    rng.shuffle(values)
    words = _keywords(values, rng) if rng.random() < KEYWORDS_ONLY else _sentence(values, rng)
    return _styled(" ".join(word for word in words if word), rng)


def misspelt(text: str, rng: np.random.Generator) -> str:
    """The text with one pair of neighbouring letters swapped, as hurried typing does."""
    if len(text) < 2:  # noqa: PLR2004 - a swap needs two letters
        return text
    at = int(rng.integers(len(text) - 1))
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _keywords(values: list[StrEnum], rng: np.random.Generator) -> list[str]:
    return [_one_of(WORDS[value].nouns or WORDS[value].adjectives, rng) for value in values]


def _sentence(values: list[StrEnum], rng: np.random.Generator) -> list[str]:
    before = [value for value in values if WORDS[value].adjectives and rng.random() < 0.6]  # noqa: PLR2004
    after = [value for value in values if value not in before and not WORDS[value].nouns]
    return [
        _one_of(OPENINGS, rng),
        *(_one_of(WORDS[value].adjectives, rng) for value in before),
        *_subject(values, rng),
        *_listed([_one_of(WORDS[value].phrases, rng) for value in after], rng),
        *_aside(rng),
    ]


def _subject(values: list[StrEnum], rng: np.random.Generator) -> list[str]:
    for value in values:
        if WORDS[value].nouns:
            verb = _one_of(WORDS[value].phrases, rng) if rng.random() < 0.2 else ""  # noqa: PLR2004
            return [_one_of(WORDS[value].nouns, rng), verb]
    return [_one_of(THINGS, rng)]


def _listed(phrases: list[str], rng: np.random.Generator) -> list[str]:
    joint = _one_of((",", "", " and"), rng)
    return [phrase + joint for phrase in phrases[:-1]] + phrases[-1:]


def _aside(rng: np.random.Generator) -> list[str]:
    return [_one_of(ASIDES, rng)] if rng.random() < WITH_ASIDE else []


def _styled(text: str, rng: np.random.Generator) -> str:
    dice = rng.random()
    if dice < 0.3:  # noqa: PLR2004 - three styles of capitals, equally common
        text = text.capitalize()
    elif dice < 0.36:  # noqa: PLR2004
        text = text.upper()
    return text + _one_of(("", "", ".", "!"), rng)


def _one_of(choices: tuple[str, ...], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]

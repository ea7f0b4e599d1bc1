"""The world of the tiny model: scenes of one sounding, moving thing, and what each modality shows of it.

A :class:`Scene` fixes eight attributes. A modality shows some of them (:data:`OBSERVABLE`), so two modalities can be
matched exactly as far as the attributes they share, and no further. Everything else about a rendering (position,
background, light, noise, key, phase, wording) is drawn at random and means nothing.

Some pairs of values (:func:`is_held_out`) never occur in training although every single value does: what the model
makes of them shows that it composes instead of remembering.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np

from mmpipe.records import Modality


class Kind(StrEnum):
    """What the thing is: an outline to see, a timbre to hear."""

    BELL = "bell"
    DRUM = "drum"
    WHISTLE = "whistle"
    SIREN = "siren"
    CLOCK = "clock"
    GUITAR = "guitar"
    HORN = "horn"
    KETTLE = "kettle"


class Colour(StrEnum):
    """The paint of the thing."""

    RED = "red"
    ORANGE = "orange"
    YELLOW = "yellow"
    GREEN = "green"
    BLUE = "blue"
    PURPLE = "purple"
    PINK = "pink"
    WHITE = "white"


class Pattern(StrEnum):
    """What is painted on it, in a darker shade of its colour."""

    PLAIN = "plain"
    STRIPED = "striped"
    DOTTED = "dotted"
    CHECKED = "checked"


class Size(StrEnum):
    """How much of the view it fills."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class Motion(StrEnum):
    """Where it goes while it is filmed."""

    STILL = "still"
    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"
    SPIN = "spin"


class Pitch(StrEnum):
    """How high it sounds."""

    LOW = "low"
    HIGH = "high"


class Rhythm(StrEnum):
    """How its sound is spread over time."""

    STEADY = "steady"
    SLOW = "slow"
    FAST = "fast"


class Distance(StrEnum):
    """How far away it is: metres in a depth map, reverberation in a sound."""

    NEAR = "near"
    FAR = "far"


@dataclass(frozen=True, slots=True)
class Scene:
    """One thing, fully described; all that two renderings of it have in common."""

    kind: Kind
    colour: Colour
    pattern: Pattern
    size: Size
    motion: Motion
    pitch: Pitch
    rhythm: Rhythm
    distance: Distance


ATTRIBUTES: Mapping[str, type[StrEnum]] = MappingProxyType(
    {
        "kind": Kind,
        "colour": Colour,
        "pattern": Pattern,
        "size": Size,
        "motion": Motion,
        "pitch": Pitch,
        "rhythm": Rhythm,
        "distance": Distance,
    }
)
"""Every attribute with its values, in the order used by all arrays of attributes."""

OBSERVABLE: Mapping[Modality, tuple[str, ...]] = MappingProxyType(
    {
        Modality.TEXT: tuple(ATTRIBUTES),
        Modality.IMAGE: ("kind", "colour", "pattern", "size"),
        Modality.AUDIO: ("kind", "pitch", "rhythm", "distance"),
        Modality.VIDEO: tuple(ATTRIBUTES),
        Modality.DEPTH: ("kind", "size", "distance"),
    }
)
"""What each modality can show of a scene; a text shows only those of its attributes that it mentions."""


def codes(scene: Scene) -> tuple[int, ...]:
    """The scene as one index per attribute, in the order of :data:`ATTRIBUTES`."""
    return tuple(list(values).index(getattr(scene, name)) for name, values in ATTRIBUTES.items())


def scene_of(indices: tuple[int, ...]) -> Scene:
    """The inverse of :func:`codes`."""
    kind, colour, pattern, size, motion, pitch, rhythm, distance = indices
    return Scene(
        list(Kind)[kind],
        list(Colour)[colour],
        list(Pattern)[pattern],
        list(Size)[size],
        list(Motion)[motion],
        list(Pitch)[pitch],
        list(Rhythm)[rhythm],
        list(Distance)[distance],
    )


def is_held_out(scene: Scene) -> bool:
    """Whether the scene has a pair of values kept out of training.

    A quarter of the pairs kind x colour, an eighth of pattern x colour, a sixth of kind x motion and an eighth of
    kind x rhythm; no single value is kept out.
    """
    kind, colour, pattern, _, motion, _, rhythm, _ = codes(scene)
    return (
        (colour - 3 * kind) % 8 in {1, 4}
        or (colour + 2 * pattern) % 8 == 5  # noqa: PLR2004 - any residue would do
        or (motion - kind) % 6 == 2  # noqa: PLR2004
        or (kind + 4 * rhythm) % 8 == 3  # noqa: PLR2004
    )


def random_scene(rng: np.random.Generator) -> Scene:
    """Any scene of the world, every value equally likely."""
    return scene_of(tuple(int(rng.integers(len(values))) for values in ATTRIBUTES.values()))


def scenes(rng: np.random.Generator, *, held_out: bool) -> Iterator[Scene]:
    """Scenes without end from one side of the split, each value of every attribute among them."""
    while True:
        scene = random_scene(rng)
        if is_held_out(scene) == held_out:
            yield scene


def generator(seed: int, *path: int | str) -> np.random.Generator:
    """A random generator for one rendering, the same on every machine: ``path`` says which, e.g. scene and modality."""
    return np.random.default_rng([seed, *(p if isinstance(p, int) else zlib.crc32(p.encode()) for p in path)])

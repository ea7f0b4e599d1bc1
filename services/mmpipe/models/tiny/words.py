"""The words for each attribute: the one place that says what "crimson" or "chiming" means.

``Words`` keeps three forms of a value, because they stand in different places of a sentence:
nouns ("bell"), adjectives before the noun ("crimson"), and phrases after it ("with stripes"). No word stands for two
values, which a test checks, so that a caption mentions exactly what :mod:`.captions` meant it to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from mmpipe.models.tiny.world import Colour, Distance, Kind, Motion, Pattern, Pitch, Rhythm, Size


@dataclass(frozen=True, slots=True)
class Words:
    """How one value of one attribute can be said."""

    nouns: tuple[str, ...] = ()
    adjectives: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()


WORDS: Mapping[StrEnum, Words] = MappingProxyType(
    {
        Kind.BELL: Words(("bell", "bells", "church bell", "handbell"), (), ("ringing", "chiming", "that rings")),
        Kind.DRUM: Words(("drum", "drums", "snare drum", "bongo"), (), ("drumming", "being drummed")),
        Kind.WHISTLE: Words(
            ("whistle", "whistles", "referee whistle", "tin whistle"), (), ("whistling", "blown sharply")
        ),
        Kind.SIREN: Words(("siren", "sirens", "alarm", "warning light"), (), ("wailing", "sounding the alarm")),
        Kind.CLOCK: Words(("clock", "clocks", "wall clock", "timepiece"), (), ("ticking", "tick-tock")),
        Kind.GUITAR: Words(("guitar", "guitars", "ukulele", "acoustic guitar"), (), ("strumming", "being strummed")),
        Kind.HORN: Words(("horn", "horns", "trumpet", "bugle"), (), ("honking", "blaring", "tooting")),
        Kind.KETTLE: Words(("kettle", "kettles", "teapot", "tea kettle"), (), ("hissing", "boiling", "steaming")),
        Colour.RED: Words((), ("red", "crimson", "scarlet", "ruby"), ("painted red", "in red", "crimson in colour")),
        Colour.ORANGE: Words((), ("orange", "tangerine", "amber"), ("painted orange", "in orange")),
        Colour.YELLOW: Words((), ("yellow", "golden", "lemon"), ("painted yellow", "in yellow")),
        Colour.GREEN: Words((), ("green", "emerald", "olive"), ("painted green", "in green")),
        Colour.BLUE: Words((), ("blue", "azure", "navy", "cobalt"), ("painted blue", "in blue")),
        Colour.PURPLE: Words((), ("purple", "violet", "lilac"), ("painted purple", "in purple")),
        Colour.PINK: Words((), ("pink", "rose", "magenta"), ("painted pink", "in pink")),
        Colour.WHITE: Words((), ("white", "ivory", "snowy"), ("painted white", "in white")),
        Pattern.PLAIN: Words((), ("plain", "unpatterned", "solid"), ("without any pattern", "with a plain surface")),
        Pattern.STRIPED: Words((), ("striped", "stripy", "banded"), ("with stripes", "covered in stripes")),
        Pattern.DOTTED: Words((), ("dotted", "spotted", "polka-dot"), ("with dots", "covered in spots")),
        Pattern.CHECKED: Words((), ("checked", "chequered", "checkered"), ("with checks", "with a chessboard pattern")),
        Size.SMALL: Words((), ("small", "little", "tiny"), ("of small size", "that looks small")),
        Size.MEDIUM: Words((), ("medium", "medium-sized", "mid-sized"), ("of medium size", "of average size")),
        Size.LARGE: Words((), ("large", "big", "huge"), ("of large size", "that fills the view")),
        Motion.STILL: Words((), ("motionless", "unmoving"), ("standing still", "at rest", "that does not move")),
        Motion.LEFT: Words((), ("left-moving",), ("moving left", "sliding to the left", "drifting left", "going left")),
        Motion.RIGHT: Words(
            (), ("right-moving",), ("moving right", "sliding to the right", "drifting right", "going right")
        ),
        Motion.UP: Words((), ("rising", "climbing"), ("moving up", "going up", "floating upwards", "sliding up")),
        Motion.DOWN: Words(
            (), ("falling", "sinking"), ("moving down", "going down", "dropping downwards", "sliding down")
        ),
        Motion.SPIN: Words(
            (), ("spinning", "rotating", "whirling"), ("turning around", "that spins", "going round and round")
        ),
        Pitch.LOW: Words((), ("low-pitched", "deep", "bass"), ("with a low pitch", "sounding low", "with a deep tone")),
        Pitch.HIGH: Words(
            (), ("high-pitched", "shrill", "treble"), ("with a high pitch", "sounding high", "with a shrill tone")
        ),
        Rhythm.STEADY: Words((), ("continuous", "sustained", "steady"), ("without a pause", "in one steady tone")),
        Rhythm.SLOW: Words((), ("slow", "unhurried"), ("in slow pulses", "slowly repeating", "at a slow beat")),
        Rhythm.FAST: Words((), ("fast", "rapid", "quick"), ("in fast pulses", "rapidly repeating", "at a fast beat")),
        Distance.NEAR: Words((), ("near", "nearby", "close"), ("close by", "within reach", "right in front of us")),
        Distance.FAR: Words((), ("far", "faraway", "distant"), ("far away", "in the distance", "a long way off")),
    }
)

OPENINGS: tuple[str, ...] = (
    "a", "a", "a", "the", "one", "", "", "", "there is a", "here is a", "this is a", "we see a", "we hear a",
    "a photo of a", "a picture of a", "an image of a", "a recording of a", "the sound of a", "a video of a",
    "a film of a", "a clip with a", "a depth map of a", "an object, namely a", "find a", "show me a", "looking for a",
)  # fmt: skip
"""How a caption may begin; none says anything about the scene."""

ASIDES: tuple[str, ...] = (
    "on a table", "in a quiet room", "seen on Tuesday morning", "by the window", "at the museum", "taken with a phone",
    "in the workshop", "for the archive", "as noted by the curator", "item 4711", "next to the door", "at noon",
    "under grey skies", "in our collection", "file number 12", "during the visit", "with some background noise",
    "courtesy of the library", "unedited", "second take", "from last summer", "on the old wooden shelf", "please",
    "in the kitchen", "at the station", "with people talking", "part of a series", "recorded outdoors", "day three",
)  # fmt: skip
"""Distractors: neutral words that a caption may carry."""

THINGS: tuple[str, ...] = ("thing", "object", "something", "item", "one", "")
"""What to call it where the kind is not mentioned."""

"""Text: documents, captions, one field of JSON records."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mmpipe.spec.embed import Embed
from mmpipe.spec.model import MIB, ClusterOnly, Later, SpecModel
from mmpipe.spec.rollout import Rollout
from mmpipe.spec.scaling import ScalingOverride
from mmpipe.spec.template import PodTemplate


class TextDecode(SpecModel):
    """From bytes to a string."""

    max_bytes: Annotated[int, Field(ge=1)] = 16 * MIB
    """Largest document, in bytes."""
    max_characters: Annotated[int, Field(ge=1)] = 1_000_000
    """Longest document after decoding, in characters."""
    encoding: Annotated[str, Field(max_length=40, pattern=r"^[A-Za-z0-9._-]{1,40}$")] = "Auto"
    """Character encoding by its IANA name, or `Auto`: byte-order mark first, then UTF-8, then detection."""
    field: Annotated[str, Field(min_length=1, max_length=253)] = "text"
    """Which field holds the text where the document is JSON or JSON lines."""


class TextGates(SpecModel):
    """What a text must be to go on."""

    min_characters: Annotated[int, Field(ge=0)] = 1
    """Fewest characters after cleaning; 1 rejects empty texts, 0 switches the gate off."""
    languages: Annotated[
        tuple[Annotated[str, Field(max_length=35)], ...],
        Field(max_length=64),
        Later("language gates come with the cleaning release; leave languages empty"),
    ] = ()
    """Accepted languages as BCP 47 tags; empty accepts all."""
    max_repetition: Annotated[
        float,
        Field(gt=0, le=1),
        Later("the repetition gate comes with the cleaning release; leave maxRepetition at 1"),
    ] = 1.0
    """Largest share of repeated 5-grams; 1 switches the gate off."""


class TextClean(SpecModel):
    """From a string to clean prose."""

    gates: TextGates = TextGates()
    html: Literal["Strip", "Keep"] = "Strip"
    """`Strip` turns HTML into its visible text; other formats are left as they are."""
    unicode: Literal["NFC", "NFKC", "None"] = "NFC"
    """Unicode normalisation form (UAX 15)."""
    whitespace: Literal["Collapse", "Keep"] = "Collapse"
    """`Collapse` folds runs of blanks, keeps paragraphs, and drops control characters."""
    repair: Annotated[
        Literal["None", "Mojibake"],
        Later("encoding repair comes with the cleaning release; set repair to None"),
    ] = "None"
    """Repair of text that was decoded with the wrong encoding before it came here."""


class TextAugment(SpecModel):
    """Variants for training."""

    operations: Annotated[
        tuple[Literal["Synonyms", "BackTranslation", "Masking"], ...],
        Field(max_length=16),
        Later("augmentation comes with a later release; leave operations empty"),
    ] = ()
    """Applied in order."""


class TextModality(SpecModel):
    """Text through decode, clean, augment and embed."""

    name: Literal["text"] = "text"
    """The modality."""
    decode: TextDecode = TextDecode()
    clean: TextClean = TextClean()
    augment: TextAugment = TextAugment()
    embed: Embed = Embed()
    scaling: Annotated[ScalingOverride, ClusterOnly()] = ScalingOverride()
    rollout: Annotated[Rollout, ClusterOnly()] = Rollout()
    template: Annotated[PodTemplate, ClusterOnly()] = PodTemplate()

"""A training batch: scenes of the data set in all five modalities, augmented, and what each of them shows (torch)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mmpipe.models import preprocess
from mmpipe.models.tiny import augment, captions, inputs, world
from mmpipe.models.tiny.world import ATTRIBUTES, OBSERVABLE
from mmpipe.records import Modality

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MISSPELT = 0.15
SILENT_FILMS = 0.15
WITHOUT_COLOUR = 0.25
"""How often a picture or film loses its colours: what is left (outline, pattern, motion) is learnt apart from them."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What the towers take by modality, and which attributes each sample shows: bool [batch, attributes]."""

    arrays: Mapping[Modality, dict[str, Tensor]]
    shown: Mapping[Modality, Tensor]


def draw(
    data: Mapping[str, Tensor], rows: Tensor, tokenizer: Tokenizer, rng: torch.Generator, words: np.random.Generator
) -> Batch:
    """The scenes at ``rows`` of the arrays of :mod:`.dataset`, augmented by ``rng``, captions by ``words``."""
    tokens, mentions = texts(data["codes"][rows], tokenizer, words)
    pixels, picture_has_colour = _picture(data["pixels"][rows], rng)
    frames, film_has_colour = _picture(data["frames"][rows], rng)
    has_audio = _flags(len(rows), 1 - SILENT_FILMS, rng)
    film_mel = augment.sounds(data["film_mel"][rows], inputs.SOUND.frames, rng) * has_audio[:, None, None]
    return Batch(
        {
            Modality.TEXT: {"tokens": tokens},
            Modality.IMAGE: {"pixels": pixels},
            Modality.AUDIO: {"mel": augment.sounds(data["mel"][rows], inputs.SOUND.frames, rng)},
            Modality.VIDEO: {"frames": frames, "mel": film_mel, "has_audio": has_audio.to(torch.float32)},
            Modality.DEPTH: {"depth": augment.depths(data["depth"][rows], rng)},
        },
        shown(mentions, has_audio, picture_has_colour, film_has_colour),
    )


def texts(codes: Tensor, tokenizer: Tokenizer, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Fresh captions: token ids int64 [batch, tokens] and which attributes each mentions, bool [batch, attributes]."""
    mentions = [captions.choose_mentions(rng) for _ in codes]
    written = [
        captions.compose(world.scene_of(tuple(row)), chosen, rng)
        for row, chosen in zip(codes.tolist(), mentions, strict=True)
    ]
    typed = [captions.misspelt(text, rng) if rng.random() < MISSPELT else text for text in written]
    rows = [
        preprocess.text_arrays(inputs.TEXT, encoding.ids)["tokens"][0] for encoding in tokenizer.encode_batch(typed)
    ]
    ids = np.stack(rows)
    longest = int((ids != 0).sum(axis=1).max())
    return torch.from_numpy(ids[:, :longest]), torch.tensor(
        [[name in chosen for name in ATTRIBUTES] for chosen in mentions]
    )


def shown(
    mentions: Tensor, has_audio: Tensor, picture_has_colour: Tensor, film_has_colour: Tensor
) -> dict[Modality, Tensor]:
    """Which attributes each sample of a batch shows in each modality: bool [batch, attributes]; flags bool [batch]."""
    can_show = {
        modality: torch.tensor([name in names for name in ATTRIBUTES]).expand_as(mentions)
        for modality, names in OBSERVABLE.items()
    }
    colour = torch.tensor([name == "colour" for name in ATTRIBUTES])
    only_heard = can_show[Modality.AUDIO] & ~can_show[Modality.IMAGE]
    return {
        **can_show,
        Modality.TEXT: mentions,
        Modality.IMAGE: can_show[Modality.IMAGE] & ~(colour & ~picture_has_colour[:, None]),
        Modality.VIDEO: ~(only_heard & ~has_audio[:, None]) & ~(colour & ~film_has_colour[:, None]),
    }


def _picture(pixels: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    has_colour = _flags(len(pixels), 1 - WITHOUT_COLOUR, rng)
    return augment.without_colour(augment.pictures(pixels, rng), ~has_colour, rng), has_colour


def _flags(count: int, share: float, rng: torch.Generator) -> Tensor:
    return torch.rand(count, generator=rng) < share

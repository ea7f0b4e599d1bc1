"""The five networks of the tiny model, one per modality, into one space (torch; training and export only).

Each takes the arrays that :mod:`mmpipe.models.preprocess` makes (bytes included: scaling is part of the graph) and
answers unit vectors, float32 [batch, DIMENSION]. They are small because they run on one CPU core: residual
convolutions for what can be seen or heard, two transformer layers for text.
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmpipe.models.tiny import inputs
from mmpipe.records import Modality

DIMENSION = 128
PICTURE_WIDTHS = (16, 32, 64, 128)
SOUND_WIDTHS = (16, 32, 64, 96)
MOTION_WIDTHS = (16, 32, 64)
TEXT_WIDTH = 128


def build(vocabulary: int) -> nn.ModuleDict:
    """All towers by the name of their modality; ``vocabulary`` is how many tokens the text tower knows."""
    towers = nn.ModuleDict(
        {
            Modality.TEXT.value: TextTower(vocabulary),
            Modality.IMAGE.value: ImageTower(),
            Modality.AUDIO.value: AudioTower(),
            Modality.VIDEO.value: VideoTower(),
            Modality.DEPTH.value: DepthTower(),
        }
    )
    return towers.to(memory_format=torch.channels_last)


class Residual(nn.Module):
    """Halve the resolution, then refine once: conv 3x3 stride 2, then conv 3x3 added to its own input."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.shrink = _convolution(channels_in, channels_out, stride=2)
        self.refine = _convolution(channels_out, channels_out)

    def forward(self, maps: Tensor) -> Tensor:
        """[batch, channels_in, h, w] -> [batch, channels_out, h / 2, w / 2]."""
        shrunk = self.shrink(maps)
        return cast("Tensor", shrunk + self.refine(shrunk))


class Trunk(nn.Module):
    """A stem that halves the resolution, residual blocks, and the mean and maximum of every channel."""

    def __init__(self, channels_in: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = _convolution(channels_in, widths[0], stride=2, kernel=5)
        self.blocks = nn.Sequential(*(Residual(a, b) for a, b in pairwise(widths)))
        self.width = 2 * widths[-1]

    def forward(self, maps: Tensor) -> Tensor:
        """[batch, channels_in, h, w] -> [batch, width]."""
        seen = self.blocks(self.stem(maps.contiguous(memory_format=torch.channels_last)))
        return torch.cat([seen.mean(dim=(2, 3)), seen.amax(dim=(2, 3))], dim=1)


class ImageTower(nn.Module):
    """``pixels`` uint8 [batch, side, side, 3]."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk(3, PICTURE_WIDTHS)
        self.head = _head(self.trunk.width)

    def forward(self, pixels: Tensor) -> Tensor:
        """Unit vectors [batch, DIMENSION]."""
        return _unit(self.head(self.trunk(_scaled(pixels).permute(0, 3, 1, 2))))


class AudioTower(nn.Module):
    """``mel`` float32 [batch, bands, frames] in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = SoundTrunk()
        self.head = _head(self.trunk.width)

    def forward(self, mel: Tensor) -> Tensor:
        """Unit vectors [batch, DIMENSION]."""
        return _unit(self.head(self.trunk(mel)))


class SoundTrunk(nn.Module):
    """Log-mel energies to features, told which band is which: pitch is a place, so convolution alone would lose it."""

    place: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk(2, SOUND_WIDTHS)
        self.profile = nn.Sequential(nn.Linear(2 * inputs.SOUND.mel_bands, 96), nn.GELU())
        self.width = self.trunk.width + 96
        self.register_buffer("place", torch.linspace(-1, 1, inputs.SOUND.mel_bands)[None, None, :, None])

    def forward(self, mel: Tensor) -> Tensor:
        """[batch, bands, frames] -> [batch, width]."""
        maps = torch.cat([mel[:, None] * 2 - 1, self.place.expand(mel.shape[0], 1, -1, mel.shape[2])], dim=1)
        profile = self.profile(torch.cat([mel.mean(dim=2), mel.amax(dim=2)], dim=1))
        return torch.cat([self.trunk(maps), profile], dim=1)


class VideoTower(nn.Module):
    """``frames`` uint8 [batch, frames, side, side, 3], ``mel`` as for a sound, ``has_audio`` float32 [batch].

    What is there is read from two of the frames; where it goes, from all of them, small and grey, as channels of one
    picture from which all that stays is taken away; what it sounds like from its sound, or a learned stand-in where
    there is none.
    """

    def __init__(self) -> None:
        super().__init__()
        self.look = Trunk(3, PICTURE_WIDTHS)
        self.move = Trunk(inputs.FILM.frames, MOTION_WIDTHS)
        self.sound = SoundTrunk()
        self.silent = nn.Parameter(torch.zeros(self.sound.width))
        self.head = _head(self.look.width + self.move.width + self.sound.width)

    def forward(self, frames: Tensor, mel: Tensor, has_audio: Tensor) -> Tensor:
        """Unit vectors [batch, DIMENSION]."""
        seen = _scaled(frames)
        heard = has_audio[:, None] * self.sound(mel) + (1 - has_audio[:, None]) * self.silent
        return _unit(self.head(torch.cat([self._looks(seen), self._moves(seen), heard], dim=1)))

    def _looks(self, seen: Tensor) -> Tensor:
        first, second = (self.look(seen[:, at].permute(0, 3, 1, 2)) for at in (1, inputs.FILM.frames - 2))
        return torch.maximum(first, second)

    def _moves(self, seen: Tensor) -> Tensor:
        grey = seen.mean(dim=4) + 0.5 * (seen.amax(dim=4) - seen.amin(dim=4))
        small = functional.avg_pool2d(grey, 2)
        return cast("Tensor", self.move(small - small.mean(dim=1, keepdim=True)))


class DepthTower(nn.Module):
    """``depth`` float32 [batch, 2, side, side]: log metres, and where they are known."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk(2, PICTURE_WIDTHS)
        self.head = _head(self.trunk.width)

    def forward(self, depth: Tensor) -> Tensor:
        """Unit vectors [batch, DIMENSION]."""
        return _unit(self.head(self.trunk(depth)))


class TextTower(nn.Module):
    """``tokens`` int64 [batch, tokens]; 0 is padding, which has no influence."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, TEXT_WIDTH, padding_idx=0)
        self.places = nn.Parameter(torch.randn(inputs.TEXT.max_tokens, TEXT_WIDTH) * 0.02)
        self.layers = nn.ModuleList([Attention(TEXT_WIDTH) for _ in range(2)])
        self.head = _head(2 * TEXT_WIDTH)

    def forward(self, tokens: Tensor) -> Tensor:
        """Unit vectors [batch, DIMENSION]."""
        known = (tokens != 0).to(torch.float32)[:, :, None]
        states = self.tokens(tokens) + self.places[None, : tokens.shape[1]]
        for layer in self.layers:
            states = layer(states, known)
        mean = (states * known).sum(dim=1) / known.sum(dim=1).clamp(min=1)
        peak = (states - 1e4 * (1 - known)).amax(dim=1).clamp(min=-10)
        return _unit(self.head(torch.cat([mean, peak], dim=1)))


class Attention(nn.Module):
    """One pre-norm transformer layer with a mask (Vaswani et al., 2017)."""

    HEADS = 4

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.feed = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, states: Tensor, known: Tensor) -> Tensor:
        """``states`` [batch, tokens, width]; ``known`` [batch, tokens, 1] is 0 on padding."""
        batch, tokens, width = states.shape
        heads = (
            self.qkv(self.before(states))
            .reshape(batch, tokens, 3, self.HEADS, width // self.HEADS)
            .permute(2, 0, 3, 1, 4)
        )
        scores = heads[0] @ heads[1].transpose(-1, -2) * (width // self.HEADS) ** -0.5
        weights = torch.softmax(scores - 1e4 * (1 - known.transpose(1, 2)[:, None]), dim=-1)
        states = states + self.mix((weights @ heads[2]).transpose(1, 2).reshape(batch, tokens, width))
        return cast("Tensor", states + self.feed(states))


def _convolution(channels_in: int, channels_out: int, *, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )


def _head(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, 256), nn.GELU(), nn.Linear(256, DIMENSION))


def _scaled(pixels: Tensor) -> Tensor:
    return pixels.to(torch.float32) / 127.5 - 1


def _unit(vectors: Tensor) -> Tensor:
    return functional.normalize(vectors, dim=1, eps=1e-6)

"""Changes to a batch that must not change its meaning, drawn anew in every step (torch).

The ranges are those of real inputs after decoding: crops, exposure, sensor noise and blur for pictures; window, noise
floor and tone for sounds; holes and measuring noise for depth maps; films whose sound is missing.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

BLURRED = 0.2


def pictures(pixels: Tensor, rng: torch.Generator) -> Tensor:
    """uint8 [batch, ..., side, side, 3] -> float32 of the same shape in 0..255; frames of a film change alike."""
    batch, side = pixels.shape[0], pixels.shape[-2]
    moved = moved_about(pixels.reshape(batch, -1, side, side, 3).permute(0, 2, 3, 1, 4), rng).to(torch.float32)
    gains = _uniform((batch, 1, 1, 1, 1), 0.75, 1.2, rng) * _uniform((batch, 1, 1, 1, 3), 0.96, 1.04, rng)
    offsets = _uniform((batch, 1, 1, 1, 1), -12, 12, rng)
    noise = torch.randn((side, side, *moved.shape[3:]), generator=rng) * _uniform((batch, 1, 1, 1, 1), 0, 7, rng)
    exposed = moved.mul_(gains).add_(offsets).add_(noise).clamp_(0, 255)
    return _some_blurred(exposed.permute(0, 3, 1, 2, 4), rng).reshape(pixels.shape)


def without_colour(pixels: Tensor, chosen: Tensor, rng: torch.Generator) -> Tensor:
    """The chosen of [batch, ..., 3] as light and dark of one random tint; ``chosen`` is bool [batch].

    Not grey: a white thing looks much the same in grey, and would pass for one of unknown colour.
    """
    light = pixels.mean(dim=-1, keepdim=True)
    each = (len(pixels), *[1] * (pixels.ndim - 2))
    tints = _uniform((*each, 3), 0.15, 1.0, rng)
    return torch.where(chosen.reshape(*each, 1), light * tints / tints.amax(dim=-1, keepdim=True), pixels)


def sounds(mel: Tensor, frames: int, rng: torch.Generator) -> Tensor:
    """uint8 [batch, bands, longer] -> float32 [batch, bands, frames] in [0, 1]."""
    batch = mel.shape[0]
    starts = torch.randint(0, mel.shape[2] - frames + 1, (batch, 1), generator=rng)
    columns = (starts + torch.arange(frames))[:, None, :].expand(-1, mel.shape[1], -1)
    window = mel.gather(2, columns).to(torch.float32) / 255
    tone = _uniform((batch, 1, 1), -0.06, 0.06, rng) * torch.linspace(-1, 1, mel.shape[1])[None, :, None]
    floor = _uniform((batch, 1, 1), -0.1, 0.3, rng)
    noise = torch.randn(window.shape, generator=rng) * 0.03
    return torch.maximum(window + tone + _uniform((batch, 1, 1), -0.06, 0.03, rng), floor + noise).clamp(0, 1)


def depths(depth: Tensor, rng: torch.Generator) -> Tensor:
    """float16 [batch, 2, side, side] -> float32, moved, with one more hole in each."""
    batch, _, side, _ = depth.shape
    moved = moved_about(depth.permute(0, 2, 3, 1), rng).permute(0, 3, 1, 2).to(torch.float32)
    centre, reach = torch.rand((2, batch, 1), generator=rng) * side, _uniform((batch, 1), 0, side / 8, rng)
    inside = ((torch.arange(side) - centre).abs() < reach).to(torch.float32)
    known = moved[:, 1] * (1 - inside[0][:, :, None] * inside[1][:, None, :])
    logs = moved[:, 0] + 0.01 * torch.randn(known.shape, generator=rng) + _uniform((batch, 1, 1), -0.03, 0.03, rng)
    return torch.stack([logs * known, known], dim=1)


def moved_about(planes: Tensor, rng: torch.Generator) -> Tensor:
    """[batch, side, side, ...], each shifted by up to 6 % either way; what comes into view repeats the border."""
    batch, side = planes.shape[:2]
    reach = side // 16
    shifts = torch.randint(-reach, reach + 1, (2, batch, 1), generator=rng)
    rows, columns = (torch.arange(side) + shifts).clamp(0, side - 1)
    return planes[torch.arange(batch)[:, None, None], rows[:, :, None], columns[:, None, :]]


def _some_blurred(pixels: Tensor, rng: torch.Generator) -> Tensor:
    """[batch, frames, side, side, 3] with a fifth of the samples averaged over 2 x 2 pixels."""
    for at in torch.nonzero(torch.rand(len(pixels), generator=rng) < BLURRED)[:, 0].tolist():
        planes = pixels[at].permute(0, 3, 1, 2)
        pixels[at] = functional.avg_pool2d(functional.pad(planes, (0, 1, 0, 1), mode="replicate"), 2, 1).permute(
            0, 2, 3, 1
        )
    return pixels


def _uniform(shape: tuple[int, ...], low: float, high: float, rng: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=rng) * (high - low) + low

"""JPEG to 224 pixels on one core: our decode stage against the code one usually writes with Pillow.

No decoder gets below the time of entropy decoding, which depends on the bytes alone and which Pillow's code pays too.
It is measured here as what libjpeg-turbo takes for an eighth of the size in grey. In small dense pictures it is up to a
quarter of Pillow's time, so that four times as fast would be faster than the floor; those are held to their floor.
"""

from __future__ import annotations

import io

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from bench.measuring import Row, interleaved, median_ratio
from bench.pictures import KINDS, Kind, jpegs
from mmpipe.records import Item, Media
from mmpipe.spec.image import ImageDecode
from mmpipe.stages.image import decode

SIZE = 224
_RATIOS = (("pillow", "ours"), ("floor", "ours"))


def rows(pixels: int = 20_000_000) -> list[Row]:
    """For each kind of picture (so many pixels of it), speed as a ratio to Pillow, and how alike the pictures are."""
    cv2.setNumThreads(1)
    return [row for kind in KINDS for row in _rows(kind, max(pixels // (kind.width * kind.height), 2))]


def _rows(kind: Kind, count: int) -> list[Row]:
    pictures = jpegs(count, kind)
    stage = decode.build(ImageDecode())
    items = [Item(str(number), Media(jpeg, "jpeg")) for number, jpeg in enumerate(pictures)]
    contestants = {
        "ours": lambda: stage(items),
        "pillow": lambda: [_pillow(jpeg) for jpeg in pictures],
        "floor": lambda: [_entropy_decoded(jpeg) for jpeg in pictures],
    }
    seconds = interleaved(contestants)
    speed, share = (median_ratio(seconds[one], seconds[other]) for one, other in _RATIOS)
    ours_ms, pillow_ms, floor_ms = (1e3 * float(np.median(seconds[name])) / count for name in contestants)
    quality = float(np.mean([_psnr(outcome.payload, _pillow(jpeg)) for outcome, jpeg in zip(stage(items), pictures)]))  # type: ignore[union-attr]  # noqa: B905  # good JPEGs, no Rejected
    name = f"JPEG {kind.name} -> 224"
    return [
        Row(f"{name}, one core", f"{ours_ms:.2f} ms", f"Pillow {pillow_ms:.2f} ms", speed, kind.speed_goal),
        Row(f"{name}, share of the floor", f"{ours_ms:.2f} ms", f"entropy {floor_ms:.2f} ms", share, 0.6),
        Row(f"{name}, PSNR in dB", f"{quality:.1f} dB", "Pillow bicubic", quality, 35.0),
    ]


def _pillow(jpeg: bytes) -> NDArray[np.uint8]:
    """Open, convert, scale the short edge by antialiased bicubic, cut the middle, on the grid of torchvision."""
    picture = Image.open(io.BytesIO(jpeg)).convert("RGB")
    width, height = (SIZE * edge // min(picture.size) for edge in picture.size)
    scaled = picture.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - SIZE) // 2, (height - SIZE) // 2
    return np.asarray(scaled.crop((left, top, left + SIZE, top + SIZE)))


def _entropy_decoded(jpeg: bytes) -> NDArray[np.uint8]:
    return np.asarray(simplejpeg.decode_jpeg(jpeg, "GRAY", min_height=1, min_width=1), np.uint8)


def _psnr(ours: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> float:
    error = np.mean((ours.astype(np.float64) - theirs.astype(np.float64)) ** 2)
    return float(10 * np.log10(255**2 / error))

"""Pixels as small pictures inside the page: WebP in a ``data:`` URI, and a strip of frames as one picture.

Only pixels that were decoded by the stages come in, so what a hostile original hides never reaches a browser.
"""

from __future__ import annotations

import io
from base64 import b64encode

import numpy as np

from mmpipe.records import Pixels

_QUALITIES = (78, 50, 20, 0)
"""Of lossy WebP, tried in turn: the first shows no blocks on photographs, the last tames noise."""
_MOST_BYTES = 32_000
"""Of one picture. Photographs of a card's size take about 20,000 bytes; a page holds up to forty pictures."""


def data_uri(media_type: str, content: bytes) -> str:
    """``content`` as a URI that needs no request (RFC 2397)."""
    return f"data:{media_type};base64,{b64encode(content).decode('ascii')}"


def webp(pixels: Pixels) -> str:
    """A picture, uint8 [height, width, 3] RGB, as a ``data:`` URI of the best quality that is small enough."""
    for quality in _QUALITIES:
        content = _encoded(pixels, quality=quality)
        if len(content) <= _MOST_BYTES:
            break
    return data_uri("image/webp", content)


def exact(pixels: Pixels) -> str:
    """A picture as above, every pixel as it is: for the few whose colours mean numbers."""
    return data_uri("image/webp", _encoded(pixels, lossless=True))


def strip(frames: Pixels, edge: int) -> Pixels:
    """Frames, uint8 [count, size, size, 3], side by side at ``edge`` pixels: uint8 [edge, count * edge, 3]."""
    import cv2  # 60 ms that only a page with films pays

    small = [cv2.resize(frame, (edge, edge), interpolation=cv2.INTER_AREA) for frame in frames]
    return np.asarray(np.hstack(small), dtype=np.uint8)


def _encoded(pixels: Pixels, *, quality: int = 100, lossless: bool = False) -> bytes:
    from PIL import Image

    with io.BytesIO() as file:
        Image.fromarray(pixels).save(file, "WEBP", quality=quality, lossless=lossless)
        return file.getvalue()

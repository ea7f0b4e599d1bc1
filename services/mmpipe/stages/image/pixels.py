"""RGB of whatever Pillow has opened: palettes, transparency, CMYK, one bit, sixteen bits.

Colour profiles are not applied (nor are they by CLIP's own preprocessing): sRGB is assumed throughout.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from mmpipe.records import Pixels
from mmpipe.stages.verdicts import Refused

_GATE = "image.decode"
_WHITE = (255, 255, 255)
_PLAIN_MODES = frozenset(("1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr"))
_ALPHA_MODES = frozenset(("RGBA", "LA", "PA", "RGBa", "La"))
_SIXTEEN_BIT_STEP = 257
"""65535 / 255: sixteen bits repeat the eight (ISO/IEC 15948, 13.12)."""


def rgb(image: Image.Image) -> Pixels:
    """Pixels uint8 [H, W, 3] of a loaded image; what is transparent shows white.

    Raises :class:`Refused` for pixels without a defined white, such as floating point or 32-bit integers.
    """
    if image.mode.startswith("I;16"):
        return _from_sixteen_bits(image)
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        return _over_white(image.convert("RGBA"))
    if image.mode in _PLAIN_MODES:
        return np.asarray(image.convert("RGB"), dtype=np.uint8)
    raise Refused(_GATE, f"pixels of kind {image.mode} have no defined black and white: save it with 8 or 16 bits")


def _over_white(image: Image.Image) -> Pixels:
    ground = Image.new("RGB", image.size, _WHITE)
    ground.paste(image, mask=image)
    return np.asarray(ground, dtype=np.uint8)


def _from_sixteen_bits(image: Image.Image) -> Pixels:
    wide = np.asarray(image).astype(np.uint32)
    grey = ((wide + _SIXTEEN_BIT_STEP // 2) // _SIXTEEN_BIT_STEP).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)

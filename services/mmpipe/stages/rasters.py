"""Pillow, held to an allow-list: opens the header of one named format, loads its pixels, and says what went wrong.

The image and depth decoders use it for all but their fast paths. It goes to Pillow's format classes directly:
``Image.open`` would try every format it knows on hostile bytes, and has a pixel limit of its own, in a global, that
warns where the caps of the spec have already decided.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from struct import error as StructError  # noqa: N812 - it is a class
from types import MappingProxyType
from typing import Protocol

from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from mmpipe.records import Media
from mmpipe.stages.formats.tiff_tags import ORIENTATION, first_directory
from mmpipe.stages.verdicts import Refused, at_most

# Some classes apply that limit by themselves, to a frame or a tile. Its error is one of the faults below; its warning
# says nothing that the caps of the spec haven't decided.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

_CLASSES: Mapping[str, type[ImageFile.ImageFile]] = MappingProxyType(
    {
        "jpeg": JpegImageFile,
        "png": PngImageFile,
        "webp": WebPImageFile,
        "gif": GifImageFile,
        "bmp": BmpImageFile,
        "tiff": TiffImageFile,
    }
)

_FAULTS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    OverflowError,
    StructError,
    zlib.error,
    Image.DecompressionBombError,
    # A suspicion about metadata; an exception only where warnings are turned into errors, as in a test run.
    Warning,
)
"""What Pillow raises on broken bytes: its parsers index and unpack without looking, so many built-ins are here."""


class PixelCaps(Protocol):
    """The caps that the decode options of pictures and depth maps share."""

    @property
    def max_bytes(self) -> int:
        """Largest file, in bytes."""

    @property
    def max_pixels(self) -> int:
        """Most pixels that a header may announce."""

    @property
    def max_decompression_ratio(self) -> float:
        """Most decoded bytes per encoded byte."""


def open_header(media: Media, gate: str) -> ImageFile.ImageFile:
    """The file with only its header read. Raises :class:`Refused` (``gate``) where there is no such header."""
    with refusing(gate, f"the {media.format} header can't be read"):
        return _CLASSES[media.format](BytesIO(media.content))


@contextmanager
def refusing(gate: str, what: str) -> Iterator[None]:
    """Where Pillow fails, raise :class:`Refused` (``gate``) with ``what`` was tried and Pillow's own words."""
    try:
        yield
    except _FAULTS as fault:
        words = f"{type(fault).__name__}: {fault}"
        raise Refused(gate, f"{what} ({words}): the file is truncated or broken") from fault


def exif_orientation(image: Image.Image) -> int:
    """The orientation (1 to 8) that the Exif block of a loaded image gives, 1 without.

    Read here and not by Pillow, which warns of every oddity in the rest of the block. A TIFF has no such block:
    Pillow has turned it upright by the time it is loaded.
    """
    block: bytes = image.info.get("exif", b"")
    return first_directory(block.removeprefix(b"Exif\0\0")).get(ORIENTATION, 1)


def check_size(shape: tuple[int, int], pixel_bytes: int, encoded: int, caps: tuple[str, PixelCaps]) -> None:
    """Hold ``maxPixels`` and ``maxDecompressionRatio`` against a header, before anything is decoded.

    ``shape`` is (width, height), ``pixel_bytes`` what one decoded pixel takes, ``encoded`` the bytes of the file;
    ``caps`` the options and the name of their stage, as in ``("image.decode", options)``. Raises :class:`Refused`.
    """
    stage, options = caps
    pixels = shape[0] * shape[1]
    if pixels == 0:
        raise Refused(stage, f"the header announces {shape[0]} x {shape[1]} pixels: the file is broken")
    at_most(f"{stage}.maxPixels", pixels, options.max_pixels, "pixels are announced by the header")
    ratio = pixels * pixel_bytes / encoded
    at_most(f"{stage}.maxDecompressionRatio", ratio, options.max_decompression_ratio, "decoded bytes per encoded byte")

"""Decode: from the bytes of a picture to an upright RGB square.

The caps of the spec are held against the header before anything is decoded. JPEG goes through libjpeg-turbo, which
scales while it decodes (``jpeg``); everything else, and every JPEG that isn't plain, through Pillow
(``stages.rasters``). Whatever the bytes are, the answer is an outcome: a broken file is rejected, with the decoder's
own words.
"""

from __future__ import annotations

from functools import partial

import cv2

from mmpipe.records import Item, Media, Pixels, Stage
from mmpipe.spec.image import ImageDecode
from mmpipe.stages import rasters
from mmpipe.stages.image import jpeg, webp
from mmpipe.stages.image.fitting import extent, fitted, halvings
from mmpipe.stages.image.orientation import upright, upright_size
from mmpipe.stages.image.pixels import rgb
from mmpipe.stages.verdicts import Refused, at_most, each

_GATE = "image.decode"
_RGB_BYTES = 3
_FORMATS = ("jpeg", "png", "webp", "gif", "bmp", "tiff")


def build(options: ImageDecode) -> Stage[Media, Pixels]:
    """A stage from :class:`Media` to uint8 [size, size, 3] RGB.

    Adds the facts ``format``, ``width`` and ``height`` (of the upright original, in pixels). Rejects with the gates
    ``image.decode`` and ``image.decode.maxBytes``, ``.maxPixels``, ``.maxDecompressionRatio``.
    """
    # Runtimes run one stage on each core; OpenCV's own threads would only contend with them.
    cv2.setNumThreads(1)
    return each(partial(_decode, options=options))


def _decode(item: Item[Media], options: ImageDecode) -> Item[Pixels]:
    media = item.payload
    if media.format not in _FORMATS:
        raise Refused(_GATE, f"{media.format} is no picture format: expected one of {', '.join(_FORMATS)}")
    at_most(f"{_GATE}.maxBytes", len(media.content), options.max_bytes, "bytes are in the file")
    decode = _decode_jpeg if media.format == "jpeg" else _decode_raster
    pixels, (width, height) = decode(media, options)
    return item.becomes(pixels, format=media.format, width=width, height=height)


def _decode_jpeg(media: Media, options: ImageDecode) -> tuple[Pixels, tuple[int, int]]:
    header = jpeg.read_header(media.content)
    size = header.width, header.height
    _check(media, size, options)
    times = halvings(*size, options)
    pixels = jpeg.decode_scaled(media.content, header, times) if header.fast else None
    if pixels is None:
        return _decode_raster(media, options)
    square = fitted(pixels, extent(size, times), options)
    return upright(square, header.orientation), upright_size(*size, header.orientation)


def _decode_raster(media: Media, options: ImageDecode) -> tuple[Pixels, tuple[int, int]]:
    if media.format == "webp":
        _check(media, webp.canvas(media.content), options)
    image = rasters.open_header(media, _GATE)
    _check(media, image.size, options)
    with rasters.refusing(_GATE, f"the {media.format} doesn't decode"):
        image.load()
        pixels = rgb(image)
    orientation = rasters.exif_orientation(image)
    return upright(fitted(pixels, image.size, options), orientation), upright_size(*image.size, orientation)


def _check(media: Media, size: tuple[int, int], options: ImageDecode) -> None:
    rasters.check_size(size, _RGB_BYTES, len(media.content), (_GATE, options))

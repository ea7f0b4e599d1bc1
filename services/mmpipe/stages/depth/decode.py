"""Decode: from the bytes of a depth map to metres.

Every format first gives a :class:`~mmpipe.stages.depth.arrays.Header`; the caps of the spec are held against it, and
only then are pixels read. Whatever the bytes are, the answer is an outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import numpy as np

from mmpipe.records import Floats, Item, Media, Stage
from mmpipe.spec.depth import DepthDecode
from mmpipe.stages import rasters
from mmpipe.stages.depth import exr, npy, pfm
from mmpipe.stages.depth.arrays import Header, Numbers, metres
from mmpipe.stages.verdicts import Refused, at_most, each

_GATE = "depth.decode"
_FLOAT_BYTES = 4
_ONE_CHANNEL_MODES = frozenset(("L", "I", "I;16", "I;16B", "I;16L", "F"))


def build(options: DepthDecode) -> Stage[Media, Floats]:
    """A stage from :class:`Media` to float32 [H, W] metres, NaN where unknown.

    Adds the facts ``format``, ``width`` and ``height`` in pixels. Rejects with the gates ``depth.decode`` and
    ``depth.decode.maxBytes``, ``.maxPixels``, ``.maxDecompressionRatio``.
    """
    return each(partial(_decode, options=options))


def _decode(item: Item[Media], options: DepthDecode) -> Item[Floats]:
    media = item.payload
    at_most(f"{_GATE}.maxBytes", len(media.content), options.max_bytes, "bytes are in the file")
    header = _reader(media.format)(media)
    # Layers count as further rows: each takes as much memory as the map itself.
    shape = header.width, header.height * header.layers
    rasters.check_size(shape, _FLOAT_BYTES, len(media.content), (_GATE, options))
    pixels = metres(header.read(), options.metres_per_unit)
    return item.becomes(pixels, format=media.format, width=header.width, height=header.height)


def _reader(name: str) -> Callable[[Media], Header]:
    reader = _READERS.get(name)
    if reader is None:
        raise Refused(_GATE, f"{name} is no format of depth maps: expected one of {', '.join(_READERS)}")
    return reader


def _read_raster_header(media: Media) -> Header:
    image = rasters.open_header(media, _GATE)
    if image.mode not in _ONE_CHANNEL_MODES:
        reason = f"the {media.format} has pixels of kind {image.mode}: a depth map has one number per pixel"
        raise Refused(_GATE, reason)

    def read() -> Numbers:
        with rasters.refusing(_GATE, f"the {media.format} doesn't decode"):
            image.load()
            return np.asarray(image)

    return Header(*image.size, read)


_READERS: Mapping[str, Callable[[Media], Header]] = MappingProxyType(
    {
        "png": _read_raster_header,
        "tiff": _read_raster_header,
        "exr": exr.read_header,
        "pfm": pfm.read_header,
        "npy": npy.read_header,
    }
)

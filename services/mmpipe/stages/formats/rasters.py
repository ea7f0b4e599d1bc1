"""Picture or depth map? What PNG and TIFF headers say about their pixels.

Both formats carry either. A 16-bit grey PNG is how depth cameras and data sets (NYU, ScanNet, TUM) store depth, and a
single-channel floating-point TIFF can't be shown as a picture; both can be overruled as far as the pixels allow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mmpipe.records import Modality
from mmpipe.stages.formats.catalogue import Content, Finding
from mmpipe.stages.formats.tiff_tags import FLOAT_SAMPLES, SAMPLE_FORMAT, SAMPLES_PER_PIXEL, first_directory

_GREY = 0
"""Colour type of a PNG without colour, palette and alpha (ISO/IEC 15948, 11.2.1)."""


def png(content: Content) -> Finding:
    """16-bit grey is depth unless told otherwise, 8-bit grey a picture unless told otherwise, the rest are pictures."""
    bit_depth, colour_type = content[24:25], content[25:26]
    if colour_type != bytes([_GREY]) or bit_depth not in {b"\x08", b"\x10"}:
        return Finding("png", (Modality.IMAGE,))
    likeliest_first = (Modality.IMAGE, Modality.DEPTH) if bit_depth == b"\x08" else (Modality.DEPTH, Modality.IMAGE)
    return Finding("png", likeliest_first)


def tiff(content: Content) -> Finding:
    """One floating-point number per pixel is depth; anything else is a picture."""
    tags = first_directory(content)
    one_float = tags.get(SAMPLE_FORMAT) == FLOAT_SAMPLES and tags.get(SAMPLES_PER_PIXEL, 1) == 1
    return Finding("tiff", (Modality.DEPTH if one_float else Modality.IMAGE,))


LOOKS: Mapping[str, Callable[[Content], Finding]] = {"png": png, "tiff": tiff}
"""The further look for each ambiguous raster format."""

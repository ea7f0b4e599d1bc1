"""What some bytes are: the catalogue of formats, and how one is recognised by its content, never by its name.

``catalogue`` lists what mmpipe reads, ``signatures`` are the magic bytes; ``containers``, ``rasters`` (with
``tiff_tags``), ``mpeg_audio`` and ``prose`` (with ``encodings``) look further into what magic bytes leave open;
``recognition`` puts it all together. Input adapters call :func:`recognise`; decoders rely on its answer in
``Media.format``. Nothing here decodes a payload or imports a codec.
"""

from mmpipe.stages.formats.catalogue import CATALOGUE, Content, Format
from mmpipe.stages.formats.recognition import Recognised, recognise

__all__ = ["CATALOGUE", "Content", "Format", "Recognised", "recognise"]

"""Depth maps: from the bytes of a file to metres, NaN where unknown, and the gates they have to pass.

``decode`` is the stage and knows PNG and TIFF (through ``stages.rasters``); ``exr``, ``pfm`` and ``npy`` read the
formats of those names; ``clean`` takes out what is too near or too far, and gates.
"""

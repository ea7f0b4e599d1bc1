"""Pictures: from the bytes of a file to an upright RGB square, and the gates it has to pass.

``decode`` is the stage; ``jpeg`` is its fast path, ``webp`` reads a size, ``pixels`` makes RGB of whatever else
Pillow opens, ``orientation`` turns it upright, ``fitting`` makes it a square of the size that the models get.
``clean`` measures and gates.
"""

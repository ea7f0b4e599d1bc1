"""Models: find a package, load it, embed with it.

::

    from mmpipe.models import package
    from mmpipe.records import Modality

    tiny = package.load(package.resolve("builtin:tiny"))
    vectors = tiny.tower(Modality.TEXT)(["a red bell", "something blue"])    # float32 [2, 128], unit length

:mod:`.locating` finds packages, :mod:`.package` verifies them, :mod:`.tower` runs one modality's network,
:mod:`.preprocess` makes its inputs as :mod:`.inputs` describes them, :mod:`.tiny` is the shipped model with all it
takes to train it again. Nothing here imports a stage, an adapter or a runtime; torch is imported by the training
modules of :mod:`.tiny` alone.
"""

from mmpipe.models.errors import ModelError

__all__ = ["ModelError"]

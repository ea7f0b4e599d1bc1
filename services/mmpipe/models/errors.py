"""What can go wrong with a model package: one error, a branch of :class:`mmpipe.errors.MmpipeError`.

Every message names the thing, what was expected, what was found and the remedy. Bugs stay ordinary exceptions.
"""

from __future__ import annotations

from mmpipe.errors import MmpipeError


class ModelError(MmpipeError):
    """A model package can't be found, read, trusted or used as asked: tell the user, don't retry."""

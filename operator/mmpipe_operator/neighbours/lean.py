"""pymilvus without pandas and numpy, of which it uses nothing for us: 76 MB and half a second less (``bench/scale``).

It imports them at its top, for rows and vectors; the operator has neither. While pymilvus is imported, empty stand-ins
are there in their place, and taken away afterwards: whoever else imports pandas gets pandas. Only the operator does
this; in a process that runs a user's code, pymilvus must know the user's arrays and data frames.
"""

from __future__ import annotations

import importlib
import sys
from threading import Lock
from types import ModuleType

_STANDS_IN_FOR = ("numpy", "pandas", "pandas.api", "pandas.api.types")
_turn = Lock()


class _StandIn(ModuleType):
    """Any name is a class that nothing of anybody else's is an instance of."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {"__module__": self.__name__, "__init__": lambda *_, **__: None})


def import_pymilvus() -> None:
    """Have it imported, by any thread, before a client of Milvus is made."""
    with _turn:
        absent = [name for name in _STANDS_IN_FOR if name.partition(".")[0] not in sys.modules]
        if "pymilvus" in sys.modules:
            return
        sys.modules.update({name: _StandIn(name) for name in absent})
        try:
            importlib.import_module("pymilvus")
        finally:
            for name in absent:
                del sys.modules[name]

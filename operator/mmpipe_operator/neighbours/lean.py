"""pymilvus without pandas, of which it uses nothing for us: 65 MB and half a second less (``bench/scale``).

It imports pandas at its top, for rows in data frames; the operator has no rows. While pymilvus is imported, an empty
stand-in is there in place of pandas, and taken away afterwards: whoever else imports pandas gets pandas. Only the
operator does this; in a process that runs a user's code, pymilvus must know the user's data frames.
"""

from __future__ import annotations

import importlib
import sys
from threading import Lock
from types import ModuleType

_STANDS_IN_FOR = ("pandas", "pandas.api", "pandas.api.types")
_turn = Lock()


class _StandIn(ModuleType):
    """Any name is a class that nothing is an instance of; to call it as a function is an error."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {"__module__": self.__name__})


def import_pymilvus() -> None:
    """Have it imported, by any thread, before a client of Milvus is made."""
    with _turn:
        if "pymilvus" in sys.modules or "pandas" in sys.modules:
            return
        sys.modules.update({name: _StandIn(name) for name in _STANDS_IN_FOR})
        try:
            importlib.import_module("pymilvus")
        finally:
            for name in _STANDS_IN_FOR:
                del sys.modules[name]

"""The Kubernetes client without what its packages import besides: memory and time for parts that nobody here uses.

``kubernetes`` imports all of its parts at its top, the synchronous client among them. Packages that are there without
their top having run still find each part that is asked for, so whoever imports another part gets it.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec

_PACKAGES = ("kubernetes", "kubernetes.aio")


def keep_bare() -> None:
    """Have the packages there, empty, unless somebody has imported them."""
    for name in _PACKAGES:
        spec = find_spec(name)
        if name not in sys.modules and spec is not None:
            sys.modules[name] = module_from_spec(spec)

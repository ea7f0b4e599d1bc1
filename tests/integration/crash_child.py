"""A run that kills itself (SIGKILL) before or after its n-th step in a store: ``crash_child.py INPUT DATA N``.

Prints how many steps there were when it lives to the end (N = -1). Groups are kept small, so that there are several.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

from mmpipe.adapters.metadata import Metadata
from mmpipe.adapters.objects import Objects
from mmpipe.adapters.vectors import Vectors
from mmpipe.runtimes import local
from mmpipe.runtimes.pipeline import Pipeline

STEPS = [
    (Objects, "put"),
    (Metadata, "begin_run"),
    (Metadata, "intend"),
    (Vectors, "upsert"),
    (Vectors, "delete"),
    (Metadata, "settle"),
    (Vectors, "close"),
    (Metadata, "end_run"),
]


class Steps:
    """Counts the edges of steps and kills the process at the one it was told."""

    def __init__(self, deadly: int) -> None:
        self.deadly, self.count, self.lock = deadly, 0, Lock()

    def edge(self) -> None:
        with self.lock:
            if self.count == self.deadly:
                os.kill(os.getpid(), signal.SIGKILL)
            self.count += 1

    def around(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            self.edge()
            answer = original(*args, **kwargs)
            self.edge()
            return answer

        return stepped


def main(where: str, data: str, deadly: int) -> None:
    steps = Steps(deadly)
    for owner, name in STEPS:
        setattr(owner, name, steps.around(getattr(owner, name)))
    local.SAMPLES_PER_BATCH, local.ROWS_PER_GROUP = 2, 6
    Pipeline(data=Path(data), workers=1).run(where)
    print(steps.count)  # noqa: T201  # the parent reads it


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

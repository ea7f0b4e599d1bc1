"""``python -m e2e.cluster build|up``: build the programs, or keep a cluster until Ctrl-C (or the end of its input).

``build keda`` builds KEDA as well, which takes as long as all the others.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable

from e2e.cluster import binaries, playground, prometheus, supervisor

_USAGE = "usage: python -m e2e.cluster build [keda] | up [--until-eof [FLAGS_AS_JSON]]"


def main(arguments: list[str]) -> int:
    match arguments:
        case ["build"]:
            _build(binaries.MODULES)
        case ["build", "keda"]:
            _build((*binaries.MODULES, binaries.KEDA))
        case ["up"]:
            playground.keep()
        case ["up", "--until-eof", *flags]:
            supervisor.keep(supervisor.until_eof, json.loads("".join(flags) or "{}"))
        case _:
            sys.stderr.write(f"{_USAGE}\n")
            return 2
    return 0


def _build(modules: Iterable[binaries.Module]) -> None:
    for module in modules:
        binaries.build(module)
        sys.stdout.write(f"{module.home}\n")
    sys.stdout.write(f"{prometheus.fetch()}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

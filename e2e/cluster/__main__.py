"""``python -m e2e.cluster build|up``: build the programs, or keep a cluster until Ctrl-C (or the end of its input)."""

from __future__ import annotations

import json
import sys

from e2e.cluster import binaries, playground, supervisor

_USAGE = "usage: python -m e2e.cluster build | up [--until-eof [FLAGS_AS_JSON]]"


def main(arguments: list[str]) -> int:
    match arguments:
        case ["build"]:
            for module in binaries.MODULES:
                binaries.build(module)
                sys.stdout.write(f"{module.home}\n")
        case ["up"]:
            playground.keep()
        case ["up", "--until-eof", *flags]:
            supervisor.keep(supervisor.until_eof, json.loads("".join(flags) or "{}"))
        case _:
            sys.stderr.write(f"{_USAGE}\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

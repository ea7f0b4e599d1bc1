"""A kubectl that answers from a file and remembers what it was asked: a real program, for a test's PATH."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PROGRAM = '''#!{python} -IS
"""The answer with the most words that are all among the arguments; a forwarded port stays until it is ended."""
import json, pathlib, signal, sys

folder, said = pathlib.Path({folder!r}), sys.argv[1:]
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps(said) + "\\n")
answers = json.loads((folder / "answers").read_text())
fitting = [each for each in answers if set(each["words"]) <= set(said)]
if not fitting:
    sys.exit('error: the server doesn\\'t have a resource type "' + said[1].partition(".")[0] + '"')
answer = max(enumerate(fitting), key=lambda each: (len(each[1]["words"]), each[0]))[1]
sys.stdout.write(answer["out"])
sys.stdout.flush()
sys.stderr.write(answer["err"])
if answer["stays"]:
    signal.pause()
sys.exit(1 if answer["err"] else 0)
'''


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command printed and ended with; an expected fault counts as ``main`` counts it."""

    code: int
    out: str
    err: str


type Run = Callable[..., Ran]


class Cluster:
    """What kubectl answers, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.answers: list[dict[str, Any]] = []
        program = folder / "kubectl"
        program.write_text(_PROGRAM.format(python=sys.executable, folder=str(folder)))
        program.chmod(0o755)

    def has(self, kind: str, *objects: dict[str, Any]) -> None:
        """``kubectl get kind`` finds these, and each by its name."""
        self.answer("get", kind, out=json.dumps({"items": objects}))
        for each in objects:
            self.answer("get", kind, each["metadata"]["name"], out=json.dumps(each))

    def answer(self, *words: str, out: str = "", err: str = "", stays: bool = False) -> None:
        """What it says to a command that has these words; ``err`` makes it fail; with ``stays`` it has to be ended."""
        self.answers.append({"words": words, "out": out, "err": err, "stays": stays})
        (self.folder / "answers").write_text(json.dumps(self.answers))

    @property
    def calls(self) -> list[list[str]]:
        calls = self.folder / "calls"
        return [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []

"""Hold the sizes that keep the code readable: short functions, shallow nesting, modules of one noun.

``make check`` runs it beside ruff, which knows no share or median. It reads the syntax tree only, imports nothing of
the project, and says where each offender stands. The limits are those of CONTRIBUTING.md, "Shape".
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOTS = ("services", "operator", "tools")
GENERATED = {"v1", "externalscaler", "migrations", "versions", "__pycache__"}
"""Folders whose code is written by a generator (protobuf) or never read again (migrations)."""

MAX_BODY_LINES = 60
MAX_MODULE_LINES = 300
MAX_NESTING = 3
SHORT_BODY_LINES = 20
MIN_SHORT_SHARE = 0.90
MAX_MEDIAN_LINES = 5

type Function = ast.FunctionDef | ast.AsyncFunctionDef
_BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)


@dataclass(frozen=True, slots=True)
class Size:
    """One function: where it is, how many lines its body takes without the docstring, how deep its blocks nest."""

    place: str
    lines: int
    nesting: int


def main(roots: Sequence[str] = ROOTS) -> int:
    """Print the sizes and every offender; 1 where there is one."""
    modules = [path for root in roots for path in sources(Path(root))]
    sizes = [size for path in modules for size in functions(path)]
    offences = [*long_modules(modules), *offenders(sizes), *unbalanced(sizes)]
    print("\n".join([*offences, summary(sizes, len(modules))]))
    return 1 if offences else 0


def sources(root: Path) -> list[Path]:
    """The hand-written modules below a folder, sorted."""
    return sorted(path for path in root.rglob("*.py") if not GENERATED & set(path.parts))


def functions(path: Path) -> Iterator[Size]:
    """Every function of a module, inner ones and methods too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Size(f"{path}:{node.lineno} {node.name}", body_lines(node), nesting(node.body))


def body_lines(function: Function) -> int:
    """Lines from the first statement after the docstring to the last one, blank lines and comments included."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def nesting(statements: Iterable[ast.stmt]) -> int:
    """How many blocks stand inside each other at the deepest place. ``elif`` is no deeper than its ``if``."""
    return max((_depth(statement) for statement in statements), default=0)


def long_modules(modules: Iterable[Path]) -> Iterator[str]:
    """A sentence for each module that is too long."""
    for path in modules:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MAX_MODULE_LINES:
            yield f"{path}:1: found {lines} lines, expected at most {MAX_MODULE_LINES}; split it by its nouns"


def offenders(sizes: Iterable[Size]) -> Iterator[str]:
    """A sentence for each function that is too long or too deep."""
    for size in sizes:
        if size.lines > MAX_BODY_LINES:
            yield f"{size.place}: found a body of {size.lines} lines, expected at most {MAX_BODY_LINES}; name its parts"
        if size.nesting > MAX_NESTING:
            found = f"found {size.nesting} levels of nesting"
            yield f"{size.place}: {found}, expected at most {MAX_NESTING}; name its parts"


def unbalanced(sizes: Sequence[Size]) -> Iterator[str]:
    """A sentence for each property of the whole that does not hold."""
    if not sizes:
        return
    if short_share(sizes) < MIN_SHORT_SHARE:
        wanted = f"expected at least {MIN_SHORT_SHARE:.0%}; shorten those above"
        longest = sorted(sizes, key=lambda size: -size.lines)[:10]
        yield from (f"{size.place}: {size.lines} lines" for size in longest)
        yield f"all: found {short_share(sizes):.1%} of bodies under {SHORT_BODY_LINES} lines, {wanted}"
    if median(sizes) > MAX_MEDIAN_LINES:
        wanted = f"expected at most {MAX_MEDIAN_LINES}; name more parts"
        yield f"all: found a median body of {median(sizes):g} lines, {wanted}"


def summary(sizes: Sequence[Size], modules: int) -> str:
    """The sizes of the whole in one line."""
    if not sizes:
        return f"{modules} modules without a function"
    return (
        f"{modules} modules, {len(sizes)} functions: median body {median(sizes):g} lines, "
        f"{short_share(sizes):.1%} under {SHORT_BODY_LINES}, longest {max(size.lines for size in sizes)}"
    )


def median(sizes: Sequence[Size]) -> float:
    """The median body, in lines."""
    return statistics.median(size.lines for size in sizes)


def short_share(sizes: Sequence[Size]) -> float:
    """Share of bodies under :data:`SHORT_BODY_LINES`, in [0, 1]."""
    return sum(size.lines < SHORT_BODY_LINES for size in sizes) / len(sizes)


def _depth(statement: ast.stmt) -> int:
    """Nesting at one statement. What a function or class inside holds is that function's own."""
    if not isinstance(statement, _BLOCKS):
        return 0
    if isinstance(statement, ast.If) and len(statement.orelse) == 1 and isinstance(statement.orelse[0], ast.If):
        return max(1 + nesting(statement.body), _depth(statement.orelse[0]))
    return 1 + nesting(_inside(statement))


def _inside(block: ast.AST) -> Iterator[ast.stmt]:
    for child in ast.iter_child_nodes(block):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, ast.ExceptHandler | ast.match_case):
            yield from child.body


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ROOTS))

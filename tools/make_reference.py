"""Write the reference pages from the code they describe, or say how they differ from it (``--check``).

The spec's page and schema come from ``mmpipe.spec``, the command line's page from its typer app, the page of metrics
and spans from ``mmpipe.telemetry.catalogue``, that of conditions from ``mmpipe_operator.status``: a thing is described
once, where it is defined. Nothing here adds a word about a field, an option or a metric.
"""

from __future__ import annotations

import difflib
import inspect
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from crd_reference import crd_page
from mmpipe.cli import main as cli
from mmpipe.spec import explain, schema
from mmpipe.spec.explain import BlockExplained, FieldExplained
from mmpipe.telemetry.catalogue import METRICS, SPANS, Attribute, Metric, Span
from mmpipe_operator.status import CONDITIONS, REASONS

if TYPE_CHECKING:
    from typer._click.core import Command, Context  # typer gives its commands no public type

FOLDER = Path("docs/reference")
type Places = dict[BlockExplained, str]
"""Where a block stands first, by what it says."""

_NOTE = "<!-- Written by tools/make_reference.py from the code: run `make docs`, don't edit. -->"


def main(arguments: list[str]) -> int:
    """Write the pages; with ``--check`` only compare, and end with 1 where they differ."""
    return write_or_compare(reference(), arguments, "pages")


def write_or_compare(files: Mapping[Path, str], arguments: Sequence[str], what: str) -> int:
    """The exit status of a tool that generates ``files``, which are called ``what``: see ``main``."""
    if "--check" not in arguments:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return 0
    differences = [line for path, text in files.items() for line in drift(path, text)]
    print("\n".join(differences or [f"{len(files)} generated {what} are as the code has them"]))
    return 1 if differences else 0


def reference() -> dict[Path, str]:
    """Every generated page by its path."""
    return {
        FOLDER / "spec.md": "\n".join(spec_page()),
        FOLDER / "spec.schema.json": json.dumps(schema(), indent=2) + "\n",
        FOLDER / "cli.md": "\n".join(cli_page()),
        FOLDER / "telemetry.md": "\n".join(telemetry_page()),
        FOLDER / "crd.md": "\n".join(crd_page(_NOTE)),
        FOLDER / "conditions.md": "\n".join(conditions_page()),
    }


def drift(path: Path, expected: str) -> list[str]:
    """How a page on disk differs from the code, with the remedy; nothing where it does not."""
    found = path.read_text(encoding="utf-8") if path.exists() else ""
    if found == expected:
        return []
    changes = difflib.unified_diff(found.splitlines(), expected.splitlines(), str(path), "the code", lineterm="", n=1)
    return [*changes, f"{path}: found a page that differs from the code, expected what it generates; run make docs"]


def spec_page() -> Iterator[str]:
    """The page of the spec: the object first, then every block below it in the order of the model."""
    yield from ("# MultimodalPipeline", "", _NOTE, "")
    yield "Generated from the typed model, as is [the JSON Schema](spec.schema.json)."
    yield "`mmpipe spec explain PATH` prints one block."
    yield "A block that stands in several places is described at the first."
    yield from ("", "*Acts* is empty where a field acts on one machine. A field that does not act yet is refused.", "")
    places: Places = {}
    shown = list(blocks(places))
    for block in shown:
        yield from _block(block, places)


def blocks(places: Places, path: str = "", acts: str = "") -> Iterator[BlockExplained]:
    """The block at a path and every block below it, which acts where its owner does; one like another only once."""
    block = _acting(explain(path), acts)
    if places.setdefault(replace(block, path=""), path) != path:
        return
    yield block
    for field in block.fields:
        if field.is_block:
            yield from blocks(places, f"{block.path}.{field.name}".removeprefix("."), field.acts)


def _acting(block: BlockExplained, acts: str) -> BlockExplained:
    return replace(block, fields=tuple(replace(field, acts=field.acts or acts) for field in block.fields))


def cli_page() -> Iterator[str]:
    """The page of the command line: what the process ends with, then every command."""
    yield from ("# The mmpipe command", "", _NOTE, "", inspect.getdoc(cli) or "", "")
    yield from _command(typer.main.get_command(cli.app), "mmpipe")


def telemetry_page() -> Iterator[str]:
    """The page of telemetry: every metric, then every span, in the order of the catalogue."""
    yield from ("# Metrics and spans", "", _NOTE, "")
    yield "Generated from `mmpipe.telemetry.catalogue`; [Telemetry](../telemetry.md) says how to get and read them."
    yield from ("", "## Metrics", "")
    yield from ("| Metric | Prometheus | Kind | Unit | Meaning | Attributes |", "|---|---|---|---|---|---|")
    yield from (_metric(metric) for metric in METRICS.values())
    yield from ("", "## Spans", "", "| Span | Kind | Meaning | Parent | Attributes |", "|---|---|---|---|---|")
    yield from (_span(span) for span in SPANS.values())
    yield ""


def conditions_page() -> Iterator[str]:
    """The page of conditions: every one in the order of a status, then every reason by its name."""
    yield from ("# Conditions of a pipeline", "", _NOTE, "")
    yield "Every pipeline has every condition from the first look on. `kubectl wait` and `helm install --wait` go by"
    yield "Ready, Reconciling and Stalled; [ADR 26](../decisions/0026-ready.md) says why they are as they are."
    yield from ("", "## Conditions", "", "| Condition | While all is well | Meaning |", "|---|---|---|")
    yield from (f"| `{each.name}` | {each.good} | {each.meaning} |" for each in CONDITIONS.values())
    yield from ("", "## Reasons", "", "| Reason | Meaning | Remedy |", "|---|---|---|")
    yield from (f"| `{each.name}` | {each.meaning} | {each.remedy} |" for _, each in sorted(REASONS.items()))
    yield ""


def _metric(metric: Metric) -> str:
    name = f"`{metric.name}` | `{metric.prometheus}`"
    return f"| {name} | {metric.kind} | `{metric.unit}` | {metric.description} | {_attributes(metric.attributes)} |"


def _span(span: Span) -> str:
    name = f"`{span.name}`, titled by `{span.titled_by}`" if span.titled_by else f"`{span.name}`"
    return f"| {name} | {span.kind} | {span.description} | {span.parent} | {_attributes(span.attributes)} |"


def _attributes(attributes: Iterable[Attribute]) -> str:
    return "<br>".join(_attribute(each) for each in attributes)


def _attribute(attribute: Attribute) -> str:
    values = f" ({', '.join(attribute.values)})" if attribute.values else ""
    return f"`{attribute.key}`{' (optional)' if attribute.optional else ''}: {attribute.meaning}{values}"


def _block(block: BlockExplained, places: Places) -> Iterator[str]:
    yield from (f"## `{block.path or 'MultimodalPipeline'}`", "", _one_line(block.description), "")
    yield from ("| Field | Type | Default | Meaning | Acts |", "|---|---|---|---|---|")
    yield from (_field(field, block.path, places) for field in block.fields)
    yield ""


def _field(field: FieldExplained, path: str, places: Places) -> str:
    default = f"`{field.default}`" if field.default not in {"", "required"} else field.default
    kind = f"[{field.type}](#{_anchor(path, field, places)})" if field.is_block else _cell(field.type)
    return f"| `{field.name}` | {kind} | {default} | {_one_line(field.description)} | {field.acts} |"


def _anchor(path: str, field: FieldExplained, places: Places) -> str:
    """The anchor of the heading of a block, or of the first one like it: lower case, without dots."""
    block = _acting(explain(f"{path}.{field.name}".removeprefix(".")), field.acts)
    return places[replace(block, path="")].replace(".", "").lower()


def _command(command: Command, name: str) -> Iterator[str]:
    """One command and those below it."""
    context = command.make_context(name, [], resilient_parsing=True)
    yield from (f"## `{name}`", "", inspect.cleandoc(command.help or ""), "", "```text")
    yield " ".join([name, *command.collect_usage_pieces(context)])
    yield from ("```", "")
    yield from _parameters(command, context)
    for inner in getattr(command, "commands", {}).values():
        yield from _command(inner, f"{name} {inner.name}")


def _parameters(command: Command, context: Context) -> Iterator[str]:
    records = [record for parameter in command.get_params(context) if (record := parameter.get_help_record(context))]
    if records:
        yield from ("| Argument or option | Meaning |", "|---|---|")
        yield from (f"| `{_cell(usage)}` | {_cell(meaning)} |" for usage, meaning in records)
        yield ""


def _cell(text: str) -> str:
    return _one_line(text).replace("|", "\\|")


def _one_line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

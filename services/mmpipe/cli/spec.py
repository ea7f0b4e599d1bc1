"""``mmpipe spec``: check a file, print the schema, explain a field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mmpipe.spec import MultimodalPipeline
    from mmpipe.spec.explain import BlockExplained

app = typer.Typer(help="Check, explain and print the MultimodalPipeline spec.", no_args_is_help=True)


@app.command()
def check(file: Annotated[Path, typer.Argument(help="YAML or JSON file with one MultimodalPipeline.")]) -> None:
    """Check a spec: every problem with its path, what was found, what is expected, and the remedy."""
    pipeline = read(file)
    names = ", ".join(modality.name for modality in pipeline.spec.modalities)
    typer.echo(f"{file}: pipeline {pipeline.metadata.name} is valid ({names})")


@app.command()
def schema() -> None:
    """Print the JSON Schema of the object."""
    from mmpipe.spec import schema as json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


@app.command()
def explain(
    path: Annotated[str, typer.Argument(help="Dotted path, such as modalities.image.clean.")] = "",
) -> None:
    """Explain a block or a field of the spec."""
    from mmpipe.spec import explain as explained

    typer.echo(render(explained(path)))


def read(file: Path) -> MultimodalPipeline:
    """The object in a file, when all of it acts in this release. Says on stderr what has no effect on one machine."""
    from mmpipe import spec

    pipeline = read_for_services(file)
    for setting in spec.without_effect(pipeline):
        typer.echo(f"{file}: {setting} has no effect on mmpipe run; it is for services", err=True)
    return pipeline


def read_for_services(file: Path) -> MultimodalPipeline:
    """The object in a file, when all of it acts in this release, for a process that may run under Kubernetes."""
    from mmpipe import spec

    pipeline = spec.load(file)
    if problems := spec.refused(pipeline):
        raise spec.SpecError(problems, str(file))
    return pipeline


def render(block: BlockExplained) -> str:
    """A block as text: its path, what it is, and a paragraph for each field."""
    lines = [block.path or "MultimodalPipeline", f"  {block.description}", ""]
    for field in block.fields:
        default = f", default {field.default}" if field.default not in {"", "required"} else ""
        required = ", required" if field.default == "required" else ""
        lines += [f"  {field.name}  ({field.type}{default}{required})", *_indented(field.description)]
        lines += _indented(f"[{field.acts}]") if field.acts else []
    return "\n".join(lines)


def _indented(text: str) -> list[str]:
    return [f"      {line}" for line in text.splitlines()]

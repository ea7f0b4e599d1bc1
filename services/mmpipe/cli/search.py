"""``mmpipe search``: a text, files of any modality, or both find the nearest samples of any modality."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmpipe.cli.options import Data, Json, Name


def search(
    text: Annotated[str, typer.Argument(help="What to look for, in words.")] = "",
    *,
    image: Annotated[Path | None, typer.Option(help="Find what is like this image.")] = None,
    audio: Annotated[Path | None, typer.Option(help="Find what is like this recording.")] = None,
    video: Annotated[Path | None, typer.Option(help="Find what is like this film.")] = None,
    depth: Annotated[Path | None, typer.Option(help="Find what is like this depth map.")] = None,
    modality: Annotated[
        list[str] | None,
        typer.Option(help="Rows that may answer: text, image, audio, video, depth or fused. May be given again."),
    ] = None,
    where: Annotated[str, typer.Option(help="Milvus filter expression, such as 'attributes[\"year\"] > 2020'.")] = "",
    top: Annotated[int, typer.Option(min=1, max=1000, help="Most hits.")] = 10,
    html: Annotated[Path | None, typer.Option(help="Write a self-contained page with previews to this file.")] = None,
    data: Data = Path("mmpipe-data"),
    pipeline: Name = None,
    as_json: Json = False,
) -> None:
    """Search the stored samples: by text, by files, or by both together, across modalities."""
    files = {"image": image, "audio": audio, "video": video, "depth": depth}
    query = {name: path for name, path in files.items() if path is not None}
    from mmpipe.cli import table
    from mmpipe.runtimes import home
    from mmpipe.runtimes.pipeline import Pipeline

    searched = Pipeline(home.stored_pipeline(data, pipeline), data=data)
    hits = searched.search(text, top=top, where=where, into=modality or (), **query)
    typer.echo(table.as_json(hits) if as_json else table.render(hits), nl=False)
    if html is not None:
        from mmpipe.cli import gathering, page

        title = f"mmpipe: {searched.pipeline.metadata.name}"
        answer = page.render(
            gathering.asked(text, query), gathering.shown(searched, hits), title=title, spec=searched.spec
        )
        html.write_text(answer, encoding="utf-8")
        typer.echo(f"wrote {html}", err=True)

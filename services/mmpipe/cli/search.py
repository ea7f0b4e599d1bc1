"""``mmpipe search``: a text, files of any modality, or both find the nearest samples of any modality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from mmpipe.cli.options import TOKEN_ENV, Data, GatewayAddress, Json, Name, TokenEnv

if TYPE_CHECKING:
    from mmpipe import client
    from mmpipe.client.samples import QueryMedia
    from mmpipe.runtimes.pipeline import Pipeline
    from mmpipe.runtimes.search import Hit


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
    gateway: GatewayAddress = None,
    token_env: TokenEnv = TOKEN_ENV,
    as_json: Json = False,
) -> None:
    """Search the stored samples: by text, by files, or by both together, across modalities.

    With --gateway the pipeline behind it answers; without, the stores of the data folder do.
    """
    if gateway and html is not None:
        raise typer.BadParameter(
            "found --html with --gateway; expected one of the two: the page needs the stores at hand"
        )
    media = {"image": image, "audio": audio, "video": video, "depth": depth}
    query = _Query(text, {name: path for name, path in media.items() if path is not None}, top, where, modality or [])
    if gateway:
        _show(_ask(gateway, token_env, query), as_json=as_json)
        return
    from mmpipe.runtimes import home
    from mmpipe.runtimes.pipeline import Pipeline

    searched = Pipeline(home.stored_pipeline(data, pipeline), data=data)
    hits = searched.search(text, top=top, where=where, into=query.into, **query.media)
    _show(hits, as_json=as_json)
    if html is not None:
        _write_page(html, searched, query, hits)


@dataclass(frozen=True, slots=True)
class _Query:
    """What is asked for, wherever it is answered."""

    text: str
    media: Mapping[str, Path]
    top: int
    where: str
    into: Sequence[str]


def _ask(gateway: str, token_env: str, query: _Query) -> Sequence[client.Hit]:
    from mmpipe.cli.connection import connect

    with connect(gateway, token_env) as connected:
        media = cast("QueryMedia", query.media)
        return connected.search(query.text, top=query.top, where=query.where, into=query.into, **media).hits


def _show(hits: Sequence[Hit | client.Hit], *, as_json: bool) -> None:
    from mmpipe.cli import table

    typer.echo(table.as_json(hits) if as_json else table.render(hits), nl=False)


def _write_page(html: Path, searched: Pipeline, query: _Query, hits: Sequence[Hit]) -> None:
    from mmpipe.cli import gathering, page

    title = f"mmpipe: {searched.pipeline.metadata.name}"
    asked, shown = gathering.asked(query.text, query.media), gathering.shown(searched, hits)
    html.write_text(page.render(asked, shown, title=title, spec=searched.spec), encoding="utf-8")
    typer.echo(f"wrote {html}", err=True)

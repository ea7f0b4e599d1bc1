"""The page itself: previews of all parts side by side, then one template, and a policy that forbids everything else.

The file holds all it shows. Its Content-Security-Policy allows ``data:`` media and this very style sheet, by its hash:
no script, no request, no inline style, whatever text the samples bring.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import sha256
from importlib.resources import files
from itertools import islice
from typing import TYPE_CHECKING

from mmpipe.cli.page import waveform
from mmpipe.cli.page.cards import Card, Figure, card, figure, matched_segment
from mmpipe.cli.page.previews import Preview, preview
from mmpipe.cli.page.shown import Query, Shown, ShownPart
from mmpipe.records import Segment
from mmpipe.spec import PipelineSpec

if TYPE_CHECKING:
    from jinja2 import Template

type _Wanted = tuple[ShownPart, Segment | None]


def render(query: Query, hits: Sequence[Shown], *, title: str, spec: PipelineSpec | None = None) -> str:
    """One self-contained HTML file that answers ``query`` with ``hits``, best first.

    ``spec`` is the pipeline's own, so that previews are decoded as it decodes (a depth map's metres per unit, the field
    of a JSON text); its defaults where None. The text encodes as UTF-8 whatever the samples hold, and the same input
    gives the same page.
    """
    wanted: list[_Wanted] = [(part, None) for part in query.parts]
    wanted += [(part, matched_segment(shown.hit, part)) for shown in hits for part in shown.parts]
    previews = iter(_previews(wanted, spec or PipelineSpec()))
    # The parts end the zip, not the previews: those of the hits are still to come.
    asked = [figure(part, drawn, "the query") for part, drawn in zip(query.parts, previews, strict=False)]
    cards = [card(rank, shown, list(islice(previews, len(shown.parts)))) for rank, shown in enumerate(hits, 1)]
    return _page(title, query.text, asked, cards)


def _previews(wanted: Sequence[_Wanted], spec: PipelineSpec) -> list[Preview]:
    """In order. Decoders and encoders let go of the interpreter lock, so threads keep every core busy."""
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        return list(pool.map(lambda one: preview(one[0], spec, one[1]), wanted))


def _page(title: str, text: str, asked: Sequence[Figure], cards: Sequence[Card]) -> str:
    style = _resource("page.css")
    page = _template().render(
        title=title,
        text=text,
        asked=asked,
        cards=cards,
        style=style,
        style_hash=b64encode(sha256(style.encode()).digest()).decode(),
    )
    # File names that are not UTF-8 come as lone surrogates (PEP 383), which no encoder takes.
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


@cache
def _template() -> Template:
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # 50 ms that only a page pays

    environment = Environment(
        loader=FunctionLoader(_resource),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(wave_width=waveform.WIDTH, wave_height=waveform.HEIGHT)
    return environment.get_template("page.html.j2")


def _resource(name: str) -> str:
    return files("mmpipe.cli.page").joinpath(name).read_text("utf-8")

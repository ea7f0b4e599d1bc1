"""What each card says: a hit as the strings and figures that the template sets, so that the template decides nothing.

All strings are plain text and hostile; the template escapes them. Links lead to local originals only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from mmpipe.cli.clock import span
from mmpipe.cli.page.previews import Preview
from mmpipe.cli.page.shown import Shown, ShownPart
from mmpipe.records import Modality, Segment
from mmpipe.runtimes.search import Hit

_MOST_ROWS = 24
_MOST_CHARACTERS = 240
_TIMED = {Modality.AUDIO, Modality.VIDEO}
_NAMES: Mapping[str, str] = {
    Modality.TEXT: "text",
    Modality.IMAGE: "image",
    Modality.AUDIO: "audio",
    Modality.VIDEO: "video",
    Modality.DEPTH: "depth map",
}
_ORDER = [Modality.IMAGE, Modality.VIDEO, Modality.DEPTH, Modality.AUDIO, Modality.TEXT]
"""Pictures first: the eye finds a hit by them."""

type Rows = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One part on a card. ``href`` is "" where the original is no local file; ``matched``: the hit is about this."""

    modality: str
    name: str
    file: str
    href: str
    alt: str
    matched: bool
    facts: Rows
    preview: Preview


@dataclass(frozen=True, slots=True)
class Card:
    """One hit. ``bar`` is the score in percent of a perfect one, at least 0."""

    rank: int
    score: str
    bar: str
    sample_id: str
    matched_by: str
    uri: str
    href: str
    segment: str
    attributes: Rows
    fusion: Rows
    figures: Sequence[Figure]


def card(rank: int, shown: Shown, previews: Sequence[Preview]) -> Card:
    """The card of one hit; ``previews`` belong to ``shown.parts`` in their order."""
    hit = shown.hit
    figures = [
        figure(part, preview, f"sample {hit.sample_id}", matched_segment(hit, part), matched=is_match(hit, part))
        for part, preview in zip(shown.parts, previews, strict=True)
    ]
    return Card(
        rank=rank,
        score=f"{hit.score:.3f}",
        bar=f"{min(max(hit.score, 0.0), 1.0):.1%}",
        sample_id=hit.sample_id,
        matched_by="all parts together" if hit.modality == "fused" else f"its {_name(hit.modality)}",
        uri=hit.uri,
        href=_href(hit.uri, hit.segment),
        segment=span(hit.segment) if hit.segment else "",
        attributes=rows(hit.attributes),
        fusion=_fusion(shown),
        figures=sorted(figures, key=lambda drawn: (not drawn.matched, _ORDER.index(Modality(drawn.modality)))),
    )


def figure(
    part: ShownPart, preview: Preview, owner: str, segment: Segment | None = None, *, matched: bool = False
) -> Figure:
    """One part as it stands on a card or under the query; ``owner`` completes its description for who cannot see it."""
    name = _NAMES[part.modality]
    return Figure(
        modality=part.modality,
        name=name,
        file=unquote(part.uri.rsplit("/", 1)[-1]) or part.uri,
        href=_href(part.uri, segment if part.modality in _TIMED else None),
        alt=f"{name} of {owner}",
        matched=matched,
        facts=rows({name: value for name, value in part.facts.items() if value is not None}),
        preview=preview,
    )


def is_match(hit: Hit, part: ShownPart) -> bool:
    """Whether the hit's row was made of ``part``. The sound track of a film is an audio row with the film's URI."""
    return hit.modality != "fused" and hit.uri == part.uri


def matched_segment(hit: Hit, part: ShownPart) -> Segment | None:
    """The stretch of ``part`` that the hit is about, None where it is about another part or about the whole."""
    return hit.segment if is_match(hit, part) else None


def rows(values: Mapping[str, object]) -> Rows:
    """Names and values as text; what is too long for a card is shortened, and what is too much is counted."""
    shown = [(_shortened(str(name)), _shortened(_value(value))) for name, value in list(values.items())[:_MOST_ROWS]]
    rest = len(values) - len(shown)
    return [*shown, *([("\N{HORIZONTAL ELLIPSIS}", f"and {rest} more")] if rest else [])]


def _fusion(shown: Shown) -> Rows:
    weights = ", ".join(f"{_name(name)}\N{NO-BREAK SPACE}{weight:.0%}" for name, weight in shown.weights.items())
    fused = [("fused from", weights)] if weights else []
    if shown.alignment_confidence is None:
        return fused
    return [*fused, ("alignment", f"{shown.alignment_confidence:.2f}")]


def _name(modality: str) -> str:
    return _NAMES.get(modality, modality)


def _href(uri: str, segment: Segment | None) -> str:
    """A link to a local original, opened at its segment (W3C Media Fragments); no other scheme is ever linked."""
    if not uri.lower().startswith("file:///"):
        return ""
    return uri if segment is None else f"{uri}#t={segment.start_s:g},{segment.end_s:g}"


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + "\N{HORIZONTAL ELLIPSIS}"

import io
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmpipe.cli.page import Query, Shown, ShownPart, render
from mmpipe.records import Floats, Modality, Segment
from mmpipe.runtimes.search import Hit

type Media = dict[Modality, ShownPart]
type Read = Callable[[str], Any]

SCRIPT = "<script>alert(1)<img src=x onerror=alert(1)>"
HOSTILE = f"\"'>{SCRIPT}{{{{ 7*7 }}}}&amp;\x00"


def _shown(media: Media, *modalities: Modality, **changes: Any) -> Shown:  # noqa: ANN401  # fields of a hit
    parts = [media[modality] for modality in modalities]
    uri = parts[0].uri if parts else "file:///none"
    hit = Hit(0.912, "photos/a", str(parts[0].modality) if parts else "fused", uri, None, {"year": 2024})
    return Shown(replace(hit, **changes), parts)


def _page(*hits: Shown, query: Query | None = None) -> str:
    return render(query or Query("a red bell"), hits, title="mmpipe search")


def test_a_page_is_well_formed_and_its_ids_are_unique(media: Media, read_page: Read) -> None:
    page = read_page(_page(_shown(media, *Modality), _shown(media, *Modality)))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids)) == 2
    assert len(page.all("article")) == 2


def test_a_page_has_everything_a_hit_says(media: Media, read_page: Read) -> None:
    shown = replace(
        _shown(media, Modality.AUDIO, Modality.TEXT, segment=Segment(0.0, 1.0)),
        weights={"audio": 0.7, "text": 0.3},
        alignment_confidence=0.8,
    )
    text = read_page(_page(shown)).text
    for said in (
        "a red bell",
        "1 sample, nearest first",
        "0.912",
        "photos/a",
        "Matched by its audio at 0:00\u20130:01",
        "year 2024",
        "audio 70%, text 30%",
        "alignment 0.80",
        "file:///photos/a.audio.wav",
        "A red bell & a blue drum.",
        "bytes 32044",
    ):
        assert said in text, said


def test_every_modality_has_its_preview(media: Media, read_page: Read) -> None:
    page = read_page(_page(_shown(media, *Modality)))
    kinds = {attributes["class"].split()[1] for attributes in page.all("figure")}
    assert kinds == {"excerpt", "picture", "sound", "film", "depth_map"}
    assert (len(page.all("audio")), len(page.all("video")), len(page.all("blockquote"))) == (1, 1, 1)


def test_nothing_is_loaded_from_anywhere(media: Media, read_page: Read) -> None:
    page = read_page(_page(_shown(media, *Modality, uri="https://example.org/a.jpg")))
    loaded = [
        value
        for tag, attributes in page.elements
        for name, value in attributes.items()
        if name in {"src", "srcset", "poster", "data", "action", "background"} or (name == "href" and tag != "a")
    ]
    assert len(loaded) >= 8
    assert all(value.startswith("data:") for value in loaded)
    assert not {"script", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in page.elements}
    assert not re.search(r"url\(|@import", page.style)


def test_the_policy_allows_data_and_this_style_sheet_only(media: Media, read_page: Read) -> None:
    page = read_page(_page(_shown(media, Modality.IMAGE)))
    (policy,) = [
        attributes["content"]
        for attributes in page.all("meta")
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    style_hash = b64encode(sha256(page.style.encode()).digest()).decode()
    assert policy.split("; ") == [
        "default-src 'none'",
        "img-src data:",
        "media-src data:",
        f"style-src 'sha256-{style_hash}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def test_no_element_has_a_handler_or_a_style_of_its_own(media: Media, read_page: Read) -> None:
    page = read_page(_page(_shown(media, *Modality)))
    names = {name for _, attributes in page.elements for name in attributes}
    assert not [name for name in names if name.startswith("on") or name == "style"]


def test_hostile_words_stay_words_wherever_they_come_from(media: Media, read_page: Read) -> None:
    harmless, hostile = read_page(_page_of(media, "words")), read_page(_page_of(media, HOSTILE))
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in harmless.elements]
    assert [set(attributes) for _, attributes in hostile.elements] == [set(own) for _, own in harmless.elements]
    assert hostile.text.count(SCRIPT) == harmless.text.count("words") > 20


def _page_of(media: Media, words: str) -> str:
    """A page that says ``words`` in every place where a sample or a person can say something."""
    parts = [replace(part, uri=f"file:///{words}", facts={words: words}) for part in media.values()]
    parts.append(ShownPart(Modality.TEXT, "txt", words.replace("\x00", "").encode(), words))
    parts.append(ShownPart(Modality.IMAGE, words, b"no picture", words))
    hit = Hit(0.5, words, words, f"file:///{words}", None, {words: words, "list": [words]})
    return render(Query(words, parts[:1]), [Shown(hit, parts, weights={words: 1.0})], title=words)


def test_a_script_is_never_a_link(media: Media, read_page: Read) -> None:
    page = read_page(_page(_shown(media, Modality.IMAGE, uri="javascript:alert(1)")))
    assert all(attributes["href"].startswith("file:///") for attributes in page.all("a"))
    assert "javascript:alert(1)" in page.text


def test_a_name_that_is_not_utf_8_does_not_break_the_file(media: Media) -> None:
    html = _page(_shown(media, Modality.TEXT, sample_id="photo-\udcff"))
    assert "photo-\\udcff" in html.encode("utf-8").decode("utf-8")


def test_a_part_that_does_not_decode_leaves_the_others_alone(media: Media, read_page: Read) -> None:
    broken = replace(media[Modality.IMAGE], content=b"\xff\xd8\xff")
    page = read_page(_page(Shown(_shown(media).hit, [broken, media[Modality.AUDIO]])))
    kinds = [attributes["class"] for attributes in page.all("figure")]
    assert kinds == ["part absent", "part sound"]


def test_a_missing_original_is_said(media: Media, read_page: Read) -> None:
    page = read_page(_page(Shown(_shown(media).hit, [replace(media[Modality.VIDEO], content=None)])))
    assert "The original is not at hand" in page.text


def test_a_sample_without_parts_is_said(media: Media, read_page: Read) -> None:
    assert "Nothing of this sample is at hand to show." in read_page(_page(_shown(media))).text


def test_no_hit_is_an_answer_with_a_remedy(read_page: Read) -> None:
    assert "No stored sample answers this query. Loosen its filter" in read_page(_page()).text


def test_the_files_of_a_query_are_shown_in_its_place(media: Media, read_page: Read) -> None:
    query = Query(parts=[media[Modality.IMAGE], media[Modality.AUDIO]])
    page = read_page(_page(_shown(media, Modality.TEXT), query=query))
    assert "Like this image and this audio" in page.text
    assert [attributes["class"] for attributes in page.all("figure")] == [
        "part picture",
        "part sound",
        "part excerpt matched",
    ]


def test_whoever_cannot_see_or_hear_is_told_what_is_there(media: Media, read_page: Read) -> None:
    page = read_page(_page(_shown(media, *Modality)))
    assert all(attributes["alt"] for attributes in page.all("img"))
    assert all(attributes["aria-label"] for tag in ("audio", "video") for attributes in page.all(tag))
    assert all(attributes.get("aria-label") or attributes.get("aria-hidden") for attributes in page.all("svg"))


def test_light_and_dark_both_have_their_colours(media: Media, read_page: Read) -> None:
    page = read_page(_page(_shown(media, Modality.TEXT)))
    light, dark = page.style.split("@media (prefers-color-scheme: dark)")
    colours = [dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", sheet)) for sheet in (light, dark)]
    for scheme in colours:
        for name in ("ink", "soft", "accent"):
            assert _contrast(scheme[name], scheme["paper"]) >= 4.5, name
            assert _contrast(scheme[name], scheme["plate"]) >= 4.5, name


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio; 4.5 is level AA."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def test_the_same_hits_give_the_same_page(media: Media) -> None:
    assert _page(_shown(media, *Modality)) == _page(_shown(media, *Modality))


def test_ten_hits_of_noise_in_every_modality_would_stay_under_five_megabytes(
    media: Media, wav: Callable[[Floats], bytes], mp4: Callable[..., bytes]
) -> None:
    rng = np.random.default_rng(0)
    noise = {
        Modality.IMAGE: _png(rng.integers(0, 256, (384, 384, 3), dtype=np.uint8)),
        Modality.DEPTH: _png(rng.integers(1, 5_000, (384, 384), dtype=np.uint16)),
        Modality.AUDIO: wav(rng.normal(0, 0.2, 40 * 16_000).astype(np.float32)),
        Modality.VIDEO: mp4(rng.integers(0, 256, (40, 128, 128, 3), dtype=np.uint8), 4),
        Modality.TEXT: b"word " * 10_000,
    }
    formats = {Modality.IMAGE: "png"}
    parts = [
        replace(media[modality], content=content, format=formats.get(modality, media[modality].format))
        for modality, content in noise.items()
    ]
    empty = len(_page(_shown(media)))
    assert (len(_page(Shown(_shown(media).hit, parts))) - empty) * 10 < 5_000_000


def _png(pixels: NDArray[np.generic]) -> bytes:
    with io.BytesIO() as file:
        Image.fromarray(pixels).save(file, "PNG")
        return file.getvalue()

from mmpipe.cli.page import Shown, ShownPart
from mmpipe.cli.page.cards import Card, card, rows
from mmpipe.cli.page.previews import Absent
from mmpipe.records import Modality, Segment
from mmpipe.runtimes.search import Hit


def _hit(
    modality: str = "image", uri: str = "file:///a.jpg", segment: Segment | None = None, score: float = 0.5
) -> Hit:
    return Hit(score, "a", modality, uri, segment, {})


def _part(modality: Modality, uri: str) -> ShownPart:
    return ShownPart(modality, "any", None, uri)


def _card(hit: Hit, *parts: ShownPart) -> Card:
    return card(1, Shown(hit, parts), [Absent("-")] * len(parts))


def test_the_matched_part_comes_first_then_pictures() -> None:
    parts = [
        _part(Modality.TEXT, "t"),
        _part(Modality.DEPTH, "d"),
        _part(Modality.IMAGE, "i"),
        _part(Modality.AUDIO, "a"),
    ]
    drawn = _card(_hit("audio", "a"), *parts)
    assert [figure.modality for figure in drawn.figures] == ["audio", "image", "depth", "text"]
    assert [figure.matched for figure in drawn.figures] == [True, False, False, False]


def test_a_fused_hit_is_about_all_parts_and_singles_none_out() -> None:
    drawn = _card(_hit("fused", "i"), _part(Modality.IMAGE, "i"))
    assert drawn.matched_by == "all parts together"
    assert not drawn.figures[0].matched


def test_the_sound_of_a_film_matches_the_film() -> None:
    drawn = _card(_hit("audio", "f"), _part(Modality.VIDEO, "f"))
    assert drawn.matched_by == "its audio"
    assert drawn.figures[0].matched


def test_a_local_original_opens_at_the_segment() -> None:
    hit = _hit("video", "file:///a.mp4", Segment(30, 60))
    drawn = _card(hit, _part(Modality.VIDEO, "file:///a.mp4"))
    assert drawn.href == "file:///a.mp4#t=30,60"
    assert drawn.figures[0].href == "file:///a.mp4#t=30,60"
    assert drawn.segment == "0:30\u20131:00"


def test_only_the_matched_part_opens_at_the_segment() -> None:
    hit = _hit("video", "file:///a.mp4", Segment(30, 60))
    drawn = _card(hit, _part(Modality.AUDIO, "file:///b.wav"))
    assert drawn.figures[0].href == "file:///b.wav"


def test_nothing_but_local_files_is_linked() -> None:
    for uri in ("javascript:alert(1)", "https://example.org/a.jpg", "data:text/html,x", "file://host/a.jpg", "a.jpg"):
        assert _card(_hit(uri=uri)).href == ""


def test_a_file_is_named_as_its_owner_named_it() -> None:
    drawn = _card(_hit(), _part(Modality.IMAGE, "file:///x/St%C3%BChle%20b.jpg"))
    assert drawn.figures[0].file == "Stühle b.jpg"


def test_a_score_below_zero_has_an_empty_bar() -> None:
    drawn = _card(_hit(score=-0.25))
    assert (drawn.score, drawn.bar) == ("-0.250", "0.0%")


def test_a_score_above_one_by_rounding_fills_the_bar() -> None:
    assert _card(_hit(score=1.0000002)).bar == "100.0%"


def test_fusion_names_every_weight() -> None:
    shown = Shown(_hit("fused"), weights={"image": 0.625, "text": 0.375}, alignment_confidence=0.8)
    assert card(1, shown, []).fusion == [
        ("fused from", "image\u00a062%, text\u00a038%"),
        ("alignment", "0.80"),
    ]


def test_fusion_that_is_unknown_is_not_mentioned() -> None:
    assert _card(_hit()).fusion == []


def test_attributes_of_any_type_become_text() -> None:
    values = {"name": "bell", "year": 2020, "ratio": 0.123456, "tags": ["a", "ü"], "none": None, "yes": True}
    assert rows(values) == [
        ("name", "bell"),
        ("year", "2020"),
        ("ratio", "0.1235"),
        ("tags", '["a", "ü"]'),
        ("none", "null"),
        ("yes", "true"),
    ]


def test_a_long_attribute_is_shortened() -> None:
    ((_, value),) = rows({"essay": "x" * 10_000})
    assert value == "x" * 240 + "\u2026"


def test_attributes_without_end_are_counted() -> None:
    drawn = rows({str(at): at for at in range(100)})
    assert len(drawn) == 25
    assert drawn[-1] == ("\u2026", "and 76 more")

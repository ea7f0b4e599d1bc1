import io
import json
import sys
from dataclasses import replace

import pytest
from rich.console import Console

from mmpipe.cli import table
from mmpipe.records import Segment
from mmpipe.runtimes.search import Hit

BELL = Hit(0.9125, "photos/bell", "image", "file:///photos/bell.jpg", None, {"year": 2024, "place": "Lübeck"})
FILM = Hit(0.5, "films/long", "video", "file:///films/long.mp4", Segment(30, 60), {})


def _lines(*hits: Hit, width: int = 100) -> list[str]:
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=width)
    return table.render(hits, console).splitlines()


def test_a_hit_says_rank_score_modality_sample_uri_and_attributes() -> None:
    lines = _lines(BELL)
    assert lines[0].split() == ["1", "█████████▏", "0.912", "image", "photos/bell"]
    assert lines[1].strip() == "file:///photos/bell.jpg"
    assert lines[2].strip() == "year=2024  place=Lübeck"


def test_a_hit_in_a_long_part_says_where() -> None:
    assert _lines(BELL, FILM)[3].split() == ["2", "█████", "0.500", "video", "0:30\u20131:00", "films/long"]


def test_a_score_below_zero_has_no_bar() -> None:
    assert _lines(Hit(-0.2, "a", "text", "b", None, {}))[0].split() == ["1", "-0.200", "text", "a"]


@pytest.mark.parametrize("width", [72, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    long = Hit(
        0.5, "id/" * 80, "image", "file:///" + "folder/" * 60 + "a.jpg", Segment(1.5, 2), {"essay": "word " * 99}
    )
    lines = _lines(long, FILM, width=width)
    assert len(lines) == 5
    assert max(len(line) for line in lines) <= width


def test_a_long_uri_keeps_both_ends() -> None:
    short = table.shortened("file:///one/two/three/four/five/name.jpg", 21)
    assert short == "file:///on\u2026e/name.jpg"
    assert len(short) == 21


def test_a_uri_that_fits_is_left_alone() -> None:
    assert table.shortened("file:///a.jpg", 13) == "file:///a.jpg"


def test_a_sample_cannot_command_the_terminal() -> None:
    hostile = "\x1b[2J\x9b31m\u202egpj.exe\r\n[red]x[/red]"
    text = "\n".join(_lines(Hit(0.5, hostile, "image", hostile, None, {hostile: hostile}), width=400))
    assert not [char for char in text if not char.isprintable() and char != "\n"]
    assert text.count(r"\x1b[2J\x9b31m\u202egpj.exe\r\n[red]x[/red]") == 4


def test_a_pipe_gets_neither_colours_nor_a_narrow_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    text = table.render([replace(BELL, uri=f"file:///{'x' * 70}.jpg")])
    assert "\x1b" not in text
    assert f"file:///{'x' * 70}.jpg" in text


def test_a_terminal_gets_colours() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard", width=100)
    assert "\x1b[" in table.render([BELL], console)


def test_no_hit_is_an_answer_with_a_remedy() -> None:
    assert table.render([]).startswith("No stored sample answers: loosen --where")


def test_json_holds_every_field_in_order() -> None:
    assert json.loads(table.as_json([BELL, FILM])) == [
        {
            "score": 0.9125,
            "sample_id": "photos/bell",
            "modality": "image",
            "uri": "file:///photos/bell.jpg",
            "segment": None,
            "attributes": {"year": 2024, "place": "Lübeck"},
        },
        {
            "score": 0.5,
            "sample_id": "films/long",
            "modality": "video",
            "uri": "file:///films/long.mp4",
            "segment": {"start_s": 30, "end_s": 60},
            "attributes": {},
        },
    ]


def test_json_of_nothing_is_an_empty_array() -> None:
    assert table.as_json([]) == "[]\n"


def test_json_is_ascii_whatever_a_sample_is_called() -> None:
    text = table.as_json([Hit(0.5, "ü\udcff\x9b", "text", "a", None, {})])
    assert text.isascii()
    assert json.loads(text)[0]["sample_id"] == "ü\udcff\x9b"

from pathlib import Path

import pytest

from tables import NoPlace, replace_between, table

PAGE = """# Page

<!-- begin depth -->
old
<!-- end depth -->
between
<!-- begin width -->
<!-- end width -->
after
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE, encoding="utf-8")
    return path


def test_text_goes_between_the_markers_of_its_name_and_nowhere_else(page: Path) -> None:
    replace_between(page, "depth", "| new |\n")
    assert page.read_text(encoding="utf-8") == PAGE.replace("old", "| new |")


def test_a_place_that_was_empty_is_filled(page: Path) -> None:
    replace_between(page, "width", "3 m")
    assert "<!-- begin width -->\n3 m\n<!-- end width -->\nafter" in page.read_text(encoding="utf-8")


def test_the_same_text_written_twice_is_the_same_page(page: Path) -> None:
    replace_between(page, "depth", "new")
    once = page.read_bytes()
    replace_between(page, "depth", "new")
    assert page.read_bytes() == once


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        "<!-- begin depth -->",
        "<!-- end depth -->\n<!-- begin depth -->",
        PAGE + PAGE,
    ],
    ids=["none", "no end", "wrong order", "twice"],
)
def test_a_page_without_one_place_for_it_is_refused_and_left_as_it_is(page: Path, text: str) -> None:
    page.write_text(text, encoding="utf-8")
    with pytest.raises(NoPlace, match=r"page\.md: found .* times, expected once"):
        replace_between(page, "depth", "new")
    assert page.read_text(encoding="utf-8") == text


def test_a_table_escapes_bars() -> None:
    assert table(["fault", "s"], [["a|b", 1.5]]) == "| fault | s |\n| --- | --- |\n| a\\|b | 1.5 |"

"""The link check follows what GitHub would, and says where a link breaks."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import check_links


@pytest.fixture
def page(tmp_path: Path) -> Path:
    (tmp_path / "other.md").write_text("# A `code` heading, twice\n\n# A `code` heading, twice\n", encoding="utf-8")
    (tmp_path / "a picture.png").touch()
    return tmp_path / "page.md"


@pytest.mark.parametrize(
    "text",
    [
        "[a](other.md)",
        "[a](other.md#a-code-heading-twice)",
        "[a](other.md#a-code-heading-twice-1)",
        "# Here\n\n[a](#here)",
        "![a](a%20picture.png)",
        "[a][b]\n\n[b]: other.md",
        "| a |\n|---|\n| [a](other.md) |",
        "[a](https://example.org/none)",
        "[a](mailto:someone@example.org)",
        "```\n[a](none.md)\n```",
        "`[a](none.md)`",
    ],
)
def test_a_link_that_leads_somewhere_passes(page: Path, text: str) -> None:
    page.write_text(text, encoding="utf-8")

    assert list(check_links.broken_links(page)) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[a](none.md)", "none.md, expected a file of that name"),
        ("![a](none.png)", "none.png, expected a file of that name"),
        ("[a][b]\n\n[b]: none.md", "none.md, expected a file of that name"),
        ("| a |\n|---|\n| [a](none.md) |", "none.md, expected a file of that name"),
        ("[a](other.md#none)", "other.md#none, expected a heading of that name in other.md"),
        ("[a](#none)", "#none, expected a heading of that name in page.md"),
    ],
)
def test_a_link_that_leads_nowhere_is_named(page: Path, text: str, fault: str) -> None:
    page.write_text(text, encoding="utf-8")

    (sentence,) = check_links.broken_links(page)

    assert fault in sentence
    assert sentence.startswith(f"{page}:")


def test_the_line_of_a_broken_link_is_named(page: Path) -> None:
    page.write_text("# Here\n\nwords\n\n[a](none.md)\n", encoding="utf-8")

    (sentence,) = check_links.broken_links(page)

    assert sentence.startswith(f"{page}:5: ")


def test_pages_are_those_that_git_knows_or_would_add(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    for name in ("known.md", "ignored.md", "folder/new.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".gitignore").write_text("ignored.md\n", encoding="utf-8")

    assert check_links.pages(tmp_path) == [tmp_path / "folder" / "new.md", tmp_path / "known.md"]


def test_broken_links_end_the_check_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / "page.md").write_text("[a](none.md)", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert check_links.main() == 1
    assert capsys.readouterr().out.endswith("1 pages, 1 broken links\n")

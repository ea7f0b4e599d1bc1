from __future__ import annotations

import pytest

from mmpipe.adapters.inputs.patterns import expand_braces, parse


@pytest.mark.parametrize(
    ("pattern", "expanded"),
    [
        ("a", ["a"]),
        ("s-{000..002}.tar", ["s-000.tar", "s-001.tar", "s-002.tar"]),
        ("{9..11}", ["9", "10", "11"]),
        ("{2..0}", ["2", "1", "0"]),
        ("*.{jpg,png}", ["*.jpg", "*.png"]),
        ("{a,b}{1..2}", ["a1", "a2", "b1", "b2"]),
        ("{a,b{1,2}}", ["a", "b1", "b2"]),
        ("{a}", ["{a}"]),
        ("{}", ["{}"]),
    ],
)
def test_braces_stand_for_every_choice_in_their_order(pattern: str, expanded: list[str]) -> None:
    assert list(expand_braces(pattern)) == expanded


@pytest.mark.parametrize(
    ("pattern", "path", "is_meant"),
    [
        ("*.jpg", "a.jpg", True),
        ("*.jpg", "x/a.jpg", False),
        ("**/*.jpg", "a.jpg", True),
        ("**/*.jpg", "x/y/a.jpg", True),
        ("x/**", "x/y/a.jpg", True),
        ("x/**/y/*", "x/y/a", True),
        ("x/**/y/*", "x/1/2/y/a", True),
        ("x/**/y/*", "x/1/2/a", False),
        ("?/[ab].*", "x/a.jpg", True),
        ("?/[!ab].*", "x/a.jpg", False),
    ],
)
def test_a_star_stays_in_one_step_and_two_span_any_number(pattern: str, path: str, *, is_meant: bool) -> None:
    alternative = parse([f"/data/{pattern}"])
    assert alternative.takes(f"{path}" if alternative.root == "/data" else path.removeprefix("x/")) is is_meant


@pytest.mark.parametrize(
    ("pattern", "folder", "leads"),
    [("*/a", "x", True), ("*/a", "x/y", False), ("**/a", "x/y", True), ("?/*/a", "xx", False), ("*.jpg", "x", False)],
)
def test_only_folders_that_may_hold_a_match_are_entered(pattern: str, folder: str, *, leads: bool) -> None:
    assert parse([f"/data/{pattern}"]).leads(folder) is leads


def test_the_root_of_several_patterns_is_what_all_of_them_share() -> None:
    assert parse(["/data/x/*.jpg", "/data/y/*.jpg"]).root == "/data"

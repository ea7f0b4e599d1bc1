"""The size check counts what STYLE means, and finds each kind of offender."""

from __future__ import annotations

from pathlib import Path

import pytest

import check_sizes


def _module(folder: Path, source: str, name: str = "module.py") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, encoding="utf-8")
    return path


def _function(lines: int, name: str = "f") -> str:
    return f"def {name}():\n" + "    x = 1\n" * lines


def test_a_body_is_counted_without_its_docstring(tmp_path: Path) -> None:
    path = _module(tmp_path, 'def f():\n    """Says\n    much."""\n    x = 1\n\n    return x\n')

    (size,) = check_sizes.functions(path)

    assert size.lines == 3


def test_a_function_of_its_docstring_alone_has_no_body(tmp_path: Path) -> None:
    (size,) = check_sizes.functions(_module(tmp_path, 'def f():\n    """Says it."""\n'))

    assert size.lines == 0


def test_methods_and_inner_functions_count_too(tmp_path: Path) -> None:
    path = _module(tmp_path, "class A:\n    async def m(self):\n        def inner(): pass\n")

    assert [size.place.split()[-1] for size in check_sizes.functions(path)] == ["m", "inner"]


@pytest.mark.parametrize(
    ("body", "levels"),
    [
        ("x = 1", 0),
        ("if a: pass", 1),
        ("if a: pass\n    elif b: pass\n    elif c: pass", 1),
        ("for a in b:\n        with c:\n            if d: pass", 3),
        ("try: pass\n    except A:\n        if b: pass", 2),
        ("match a:\n        case 1:\n            while b: pass", 2),
        ("if a: pass\n    else:\n        for b in c: pass", 2),
        ("if a: pass\n    elif b:\n        for c in d: pass", 2),
        ("def inner():\n        if a: pass", 0),
    ],
)
def test_nesting_is_how_many_blocks_stand_in_each_other(tmp_path: Path, body: str, levels: int) -> None:
    outer = next(iter(check_sizes.functions(_module(tmp_path, f"def f():\n    {body}\n"))))

    assert outer.nesting == levels


def test_a_tree_within_the_limits_passes_with_its_sizes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _module(tmp_path, _function(5))

    assert check_sizes.main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == "1 modules, 1 functions: median body 5 lines, 100.0% under 20, longest 5\n"


def test_a_long_body_is_named_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _module(tmp_path, "\n" + _function(61) + "".join(_function(1, f"f{i}") for i in range(20)))

    assert check_sizes.main([str(tmp_path)]) == 1
    sentence = f"{path}:2 f: found a body of 61 lines, expected at most 60; name its parts"
    assert capsys.readouterr().out.splitlines()[0] == sentence


def test_deep_nesting_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = "def f():\n  if a:\n    if b:\n      if c:\n        if d: pass\n"
    path = _module(tmp_path, source)

    assert check_sizes.main([str(tmp_path)]) == 1
    assert f"{path}:1 f: found 4 levels of nesting, expected at most 3" in capsys.readouterr().out


def test_a_long_module_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _module(tmp_path, "x = 1\n" * 301)

    assert check_sizes.main([str(tmp_path)]) == 1
    assert f"{path}:1: found 301 lines, expected at most 300; split it by its nouns" in capsys.readouterr().out


def test_too_many_bodies_of_middle_length_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _module(tmp_path, _function(20) + "".join(_function(1, f"f{i}") for i in range(8)))

    assert check_sizes.main([str(tmp_path)]) == 1
    assert "found 88.9% of bodies under 20 lines, expected at least 90%" in capsys.readouterr().out


def test_a_high_median_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _module(tmp_path, _function(6))

    assert check_sizes.main([str(tmp_path)]) == 1
    assert "found a median body of 6 lines, expected at most 5; name more parts" in capsys.readouterr().out


@pytest.mark.parametrize("folder", ["v1", "migrations"])
def test_generated_code_is_left_out(tmp_path: Path, folder: str) -> None:
    _module(tmp_path, _function(100), f"{folder}/module.py")

    assert check_sizes.sources(tmp_path) == []

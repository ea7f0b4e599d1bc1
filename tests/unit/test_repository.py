"""What has to stay true of the repository itself, and that no other check would notice."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from mmpipe.spec import parse, refused

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = re.findall(r"^([a-z][a-z0-9-]*):", MAKEFILE, re.MULTILINE)


def _tracked() -> list[Path]:
    """Files that git knows; without git (an unpacked archive) there is nothing that could be committed."""
    command = ["git", "ls-files", "-z"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _locked(name: str) -> dict[str, Version]:
    lines = (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
    requirements = [Requirement(line.removesuffix("\\").strip()) for line in lines if line and line[0].isalnum()]
    return {canonicalize_name(each.name): Version(str(each.specifier).removeprefix("==")) for each in requirements}


def _asked(lock: str) -> Iterator[Requirement]:
    """What ``pyproject.toml`` asks of a lock."""
    project, groups = _project()["project"], _project()["dependency-groups"]
    yield from map(Requirement, project["dependencies"])
    if lock == "dev.txt":
        for extra in project["optional-dependencies"].values():
            yield from map(Requirement, extra)
        yield from map(Requirement, [*groups["test"], *groups["check"]])


def test_the_operators_folder_never_hides_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()
    assert not [path for path in _tracked() if path.name == "operator.py"]


def test_operator_is_the_standard_library_from_the_root() -> None:
    command = [sys.executable, "-c", "import operator; print(operator.__file__)"]
    found = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()

    assert not Path(found).is_relative_to(ROOT / "operator")
    assert Path(found).name == "operator.py"


@pytest.mark.parametrize("name", ["utils", "common", "helpers", "manager"])
def test_no_module_is_named_after_nothing(name: str) -> None:
    assert not [
        path for path in _tracked() if path.stem.lower().rstrip("s") == name.rstrip("s") and path.suffix == ".py"
    ]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_names_no_registry(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")

    assert "://" not in text
    assert not re.search(r"^\s*-", text.replace("    --hash=", ""), re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_has_a_hash_for_every_package(lock: Path) -> None:
    packages = re.split(r"^(?=[a-z0-9])", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]

    assert packages
    for package in packages:
        assert re.match(r"[a-z0-9.-]+==\S+", package), package.splitlines()[0]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", package), package.splitlines()[0]


@pytest.mark.parametrize("lock", ["base.txt", "dev.txt"])
def test_a_lock_holds_what_the_project_asks_for(lock: str) -> None:
    locked = _locked(lock)

    for asked in _asked(lock):
        assert locked[canonicalize_name(asked.name)] in asked.specifier, asked


def test_the_development_lock_agrees_with_the_base() -> None:
    assert _locked("base.txt").items() <= _locked("dev.txt").items()


def test_the_base_lock_has_no_heavy_framework() -> None:
    assert not {"torch", "transformers", "triton", "onnx", "ray"} & set(_locked("base.txt"))


def _imports(path: Path) -> Iterator[str]:
    """Top-level packages that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def test_torch_is_imported_in_models_only() -> None:
    package = ROOT / "services" / "mmpipe"
    importers = {path for path in package.rglob("*.py") if {"torch", "transformers"} & set(_imports(path))}

    assert all(path.is_relative_to(package / "models") for path in importers)


def test_every_command_of_the_base_install_starts_without_torch() -> None:
    code = """if True:
        import mmpipe.cli.main, mmpipe.runtimes.pipeline, sys
        print(sorted({"torch", "transformers", "onnx"} & set(sys.modules)))
    """
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    assert found == "[]\n"


def test_make_help_lists_every_target_in_one_line() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout

    listed = [line.split(maxsplit=2) for line in shown.splitlines()]
    assert [target for _, target, _ in listed] == TARGETS
    assert all(make == "make" and words for make, _, words in listed)


def test_every_target_is_phony_as_none_makes_a_file_of_its_name() -> None:
    (phony,) = re.findall(r"^\.PHONY:(.*)$", MAKEFILE, re.MULTILINE)

    assert phony.split() == TARGETS


def test_an_old_python_is_refused_with_the_remedy(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    version = 'collections.namedtuple("V", "major minor")(3, 11)'
    program = f"import collections, sys; sys.version_info = {version}; exec(sys.argv[2])"
    old.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{program}' \"$@\"\n", encoding="utf-8")
    old.chmod(0o755)
    command = ["make", "install", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}"]

    ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)

    assert ended.returncode != 0
    assert (
        f"mmpipe needs Python >= 3.12, but {old} is 3.11: name a newer one, as in make PYTHON=python3.12"
        in ended.stderr
    )
    assert not (tmp_path / "venv").exists()


def test_no_tracked_file_holds_a_path_of_a_machine() -> None:
    homes = re.compile(rb"(?:/home|/Users)/[a-z]\w*/|/[r]oot/|" + re.escape(str(ROOT).encode()) + rb"\b")

    assert [str(path) for path in _tracked() if homes.search(path.read_bytes())] == []


def test_the_version_of_python_is_the_same_everywhere() -> None:
    version = (ROOT / ".python-version").read_text(encoding="utf-8").strip()

    assert _project()["project"]["requires-python"] == f">={version}"
    assert _project()["tool"]["mypy"]["python_version"] == version


@pytest.mark.parametrize("rule", _project()["tool"]["ruff"]["lint"]["ignore"])
def test_every_ignored_rule_says_why(rule: str) -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    assert re.search(rf'"{rule}",?\s+# \w', text), rule


def test_every_decision_is_listed_and_short() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")

    for page in folder.glob("[0-9]*.md"):
        assert f"({page.name})" in index
        assert len(page.read_text(encoding="utf-8").splitlines()) <= 40, page.name


def _documented_specs() -> Iterator[tuple[str, str]]:
    """The pipeline objects that pages show, with where."""
    for page in sorted(path for path in _tracked() if path.suffix == ".md"):
        blocks = re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        yield from ((f"{page.relative_to(ROOT)}", block) for block in blocks if "apiVersion: mmpipe" in block)


def test_every_spec_that_a_page_shows_is_valid_and_acts() -> None:
    shown = list(_documented_specs())

    assert shown
    for page, text in shown:
        assert refused(parse(text, page)) == (), page


def test_every_option_that_a_page_shows_exists() -> None:
    known = set(re.findall(r"--[a-z-]+", (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")))

    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        commands = re.findall(
            r"\bmmpipe (?:run|search|quarantine|spec|model)\b[^`\n]*", page.read_text(encoding="utf-8")
        )
        options = {option for command in commands for option in re.findall(r"--[a-z-]+", command)}
        assert options <= known, page


def test_continuous_integration_runs_the_commands_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    assert re.findall(r"^make ([\w-]+)", script, re.MULTILINE) == [
        "demo",
        "check",
        "check-protos",
        "test",
        "e2e-control-plane",
    ]
    for shell in (ROOT / ".ci" / "run", ROOT / "requirements" / "lock.sh"):
        subprocess.run(["bash", "-n", shell], check=True)
        assert shell.stat().st_mode & 0o111, shell

"""``kill -9`` at any moment and a rerun ends in the state of an undisturbed run: swept over every step in a store."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

CHILD = Path(__file__).with_name("crash_child.py")
TIMED_KILLS = 20

type Answer = dict[str, Any]
type Ask = Callable[..., Answer]


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten samples: pictures with captions, one that is blank and one that is broken."""
    folder = tmp_path_factory.mktemp("media")
    noise = np.random.default_rng(3)
    for number in range(8):
        Image.fromarray(noise.integers(0, 255, (64, 64, 3), np.uint8)).save(folder / f"s{number}.png")
        (folder / f"s{number}.txt").write_text(f"a red bell, number {number}")
    Image.new("RGB", (64, 64)).save(folder / "blank.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    return folder


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """A process that carries out commands in forks of itself; see ``crash_child``."""
    command = [sys.executable, str(CHILD)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:

        def asked(**command: object) -> Answer:
            assert child.stdin
            assert child.stdout
            child.stdin.write(json.dumps(command, default=str) + "\n")
            child.stdin.flush()
            answer: Answer = json.loads(child.stdout.readline())
            return answer

        yield asked
        assert child.stdin
        child.stdin.close()


@pytest.fixture(scope="module")
def undisturbed(ask: Ask, media: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Answer, Answer]:
    """How a run goes that nobody disturbs, and what it leaves behind."""
    data = tmp_path_factory.mktemp("undisturbed")
    done = ask(do="run", where=media, data=data)
    assert done["code"] == 0
    return done, stored(ask, data)


def stored(ask: Ask, data: Path) -> Answer:
    answer = ask(do="state", data=data)
    assert answer["code"] == 0
    return {key: answer[key] for key in ("rows", "objects", "tables")}


def test_a_run_killed_at_any_step_ends_like_an_undisturbed_one(
    ask: Ask, media: Path, undisturbed: tuple[Answer, Answer], tmp_path: Path
) -> None:
    done, expected = undisturbed
    assert done["steps"] > 40
    for deadly in range(done["steps"]):
        data = tmp_path / str(deadly)
        assert ask(do="run", where=media, data=data, deadly=deadly)["code"] == -9
        assert ask(do="run", where=media, data=data)["code"] == 0
        assert stored(ask, data) == expected, f"killed at step {deadly} of {done['steps']}"


def test_a_run_killed_at_any_time_ends_like_an_undisturbed_one(
    ask: Ask, media: Path, undisturbed: tuple[Answer, Answer], tmp_path: Path
) -> None:
    done, expected = undisturbed
    for kill in range(TIMED_KILLS):
        data = tmp_path / str(kill)
        ask(do="run", where=media, data=data, kill_after_s=done["seconds"] * kill / TIMED_KILLS)
        assert ask(do="run", where=media, data=data)["code"] == 0
        assert stored(ask, data) == expected, f"killed after {kill}/{TIMED_KILLS} of the time"


def test_a_second_run_adds_nothing(ask: Ask, media: Path, undisturbed: tuple[Answer, Answer], tmp_path: Path) -> None:
    ask(do="run", where=media, data=tmp_path)
    again = ask(do="run", where=media, data=tmp_path)
    assert again["vectors"] == 0
    assert again["samples"] == {"stored": 0, "duplicates": 10, "quarantined": 0, "failed": 0}
    assert stored(ask, tmp_path) == undisturbed[1]

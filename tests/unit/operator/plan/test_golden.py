from __future__ import annotations

import pytest
from tests.unit.operator.plan import golden
from tests.unit.operator.plan.scenes import SCENES


@pytest.mark.parametrize("name", SCENES)
def test_a_plan_is_as_its_golden_file_shows(name: str) -> None:
    kept = (golden.FOLDER / f"{name}.yaml").read_text(encoding="utf-8")

    assert golden.rendered(SCENES[name]) == kept, "read the change; python -m tests.unit.operator.plan.golden takes it"


def test_no_golden_file_is_left_over() -> None:
    assert {file.stem for file in golden.FOLDER.iterdir()} == set(SCENES)

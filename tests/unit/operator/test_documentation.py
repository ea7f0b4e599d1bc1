"""``docs/operator.md`` lists every setting as the code has it."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from mmpipe_operator.metrics_adapter.settings import AdapterSettings
from mmpipe_operator.running.settings import Settings

PAGE = (Path(__file__).parents[3] / "docs" / "operator.md").read_text(encoding="utf-8")
BY_MACHINE = {
    ("Settings", "image"): "the image of this release",
    ("Settings", "identity"): "the host's name, and something of its own",
    ("AdapterSettings", "identity"): "the host's name",
}
"""Settings whose default is not the same everywhere."""


def _default(model: type[BaseModel], name: str) -> str:
    value = model.model_fields[name].get_default()
    if (model.__name__, name) in BY_MACHINE:
        return BY_MACHINE[model.__name__, name]
    if value in ((), ""):
        return ""
    return f"`{value}`".lower() if value is False else f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


@pytest.mark.parametrize("model", [Settings, AdapterSettings])
def test_every_setting_is_documented_with_its_default(model: type[BaseModel]) -> None:
    rows = [_row(name, _default(model, name), field.description or "") for name, field in model.model_fields.items()]

    assert [row for row in rows if row not in PAGE] == []


def _row(name: str, default: str, meaning: str) -> str:
    return f"| `{name.upper()}` | {default} | {meaning} |".replace("|  |", "| |").replace("\n", " ")

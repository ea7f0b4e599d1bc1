"""``docs/operator.md`` lists every setting as the code has it."""

from pathlib import Path

from mmpipe_operator.settings import Settings

PAGE = (Path(__file__).parents[3] / "docs" / "operator.md").read_text(encoding="utf-8")
BY_MACHINE = {"image": "the image of this release", "identity": "the host's name, and something of its own"}
"""Settings whose default is not the same everywhere."""


def _default(name: str) -> str:
    value = Settings.model_fields[name].get_default()
    return f"`{value}`".lower() if value is False else f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def test_every_setting_is_documented_with_its_default() -> None:
    rows = [
        f"| `{name.upper()}` | {BY_MACHINE.get(name) or ('' if field.get_default() == () else _default(name))} |"
        f" {field.description} |".replace("|  |", "| |")
        for name, field in Settings.model_fields.items()
    ]

    assert [row for row in rows if row not in PAGE] == []

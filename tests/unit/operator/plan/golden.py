"""The golden manifests: what a reviewer of a change to the plan reads. `python -m tests.unit.operator.plan.golden`
writes them anew."""

from __future__ import annotations

from pathlib import Path

import yaml
from tests.unit.operator.plan.scenes import SCENES, Scene

from mmpipe_operator.kinds import Manifest
from mmpipe_operator.names import COMPONENT_LABEL

FOLDER = Path(__file__).parent / "golden"


class _Dumper(yaml.SafeDumper):
    """Without aliases, and texts of several lines as such."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  # PyYAML's signature
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def shown(scene: Scene) -> list[Manifest]:
    """What the scene's golden file has."""
    return [
        manifest
        for manifest in scene.manifests
        if not scene.shown or manifest["metadata"]["labels"].get(COMPONENT_LABEL, "") in scene.shown
    ]


def rendered(scene: Scene) -> str:
    """The file's text."""
    return yaml.dump_all(shown(scene), Dumper=_Dumper, sort_keys=False, width=120)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, each in SCENES.items():
        (FOLDER / f"{name}.yaml").write_text(rendered(each), encoding="utf-8")

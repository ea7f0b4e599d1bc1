"""Write what is generated of the chart from the code, or say how it differs from it (``--check``).

The CustomResourceDefinition comes from ``mmpipe_operator.crd``; values, metadata, alerts and dashboards from the
package ``chart`` beside this file. The templates and the README of the chart are written by hand.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import yaml

from chart import alerts, metadata, pages
from chart.dashboards import DASHBOARDS
from make_reference import write_or_compare
from mmpipe_operator.crd import document

CHART = Path("charts/mmpipe")


def main(arguments: list[str]) -> int:
    """Write the files; with ``--check`` only compare, and end with 1 where they differ."""
    return write_or_compare(generated(), arguments, "files of the chart")


def generated() -> dict[Path, str]:
    """Every generated file by its path."""
    return {
        CHART / "Chart.yaml": _yaml(metadata.chart()),
        CHART / "values.yaml": pages.values_yaml(),
        CHART / "values.schema.json": _json(pages.values_schema()),
        CHART / "files" / "crd.yaml": _yaml(document()),
        CHART / "files" / "alerts.yaml": _yaml({"groups": alerts.groups()}),
        **{CHART / "files" / "dashboards" / f"{each.name}.json": _json(each.document()) for each in DASHBOARDS},
        Path("docs/reference/chart.md"): pages.reference(),
    }


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as such, for the YAML within YAML of `Chart.yaml`."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _yaml(value: object) -> str:
    return f"# {pages.NOTE}\n" + yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

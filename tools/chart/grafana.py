"""A dashboard as data, and as the JSON that Grafana imports. ``dashboards`` has those of the chart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_COLUMNS, _HEIGHT = 24, 8


@dataclass(frozen=True, slots=True)
class Panel:
    """One graph: expressions with their legends; ``unit`` is Grafana's."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    kind: Literal["timeseries", "stat"] = "timeseries"


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard. ``variables`` are labels and the metric that knows their values."""

    name: str
    title: str
    variables: tuple[tuple[str, str, str], ...]
    rows: tuple[tuple[str, tuple[Panel, ...]], ...]

    def document(self) -> dict[str, Any]:
        """As Grafana imports it."""
        return {
            "uid": f"mmpipe-{self.name}",
            "title": self.title,
            "tags": ["mmpipe"],
            "editable": True,
            "schemaVersion": 39,
            "refresh": "30s",
            "time": {"from": "now-3h", "to": "now"},
            "templating": {"list": [_datasource(), *(_variable(*each) for each in self.variables)]},
            "panels": list(_panels(self.rows)),
        }


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}


def _variable(name: str, label: str, metric: str) -> dict[str, Any]:
    query = f"label_values({metric}, {label})"
    known = {"name": name, "type": "query", "datasource": _DATASOURCE, "query": {"query": query, "refId": name}}
    return known | {"definition": query, "refresh": 2, "multi": True, "includeAll": True, "sort": 1}


def _panels(rows: tuple[tuple[str, tuple[Panel, ...]], ...]) -> Iterator[dict[str, Any]]:
    number, y = 1, 0
    for title, panels in rows:
        yield {"id": number, "type": "row", "title": title, "gridPos": {"x": 0, "y": y, "w": _COLUMNS, "h": 1}}
        width, y = _COLUMNS // len(panels), y + 1
        for column, panel in enumerate(panels):
            place = {"x": column * width, "y": y, "w": width, "h": _HEIGHT}
            yield _panel(panel, number + 1 + column, place)
        number, y = number + 1 + len(panels), y + _HEIGHT


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "gridPos": place,
        "datasource": _DATASOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": _DATASOURCE, "expr": expression, "legendFormat": legend}
            for index, (expression, legend) in enumerate(panel.queries)
        ],
    }

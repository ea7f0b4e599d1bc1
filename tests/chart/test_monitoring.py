"""Alerts and dashboards ask only for what is emitted, with labels that it has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chart.alerts import ALERTS, groups
from chart.dashboards import DASHBOARDS
from chart.grafana import Dashboard
from mmpipe.telemetry.catalogue import METRICS, Attribute, Metric, MetricKind
from mmpipe_operator import names

TARGET = {"namespace", "mmpipe_dev_pipeline", "app_kubernetes_io_component", "le"}
"""Labels that Prometheus adds: of the target, by the monitors, and of buckets."""
COPIED = (names.PIPELINE_LABEL, names.COMPONENT_LABEL)
"""Labels of a pipeline's pods that become labels of their series."""
_WORDS = {"sum", "max", "by", "rate", "increase", "absent", "histogram_quantile", "unless", "on", "or"}

_SELECTOR = re.compile(r"([a-z][a-z0-9_]*)\s*(?:\{([^}]*)\})?(?=[\s)\[{]|$)")
_MATCHER = re.compile(r'([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_GROUPED = re.compile(r"\b(?:by|on) \(([^)]*)\)")


def _families() -> dict[str, Metric]:
    """Every series' name, with the metric that it is of."""
    histogram = ("_bucket", "_count", "_sum")
    return {
        metric.prometheus + suffix: metric
        for metric in METRICS.values()
        for suffix in (histogram if metric.kind is MetricKind.HISTOGRAM else ("",))
    }


FAMILIES = _families()
EXPRESSIONS = {
    **{alert.name: alert.expression for alert in ALERTS},
    **{
        f"{dashboard.name}: {panel['title']}: {target['refId']}": target["expr"]
        for dashboard in DASHBOARDS
        for panel in dashboard.document()["panels"]
        for target in panel.get("targets", ())
    },
}


def _series(expression: str) -> Iterator[tuple[str, str]]:
    """Names and matchers of the series that an expression asks for."""
    for name, matchers in _SELECTOR.findall(_GROUPED.sub("", expression)):
        if name not in _WORDS and (name.startswith(("mmpipe", "rpc")) or matchers):
            yield name, matchers


def _labels(metric: Metric) -> dict[str, Attribute]:
    return {attribute.key.replace(".", "_").removeprefix("mmpipe_"): attribute for attribute in metric.attributes}


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_an_expression_asks_for_series_that_are_emitted(expression: str) -> None:
    asked = {name for name, _ in _series(expression)}

    assert asked
    assert asked <= FAMILIES.keys()


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_an_expression_asks_by_labels_and_values_that_the_series_have(expression: str) -> None:
    for name, matchers in _series(expression):
        labels = _labels(FAMILIES[name])
        for label, operator, value in _MATCHER.findall(matchers):
            assert label in labels.keys() | TARGET, f"{name}: found label {label}, expected one of {sorted(labels)}"
            if label in labels and labels[label].values and "$" not in value:
                wanted = value.split("|") if "~" in operator else [value]
                assert set(wanted) <= set(labels[label].values), f"{name}: {label}"


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_an_expression_groups_by_labels_that_the_series_have(expression: str) -> None:
    known = TARGET.union(*(_labels(FAMILIES[name]) for name, _ in _series(expression)))

    grouped = {label.strip() for labels in _GROUPED.findall(expression) for label in labels.split(",")}

    assert grouped <= known


def test_the_labels_of_pipelines_are_those_that_the_pod_monitor_copies() -> None:
    template = (Path(__file__).parents[2] / "charts/mmpipe/templates/monitors.yaml").read_text(encoding="utf-8")

    assert f"podTargetLabels: [{', '.join(COPIED)}]" in template
    assert {label.replace(".", "_").replace("/", "_") for label in COPIED} <= TARGET


def test_alerts_have_names_of_their_own_and_say_what_they_mean() -> None:
    assert len({alert.name for alert in ALERTS}) == len(ALERTS)
    assert all(alert.name.startswith("Mmpipe") and alert.summary and alert.meaning for alert in ALERTS)


def test_a_rule_waits_as_long_as_its_alert_and_says_the_same() -> None:
    rules = {rule["alert"]: rule for group in groups() for rule in group["rules"]}

    assert rules.keys() == {alert.name for alert in ALERTS}
    for alert in ALERTS:
        rule = rules[alert.name]
        assert (rule["expr"], rule["for"]) == (alert.expression, alert.hold)
        assert rule["labels"] == {"severity": alert.severity}
        assert rule["annotations"] == {"summary": alert.summary, "description": alert.meaning}


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.name)
def test_panels_of_a_dashboard_have_numbers_of_their_own_and_do_not_overlap(dashboard: Dashboard) -> None:
    panels = json.loads(json.dumps(dashboard.document()))["panels"]
    places = [panel["gridPos"] for panel in panels]
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len(set(cells)) == len(cells)
    assert all(place["x"] + place["w"] <= 24 for place in places)


def test_dashboards_together_show_every_metric_that_an_alert_asks_for() -> None:
    shown = {
        FAMILIES[name].name
        for each in DASHBOARDS
        for expr in _expressions(each.document())
        for name, _ in _series(expr)
    }
    alerted = {FAMILIES[name].name for alert in ALERTS for name, _ in _series(alert.expression)}

    assert alerted - shown == set()


def _expressions(document: dict) -> Iterator[str]:  # type: ignore[type-arg]  # JSON
    for panel in document["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))

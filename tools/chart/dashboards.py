"""The two dashboards for Grafana: the operator's, and the pipelines'. As data here, as JSON in `files/dashboards`.

Every metric is in ``mmpipe.telemetry.catalogue``; a test holds the expressions against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from chart.alerts import BY

_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_COLUMNS, _HEIGHT = 24, 8
_OWN = 'namespace=~"$namespace"'
_OF = 'namespace=~"$namespace", mmpipe_dev_pipeline=~"$pipeline"'
_GATEWAY = f'{_OF}, app_kubernetes_io_component="gateway"'
_NAME = "{{namespace}}/{{mmpipe_dev_pipeline}}"


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


def _quantile(share: str, bucket: str, selector: str, by: str) -> str:
    return f"histogram_quantile({share}, sum by ({by}, le) (rate({bucket}{{{selector}}}[$__rate_interval])))"


def _rate(metric: str, selector: str, by: str) -> str:
    return f"sum by ({by}) (rate({metric}{{{selector}}}[$__rate_interval]))"


_RECONCILE, _CALL = "mmpipe_operator_reconcile_duration_seconds_bucket", "rpc_server_call_duration_seconds_bucket"

OPERATOR = Dashboard(
    "operator",
    "mmpipe / Operator",
    (("namespace", "namespace", "mmpipe_operator_leader"),),
    (
        (
            "State",
            (
                Panel(
                    "Leaders",
                    "none",
                    ((f"sum by (namespace) (mmpipe_operator_leader{{{_OWN}}})", "{{namespace}}"),),
                    "stat",
                ),
                Panel(
                    "Pipelines by state",
                    "none",
                    ((f"max by (namespace, state) (mmpipe_operator_pipelines{{{_OWN}}})", "{{state}}"),),
                ),
            ),
        ),
        (
            "Reconciles",
            (
                Panel(
                    "Reconciles",
                    "ops",
                    ((_rate("mmpipe_operator_reconciles_total", _OWN, "namespace, result"), "{{result}}"),),
                ),
                Panel(
                    "Duration",
                    "s",
                    (
                        (_quantile("0.5", _RECONCILE, _OWN, "namespace"), "median"),
                        (_quantile("0.99", _RECONCILE, _OWN, "namespace"), "99 %"),
                    ),
                ),
                Panel(
                    "Pipelines that wait",
                    "none",
                    ((f"max by (namespace) (mmpipe_operator_queue_length{{{_OWN}}})", "{{namespace}}"),),
                ),
                Panel(
                    "Longest wait",
                    "s",
                    ((f"max by (namespace) (mmpipe_operator_queue_age_seconds{{{_OWN}}})", "{{namespace}}"),),
                ),
            ),
        ),
        (
            "API server",
            (
                Panel(
                    "Writes by reason",
                    "ops",
                    ((_rate("mmpipe_operator_writes_total", _OWN, "kind, reason"), "{{kind}} {{reason}}"),),
                ),
                Panel(
                    "Requests by status",
                    "reqps",
                    ((_rate("mmpipe_operator_api_requests_total", _OWN, "verb, status"), "{{verb}} {{status}}"),),
                ),
                Panel(
                    "Silence of watches",
                    "s",
                    ((f"max by (kind) (mmpipe_operator_watch_silence_seconds{{{_OWN}}})", "{{kind}}"),),
                ),
            ),
        ),
        (
            "Neighbours of pipelines",
            (
                Panel(
                    "Probes",
                    "ops",
                    ((_rate("mmpipe_operator_probes_total", _OWN, "neighbour, state"), "{{neighbour}} {{state}}"),),
                ),
            ),
        ),
    ),
)

PIPELINES = Dashboard(
    "pipelines",
    "mmpipe / Pipelines",
    (
        ("namespace", "namespace", "mmpipe_accepted_total"),
        ("pipeline", "mmpipe_dev_pipeline", 'mmpipe_accepted_total{namespace=~"$namespace"}'),
    ),
    (
        (
            "Samples",
            (
                Panel(
                    "Accepted",
                    "ops",
                    ((_rate("mmpipe_accepted_total", _OF, f"{BY}, outcome"), f"{_NAME} {{{{outcome}}}}"),),
                ),
                Panel(
                    "What became of them",
                    "ops",
                    ((_rate("mmpipe_samples_total", _OF, f"{BY}, outcome"), f"{_NAME} {{{{outcome}}}}"),),
                ),
                Panel(
                    "From acceptance to the end",
                    "s",
                    (
                        (_quantile("0.5", "mmpipe_sample_duration_seconds_bucket", _OF, BY), f"{_NAME} median"),
                        (_quantile("0.99", "mmpipe_sample_duration_seconds_bucket", _OF, BY), f"{_NAME} 99 %"),
                    ),
                ),
            ),
        ),
        (
            "Queue",
            (
                Panel(
                    "Samples in the queue, by modality",
                    "none",
                    ((f"max by ({BY}, modality) (mmpipe_queue_depth{{{_OF}}})", f"{_NAME} {{{{modality}}}}"),),
                ),
                Panel("Oldest sample", "s", ((f"max by ({BY}) (mmpipe_queue_age_seconds{{{_OF}}})", _NAME),)),
                Panel("With workers", "none", ((f"sum by ({BY}) (mmpipe_worker_in_flight{{{_OF}}})", _NAME),)),
                Panel(
                    "Segments of long samples, kept and found again",
                    "ops",
                    ((_rate("mmpipe_checkpoints_total", _OF, f"{BY}, action"), f"{_NAME} {{{{action}}}}"),),
                ),
            ),
        ),
        (
            "Stages",
            (
                Panel(
                    "Duration of a batch, 99 %",
                    "s",
                    ((_quantile("0.99", "mmpipe_stage_duration_seconds_bucket", _OF, "stage"), "{{stage}}"),),
                ),
                Panel(
                    "Items waiting for a batch",
                    "none",
                    (
                        (
                            f"sum by (app_kubernetes_io_component, lane) (mmpipe_server_queue_depth{{{_OF}}})",
                            "{{app_kubernetes_io_component}} {{lane}}",
                        ),
                    ),
                ),
                Panel(
                    "Circuit breakers: 0 closed, 1 half open, 2 open",
                    "none",
                    ((f"max by ({BY}, dependency) (mmpipe_breaker_state{{{_OF}}})", "{{dependency}}"),),
                ),
            ),
        ),
        (
            "Gateway",
            (
                Panel(
                    "Calls by status",
                    "reqps",
                    (
                        (
                            _rate("rpc_server_call_duration_seconds_count", _GATEWAY, "rpc_response_status_code"),
                            "{{rpc_response_status_code}}",
                        ),
                    ),
                ),
                Panel(
                    "Duration of calls, 99 %",
                    "s",
                    ((_quantile("0.99", _CALL, _GATEWAY, "rpc_method"), "{{rpc_method}}"),),
                ),
            ),
        ),
        (
            "Stores, and what was not stored",
            (
                Panel("Rows written", "ops", ((_rate("mmpipe_sink_rows_total", _OF, "modality"), "{{modality}}"),)),
                Panel(
                    "Commit, 99 %",
                    "s",
                    ((_quantile("0.99", "mmpipe_sink_commit_duration_seconds_bucket", _OF, "store"), "{{store}}"),),
                ),
                Panel(
                    "Dead letters and quarantine",
                    "ops",
                    (
                        (_rate("mmpipe_dead_letters_total", _OF, "stage"), "dead: {{stage}}"),
                        (_rate("mmpipe_quarantined_total", _OF, "modality"), "quarantined: {{modality}}"),
                    ),
                ),
            ),
        ),
    ),
)

DASHBOARDS = (OPERATOR, PIPELINES)

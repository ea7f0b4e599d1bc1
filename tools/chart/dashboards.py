"""The two dashboards for Grafana: the operator's with its metrics adapter, and the pipelines'.

Every metric is in ``mmpipe.telemetry.catalogue``; a test holds the expressions against it. ``grafana`` makes JSON of
them, in `files/dashboards`.
"""

from __future__ import annotations

from chart.alerts import BY
from chart.grafana import Dashboard, Panel

_OWN = 'namespace=~"$namespace"'
_OF = 'namespace=~"$namespace", mmpipe_dev_pipeline=~"$pipeline"'
_GATEWAY = f'{_OF}, app_kubernetes_io_component="gateway"'
_NAME = "{{namespace}}/{{mmpipe_dev_pipeline}}"


def _quantile(share: str, bucket: str, selector: str, by: str) -> str:
    return f"histogram_quantile({share}, sum by ({by}, le) (rate({bucket}{{{selector}}}[$__rate_interval])))"


def _rate(metric: str, selector: str, by: str) -> str:
    return f"sum by ({by}) (rate({metric}{{{selector}}}[$__rate_interval]))"


_READING = "mmpipe_adapter_reading_duration_seconds_bucket"
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
            "Metrics adapter",
            (
                Panel(
                    "Replicas that the API server asks",
                    "none",
                    (
                        (f"sum by (namespace) (mmpipe_adapter_registered{{{_OWN}}})", "registered"),
                        (
                            f"sum by (namespace) (increase(mmpipe_operator_withdrawals_total{{{_OWN}}}[1h]))",
                            "withdrawn within an hour",
                        ),
                    ),
                    "stat",
                ),
                Panel(
                    "Answers",
                    "reqps",
                    ((_rate("mmpipe_adapter_requests_total", _OWN, "resource, code"), "{{resource}} {{code}}"),),
                ),
                Panel(
                    "Readings",
                    "ops",
                    ((_rate("mmpipe_adapter_readings_total", _OWN, "source, result"), "{{source}} {{result}}"),),
                ),
                Panel(
                    "Duration of a reading, 99 %",
                    "s",
                    ((_quantile("0.99", _READING, _OWN, "source"), "{{source}}"),),
                ),
                Panel(
                    "Certificate is good for",
                    "s",
                    (
                        (
                            f"min by (namespace) (mmpipe_adapter_certificate_remaining_seconds{{{_OWN}}})",
                            "{{namespace}}",
                        ),
                    ),
                    "stat",
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

"""The metrics API in OpenAPI, versions 2 and 3: the API server merges it into its own, and asks for ever where none is.

One description of both: a path, what it takes, and ``MetricValueList`` by the fields that are ever written.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from mmpipe_operator import names
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.metrics_adapter.request import LABELS, RESOURCE

ROOT = f"/apis/{names.METRICS_API_VERSION}"
_PATH = f"{ROOT}/namespaces/{{namespace}}/{RESOURCE}/{{name}}"
_VERSION = names.METRICS_API_VERSION.partition("/")[2]
_TITLE = {"title": "mmpipe metrics adapter", "version": _VERSION}
_LIST = "dev.mmpipe.metrics.MetricValueList"
_PARAMETERS = (
    ("namespace", "path", "namespace of the pipeline"),
    ("name", "path", "name of the pipeline"),
    ("metricLabelSelector", "query", "modality=NAME of queue_depth, process=NAME of service_depth"),
)
_TEXT = {"type": "string"}
_MEANINGS = {
    names.QUEUE_DEPTH: "samples that wait or are in flight, of all or of one modality",
    names.SERVICE_DEPTH: "calls that wait in the pods of one process",
}


def version_2() -> Manifest:
    """``/openapi/v2``."""
    answer = {"description": "OK", "schema": {"$ref": f"#/definitions/{_LIST}"}}
    parameters = [_parameter(*each) | _TEXT for each in _PARAMETERS]
    return {"swagger": "2.0", "info": _TITLE, "paths": _paths(parameters, answer), "definitions": {_LIST: _schema()}}


def version_3() -> Manifest:
    """``/openapi/v3/apis/custom.metrics.k8s.io/v1beta2``."""
    reference = {"$ref": f"#/components/schemas/{_LIST}"}
    answer = {"description": "OK", "content": {"application/json": {"schema": reference}}}
    parameters = [_parameter(*each) | {"schema": _TEXT} for each in _PARAMETERS]
    return {
        "openapi": "3.0.0",
        "info": _TITLE,
        "paths": _paths(parameters, answer),
        "components": {"schemas": {_LIST: _schema()}},
    }


def index() -> Manifest:
    """``/openapi/v3``: where the document is; its address changes with it, so that it may be cached."""
    digest = hashlib.sha256(json.dumps(version_3()).encode()).hexdigest()
    return {"paths": {ROOT.removeprefix("/"): {"serverRelativeURL": f"/openapi/v3{ROOT}?hash={digest}"}}}


def _paths(parameters: list[Manifest], answer: Manifest) -> Manifest:
    return {f"{_PATH}/{metric}": {"get": _operation(metric, parameters, answer)} for metric in LABELS}


def _operation(metric: str, parameters: list[Manifest], answer: Manifest) -> Manifest:
    return {
        "description": _MEANINGS[metric],
        "operationId": f"getCustomMetricsV1beta2Namespaced{metric.title().replace('_', '')}",
        "parameters": parameters,
        "responses": {"200": answer},
    }


def _parameter(name: str, place: str, meaning: str) -> Manifest:
    return {"name": name, "in": place, "description": meaning, "required": place == "path"}


def _schema() -> Manifest:
    selector = _object(matchLabels={"type": "object", "additionalProperties": _TEXT})
    described = _object(**dict.fromkeys(("kind", "namespace", "name", "apiVersion"), _TEXT))
    metric = _object(name=_TEXT, selector=selector)
    item = _object(describedObject=described, metric=metric, timestamp=_TEXT | {"format": "date-time"}, value=_TEXT)
    items = {"type": "array", "items": item}
    kind = {"group": names.METRICS_GROUP, "kind": "MetricValueList", "version": _VERSION}
    fields = _object(kind=_TEXT, apiVersion=_TEXT, metadata={"type": "object"}, items=items)
    return fields | {"x-kubernetes-group-version-kind": [kind]}


def _object(**properties: dict[str, Any]) -> Manifest:
    return {"type": "object", "properties": properties}

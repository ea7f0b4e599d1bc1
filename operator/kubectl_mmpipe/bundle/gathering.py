"""Asks the questions of ``collection``, stars the answers and files them. What fails is filed as failed, with why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.client import HTTPConnection, HTTPException
from importlib.metadata import version
from platform import platform, python_version
from typing import Any

from kubectl_mmpipe.bundle import collection, redaction
from kubectl_mmpipe.bundle.archive import Archive, Entry
from kubectl_mmpipe.bundle.collection import Question
from kubectl_mmpipe.faults import PIPELINES, NotServed, PluginError
from kubectl_mmpipe.kubectl import Kubectl
from kubectl_mmpipe.snapshot import pipeline
from mmpipe_operator import names
from mmpipe_operator.kinds import Manifest

_THREADS = 4
_METRICS_S = 10


def gather(cluster: Kubectl, name: str | None, operator_namespace: str, archive: Archive) -> None:
    """Everything about one pipeline, or all that ``cluster`` looks at. Raises PluginError where there are none."""
    found = [pipeline(cluster, name)] if name else cluster.objects(PIPELINES)
    asked = f"kubectl get {PIPELINES}{f' {name}' if name else ''}"
    _file(archive, "objects/pipelines.json", {"items": found}, asked)
    _file(archive, "versions/plugin.json", _versions(), "kubectl mmpipe --version")
    _ask(cluster, [*collection.of_cluster(), *collection.of_pipelines(name)], archive)
    running = _objects(cluster, collection.of_pods(name), archive)
    _events(cluster, found, archive)
    _logs(cluster, running, "logs", archive)
    _ask(cluster, collection.secrets([*found, *running]), archive)
    _operator(cluster, operator_namespace, archive)


def _operator(cluster: Kubectl, namespace: str, archive: Archive) -> None:
    question = collection.of_operator(namespace)
    running = _objects(cluster, question, archive)
    if not running:
        why = f"no pod with {collection.OPERATOR}; --operator-namespace says where to look"
        archive.lacks(Entry("operator/logs", "Failed", _said(question), 0, why))
    for where in sorted({str(pod["metadata"]["namespace"]) for pod in running}):
        _ask(cluster, collection.beside_operator(where), archive)
    _logs(cluster, running, "operator/logs", archive)
    for pod in running:
        _metrics(cluster, pod, archive)


def _metrics(cluster: Kubectl, pod: Manifest, archive: Archive) -> None:
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    path, command = f"operator/metrics/{name}.txt", f"kubectl port-forward pod/{name} :{names.METRICS_PORT}"
    try:
        with _within(cluster, namespace).forwarded(f"pod/{name}", names.METRICS_PORT) as address:
            archive.add(path, redaction.text(_fetched(address)), command)
    except (PluginError, OSError, HTTPException) as error:
        archive.lacks(Entry(path, "Failed", command, 0, str(error)))


def _fetched(address: str) -> str:
    connection = HTTPConnection(address, timeout=_METRICS_S)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read(collection.ANSWER_BYTES).decode(errors="replace")
    finally:
        connection.close()


def _logs(cluster: Kubectl, running: Sequence[Manifest], folder: str, archive: Archive) -> None:
    questions, left_out = collection.logs(running, folder)
    _ask(cluster, questions, archive)
    for name in left_out:
        why = f"logs of {collection.MOST_PODS} pods are taken"
        archive.lacks(Entry(f"{folder}/{name}.log", "LeftOut", f"kubectl logs {name}", 0, why))


def _events(cluster: Kubectl, found: Iterable[Manifest], archive: Archive) -> None:
    question = Question("objects/events.json", ("get", "events", "--output=json"))
    answer = _answered(cluster, question)
    if isinstance(answer, str):
        events = collection.events_of(json.loads(answer), [each["metadata"]["name"] for each in found])
        _file(archive, question.path, events, _said(question))
    else:
        archive.lacks(answer)


def _objects(cluster: Kubectl, question: Question, archive: Archive) -> list[Manifest]:
    """The objects of an answer, which is filed too; none where it failed."""
    answer = _answered(cluster, question)
    if isinstance(answer, Entry):
        archive.lacks(answer)
        return []
    document = json.loads(answer)
    _file(archive, question.path, document, _said(question))
    items: list[Manifest] = document["items"]
    return items


def _ask(cluster: Kubectl, questions: Iterable[Question], archive: Archive) -> None:
    """All of these, a few at a time, filed in their order."""
    asked = list(questions)
    with ThreadPoolExecutor(_THREADS) as threads:
        for question, answer in zip(asked, threads.map(lambda each: _answered(cluster, each), asked), strict=True):
            if isinstance(answer, Entry):
                archive.lacks(answer)
            elif question.path.endswith(".json"):
                _file(archive, question.path, json.loads(answer), _said(question))
            else:
                archive.add(question.path, redaction.text(answer), _said(question))


def _file(archive: Archive, path: str, document: Any, command: str) -> None:  # noqa: ANN401  # any JSON
    shortened, left_out = collection.shortened(redaction.document(document))
    why = f"{left_out} objects more than {collection.ANSWER_BYTES} bytes hold" if left_out else ""
    archive.add(path, json.dumps(shortened, indent=1), command, why)


def _answered(cluster: Kubectl, question: Question) -> str | Entry:
    """What kubectl answers, or the entry that says why it did not."""
    verb, *rest = question.command
    try:
        return _within(cluster, question.namespace).run(verb, *rest, scoped=question.is_scoped)
    except NotServed as error:
        outcome: Any = "NotServed" if question.is_optional else "Failed"
        return Entry(question.path, outcome, _said(question), 0, str(error))
    except PluginError as error:
        return Entry(question.path, "Failed", _said(question), 0, str(error))


def _within(cluster: Kubectl, namespace: str) -> Kubectl:
    return replace(cluster, namespace=namespace, everywhere=False) if namespace else cluster


def _said(question: Question) -> str:
    where = f" -n {question.namespace}" if question.namespace else ""
    return " ".join(("kubectl", *question.command)) + where


def _versions() -> dict[str, str]:
    return {"mmpipe": version("mmpipe"), "python": python_version(), "platform": platform()}

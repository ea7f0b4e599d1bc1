"""The pages for people who run pipelines say what there is: alerts, metrics, reasons, and commands that are taken."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from chart.alerts import ALERTS, Alert
from kubectl_mmpipe.main import app
from mmpipe.telemetry.catalogue import METRICS
from mmpipe_operator.status import CONDITIONS, REASONS

DOCS = Path(__file__).parents[2] / "docs"
RUNBOOKS = {path.stem: path for path in (DOCS / "runbooks").glob("*.md") if path.stem != "README"}
PAGES = (*RUNBOOKS.values(), DOCS / "kubernetes.md", DOCS / "operator.md", DOCS / "runbooks" / "README.md")
OF_KUBERNETES = {"TooManyReplicas", "OOMKilled", "FailedDiscoveryCheck", "NamespaceDeletionDiscoveryFailure"}
SUFFIXES = ("", "_bucket", "_count", "_sum")


def _words(path: Path, pattern: str) -> set[str]:
    return set(re.findall(pattern, path.read_text(encoding="utf-8")))


def _commands(path: Path) -> Iterator[list[str]]:
    """``kubectl mmpipe`` commands in blocks of code."""
    for block in re.findall(r"```sh\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words[:2] == ["kubectl", "mmpipe"]:
                yield words[2:]


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    assert set(RUNBOOKS) == {alert.name for alert in ALERTS}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_a_runbook_says_meaning_impact_diagnosis_and_mitigation(alert: Alert) -> None:
    name, severity = alert.name, alert.severity
    text = RUNBOOKS[name].read_text(encoding="utf-8")

    assert re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE) == ["Meaning", "Impact", "Diagnosis", "Mitigation"]
    assert f"Severity: {severity}." in " ".join(text.split())
    assert f"| [{name}]({name}.md) | {severity} |" in (DOCS / "runbooks" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_metric_that_a_page_asks_for_is_emitted(path: Path) -> None:
    emitted = {metric.prometheus + suffix for metric in METRICS.values() for suffix in SUFFIXES}

    assert _words(path, r"\b(?:mmpipe|rpc_server)_[a-z_]+") - emitted - {"rpc_server"} == set()


@pytest.mark.parametrize("path", RUNBOOKS.values(), ids=lambda path: path.stem)
def test_every_reason_and_condition_that_a_runbook_names_is_one(path: Path) -> None:
    named = _words(path, r"`([A-Z][a-z]+[A-Z][A-Za-z]+)`")

    assert named - {*REASONS, *CONDITIONS, *OF_KUBERNETES} == set()


@pytest.mark.parametrize("path", [*PAGES, DOCS.parent / "README.md"], ids=lambda path: path.stem)
def test_every_command_of_the_plugin_is_one_that_it_takes(path: Path) -> None:
    commands = getattr(typer.main.get_command(app), "commands", {})

    for words in _commands(path):
        commands[words[0]].make_context(words[0], words[1:])  # raises for an option that there is not

"""A pipeline as a tree for a terminal: verdict, processes, neighbours. Pure; colours only where the terminal has them.

Names, reasons and messages come from the cluster and may hold anything: they are printed as text, never as markup.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text
from rich.tree import Tree

from kubectl_mmpipe.pods import Trouble
from kubectl_mmpipe.scaling import Autoscaler, Reading
from kubectl_mmpipe.state import Condition, Neighbour, Pipeline, Process
from mmpipe.cli.printable import plain
from mmpipe_operator.status.conditions import CONDITIONS

_COLOURS = {"Ready": "green", "Reconciling": "yellow", "Stalled": "red", "NotReady": "red", "Deleting": "yellow"}
_LONGEST = 300
"""Characters of a condition that is not the verdict; kubectl describe has all of it."""
_GOOD, _BAD, _UNKNOWN = "green", "red", "yellow"


def tree(pipeline: Pipeline) -> Tree:
    """One pipeline."""
    root = Tree(_head(pipeline), guide_style="dim")
    for concern in pipeline.concerns:
        root.add(Text(f"{concern.type} {concern.status}: ").append(_short(_said(concern))))
    for note in pipeline.notes:
        root.add(Text(plain(note), _UNKNOWN))
    processes = root.add(Text(f"processes {pipeline.stages or 'not known yet'}"))
    for process in pipeline.processes:
        _add(processes, process)
    for neighbour in pipeline.neighbours:
        root.add(_neighbour(neighbour))
    return root


def _head(pipeline: Pipeline) -> Text:
    verdict = Condition(pipeline.verdict, "", pipeline.reason, pipeline.message)
    head = Text(plain(f"{pipeline.namespace}/{pipeline.name}"), "bold").append("  ")
    return head.append(pipeline.verdict, _COLOURS.get(pipeline.verdict, _UNKNOWN)).append("  ").append(_said(verdict))


def _add(branch: Tree, process: Process) -> None:
    added = branch.add(_process(process))
    if process.autoscaler:
        added.add(Text(plain(_scaling(process.autoscaler)), _UNKNOWN if process.autoscaler.problem else ""))
    for trouble in process.troubles:
        added.add(_trouble(trouble))


def _process(process: Process) -> Text:
    is_full = process.ready is not None and process.ready == process.desired and not process.note
    rolling = process.updated is not None and process.desired is not None and process.updated < process.desired
    ready = f"{_count(process.ready)}/{_count(process.desired)} ready"
    text = Text(plain(f"{process.name}  ")).append(ready, _GOOD if is_full else _BAD)
    more = (f"{process.updated} of the new template" if rolling else "", process.endpoint, process.note)
    return text.append(plain("".join(f"  {each}" for each in more if each)))


def _scaling(autoscaler: Autoscaler) -> str:
    wanted = f", wants {autoscaler.wanted}" if autoscaler.wanted not in {None, autoscaler.pods} else ""
    limited = f", held back: {autoscaler.limited}" if autoscaler.limited else ""
    pods = f"scales {autoscaler.fewest}-{autoscaler.most}: {_count(autoscaler.pods)} now{wanted}{limited}"
    return f"{pods}; {known(autoscaler)}"


def known(autoscaler: Autoscaler) -> str:
    """What an autoscaler reads, or why it reads nothing and where that is explained."""
    if autoscaler.problem:
        return f"reads nothing: {autoscaler.problem}; kubectl describe hpa {autoscaler.name}"
    return "; ".join(map(reading, autoscaler.readings)) or "has no metric"


def reading(read: Reading) -> str:
    """One metric of an autoscaler: ``queue_depth 40.5 of 32 a pod``."""
    unit = {"PerPod": " a pod", "Percent": " %", "Total": ""}[read.form]
    return f"{read.metric} {_count(read.current)} of {_count(read.target)}{unit}"


def _trouble(trouble: Trouble) -> Text:
    text = Text(plain(f"{trouble.pod}  ")).append(plain(trouble.reason), _BAD)
    restarts = f", {trouble.restarts} restarts" if trouble.restarts else ""
    said = f": {' '.join(trouble.message.split())}" if trouble.message else ""
    return text.append(plain(f"{said}{restarts}; {trouble.look}"))


def _neighbour(neighbour: Neighbour) -> Text:
    condition = neighbour.condition
    is_good = condition.status == CONDITIONS[condition.type].good
    colour = _GOOD if is_good else _UNKNOWN if condition.status == "Unknown" else _BAD
    text = Text(f"{neighbour.name}  ").append(condition.reason or condition.status, colour)
    return text.append(plain("".join(_more(neighbour))))


def _more(neighbour: Neighbour) -> Iterator[str]:
    if neighbour.condition.message:
        yield f": {neighbour.condition.message}"
    if neighbour.facts:
        yield f"; {', '.join(neighbour.facts)}"


def _said(condition: Condition) -> str:
    return plain(": ".join(filter(None, (condition.reason, condition.message))))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _count(number: float | None) -> str:
    """A number as short as it is; what is not known says so."""
    return "unknown" if number is None else f"{number:g}"

"""A chain: the stages of one modality in order, and what becomes of an item that one of them rejects or breaks on.

Stages know nothing of each other nor of faults; runtimes know nothing of a stage's insides. This module stands between:
it hands outcomes on, and retries a batch that raised item by item, so that one bad item never fails its neighbours.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from mmpipe.models.package import ModelPackage
from mmpipe.records import Failed, Fate, Item, Modality, Outcome, Stage
from mmpipe.spec import ModalitySpec
from mmpipe.stages import embed

__all__ = ["VERBS", "Fate", "NamedStage", "build", "build_stage", "run"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NamedStage:
    """A stage under its dotted name (``image.decode``), which outcomes and logs use."""

    name: str
    stage: Stage[Any, Any]


VERBS = ("decode", "clean", "embed")
"""The stages of every modality, in order."""


def build(options: ModalitySpec, package: ModelPackage) -> tuple[NamedStage, ...]:
    """The chain of one modality: decode, clean, embed. Weights load here, and only this modality's modules."""
    return tuple(build_stage(options, verb, lambda: package) for verb in VERBS)


def build_stage(options: ModalitySpec, verb: str, package: Callable[[], ModelPackage]) -> NamedStage:
    """One stage of a modality. Its module is imported by name, so a pipeline of texts never loads a video decoder.

    Only ``embed`` asks for the package: a process that only decodes loads no weights.
    """
    modality = Modality(options.name)
    if verb == "embed":
        return NamedStage(f"{modality}.{verb}", embed.from_package(package(), options.embed, modality))
    build_one = import_module(f"mmpipe.stages.{modality}.{verb}").build
    return NamedStage(f"{modality}.{verb}", build_one(getattr(options, verb)))


def run(stages: Sequence[NamedStage], items: Sequence[Fate]) -> list[Fate]:
    """Each item through all stages: its last payload, or the verdict or fault that ended its way, in order.

    What a stage before has ended already keeps its verdict or fault.
    """
    fates: list[Fate] = list(items)
    for stage in stages:
        alive = [place for place, fate in enumerate(fates) if isinstance(fate, Item)]
        for place, outcome in zip(alive, _guarded(stage, [fates[place] for place in alive]), strict=True):
            fates[place] = outcome
    return fates


def _guarded(stage: NamedStage, items: list[Any]) -> Sequence[Outcome[Any] | Failed]:
    if not items:
        return []
    try:
        return stage.stage(items)
    except Exception as error:  # a stage may raise anything; the contract says what that means
        if len(items) == 1:
            log.warning("%s failed on %s", stage.name, items[0].id, exc_info=error)
            reason = f"{type(error).__name__}: {error}; run again to retry, and report it if it stays"
            return [Failed(stage.name, reason)]
        log.warning("%s raised on a batch of %d, going item by item: %s", stage.name, len(items), error)
        return [outcome for item in items for outcome in _guarded(stage, [item])]

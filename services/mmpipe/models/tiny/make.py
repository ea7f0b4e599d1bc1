"""From nothing to a finished package: train, export, evaluate, card. Behind ``mmpipe model train-tiny``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from mmpipe.models import package
from mmpipe.models.errors import ModelError
from mmpipe.models.tiny.evaluate import SCENES, Report, evaluate


def make(
    folder: Path,
    chosen: Mapping[str, int],
    *,
    resume: bool = False,
    scenes: int = SCENES,
    tell: Callable[[str], None] = print,
) -> Report:
    """Make the tiny model into ``folder``, with work files beside it; ``chosen`` overrides fields of the training plan.

    ``scenes`` is how many held-out scenes the evaluation takes. :class:`ModelError` where torch is not installed.
    """
    try:
        from mmpipe.models.tiny import export, train  # noqa: PLC0415 - torch: minutes to install, seconds to import
    except ImportError as error:
        raise ModelError(f"training needs {error.name}, which is not installed: pip install 'mmpipe[torch]'") from error
    plan = replace(train.Plan(), **chosen)
    trained = train.train(plan, folder.with_name(folder.name + ".work"), resume=resume, report=tell)
    export.export(trained, folder)
    report = evaluate(package.load(folder), scenes, through_codecs=True)
    sealed = export.complete(folder, report)
    tell(f"{folder}: {sealed.name}@{sealed.digest[:12]}")
    return report

"""What a valid object asks for and one machine cannot do (yet): refused with a sentence, or said aloud, never ignored.

Markers at the fields decide (``model.Later``, ``ClusterOnly``, ``ServicesOnly``); this module only looks for them.
"""

from __future__ import annotations

from mmpipe.spec.model import ClusterOnly, Later, ServicesOnly
from mmpipe.spec.pipeline import MultimodalPipeline
from mmpipe.spec.problems import Problem
from mmpipe.spec.walk import Setting, settings


def refused(pipeline: MultimodalPipeline) -> tuple[Problem, ...]:
    """Settings that are part of the object's design but do not act yet in this release."""
    return tuple(problem for setting in settings(pipeline) if (problem := _refusal(setting)))


def without_effect(pipeline: MultimodalPipeline, *, services: bool = False) -> tuple[str, ...]:
    """Paths of settings that mean nothing to `mmpipe run`, or to the ``services`` of one machine either."""
    return tuple(s.path for s in settings(pipeline) if not s.is_default and _is_idle(s, services=services))


def _is_idle(setting: Setting, *, services: bool) -> bool:
    acts = services and setting.marker(ServicesOnly) is not None
    return setting.marker(ClusterOnly) is not None and not acts


def _refusal(setting: Setting) -> Problem | None:
    later = setting.marker(Later)
    if later is None or setting.is_default or setting.value in later.acting:
        return None
    expected = f"a value that acts in this release (default {setting.info.get_default()!r})"
    return Problem(setting.path, repr(setting.value), expected, later.sentence)

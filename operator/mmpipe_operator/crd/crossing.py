"""Rules of the model that cross fields, in CEL: each mirrors a validator of ``mmpipe.spec``, with the same words."""

from __future__ import annotations

from collections.abc import Mapping

from mmpipe.spec.depth import DepthModality
from mmpipe.spec.pipeline import DIMENSIONS, PipelineSpec
from mmpipe.spec.processes import Authentication, Gateway, Tls
from mmpipe.spec.scaling import Scaling
from mmpipe.spec.template import ValueFrom, Variable, Volume

from mmpipe_operator.crd.rule import Rule, literal

ENTRY = "Modality"
"""Stands for the sum of the modalities' models."""
_KEY = {"name": "media", "key": "tokens"}

"""The typed model of ``MultimodalPipeline``: parses, defaults, validates, explains.

``pipeline`` is the object, one module per modality and block beside it; ``loading`` reads YAML; ``problems`` says what
is wrong; ``acting`` says what one machine does not do; ``explain`` is the reference. Nothing here runs anything.
"""

from mmpipe.spec.acting import in_cluster, refused, without_effect
from mmpipe.spec.explain import explain, schema
from mmpipe.spec.loading import from_object, load, parse
from mmpipe.spec.pipeline import ModalitySpec, MultimodalPipeline, PipelineSpec, default_pipeline
from mmpipe.spec.problems import Problem, SpecError

__all__ = [
    "ModalitySpec",
    "MultimodalPipeline",
    "PipelineSpec",
    "Problem",
    "SpecError",
    "default_pipeline",
    "explain",
    "from_object",
    "in_cluster",
    "load",
    "parse",
    "refused",
    "schema",
    "without_effect",
]

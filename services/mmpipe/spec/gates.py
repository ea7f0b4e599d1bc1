"""Gates switched off: for samples that a person released from quarantine, and that no gate may reject again.

Only what rejects is switched off; settings that stand among the gates and change what is seen (``depth.minMetres``)
stay. A test holds this table against the fields of every modality.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from mmpipe.spec.audio import AudioGates
from mmpipe.spec.depth import DepthGates
from mmpipe.spec.image import ImageGates
from mmpipe.spec.model import SpecModel
from mmpipe.spec.pipeline import ModalitySpec
from mmpipe.spec.text import TextGates
from mmpipe.spec.video import VideoGates

OFF: Mapping[type[SpecModel], Mapping[str, object]] = {
    TextGates: {"min_characters": 0, "languages": (), "max_repetition": 1.0},
    ImageGates: {"min_contrast": 0.0, "min_entropy_bits": 0.0, "min_sharpness": 0.0},
    AudioGates: {"min_loudness_dbfs": -math.inf},
    VideoGates: {"max_black_ratio": 1.0, "max_frozen_ratio": 1.0},
    DepthGates: {"min_valid_ratio": 0.0},
}
"""The value of each gate that lets everything pass."""


def without_gates(options: ModalitySpec) -> ModalitySpec:
    """The options of a modality with every gate of its clean stage off. Broken media still do not decode."""
    gates = options.clean.gates
    clean = options.clean.model_copy(update={"gates": gates.model_copy(update=OFF[type(gates)])})
    return options.model_copy(update={"clean": clean})

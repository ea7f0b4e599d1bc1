"""Depth maps: PNG-16, EXR, PFM, NPY, float TIFF."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mmpipe.spec.embed import Embed
from mmpipe.spec.model import MIB, ClusterOnly, Later, SpecModel, broken_rule
from mmpipe.spec.rollout import Rollout
from mmpipe.spec.scaling import ScalingOverride
from mmpipe.spec.template import PodTemplate


class DepthDecode(SpecModel):
    """From bytes to float32 [height, width] metres, NaN where unknown."""

    max_bytes: Annotated[int, Field(ge=1)] = 256 * MIB
    """Largest file, in bytes."""
    max_pixels: Annotated[int, Field(ge=1)] = 50_000_000
    """Most pixels the header may announce; checked before anything is decoded."""
    max_decompression_ratio: Annotated[float, Field(ge=1)] = 2_000
    """Most decoded bytes per encoded byte; a decompression bomb has more."""
    metres_per_unit: Annotated[float, Field(gt=0)] = 0.001
    """Scale of integer formats (PNG-16, integer NPY); 0.001 reads millimetres. Float formats are in metres already."""


class DepthGates(SpecModel):
    """What a depth map must be to go on."""

    min_valid_ratio: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Smallest share of pixels whose depth is known."""
    min_metres: Annotated[float, Field(ge=0)] = 0.0
    """Nearer pixels count as unknown."""
    max_metres: Annotated[float, Field(gt=0)] = 1_000.0
    """Farther pixels count as unknown."""

    @model_validator(mode="after")
    def _range_in_order(self) -> Self:
        if self.min_metres >= self.max_metres:
            raise broken_rule("minMetres", self.min_metres, f"less than maxMetres ({self.max_metres})", "lower it")
        return self


class DepthClean(SpecModel):
    """From metres to clean metres."""

    gates: DepthGates = DepthGates()
    fill_holes: Annotated[
        Literal["None", "Nearest", "Inpaint"],
        Later("hole filling comes with the cleaning release; set fillHoles to None, models mask what is unknown"),
    ] = "None"
    """How unknown pixels are filled."""


class DepthAugment(SpecModel):
    """Variants for training."""

    operations: Annotated[
        tuple[Literal["Flip", "Crop", "Noise"], ...],
        Field(max_length=16),
        Later("augmentation comes with a later release; leave operations empty"),
    ] = ()
    """Applied in order."""


class DepthModality(SpecModel):
    """Depth maps through decode, clean, augment and embed."""

    name: Literal["depth"] = "depth"
    """The modality."""
    decode: DepthDecode = DepthDecode()
    clean: DepthClean = DepthClean()
    augment: DepthAugment = DepthAugment()
    embed: Embed = Embed()
    scaling: Annotated[ScalingOverride, ClusterOnly()] = ScalingOverride()
    rollout: Annotated[Rollout, ClusterOnly()] = Rollout()
    template: Annotated[PodTemplate, ClusterOnly()] = PodTemplate()

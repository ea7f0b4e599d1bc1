"""Images: JPEG, PNG, WebP, GIF, BMP, TIFF."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mmpipe.spec.embed import Embed
from mmpipe.spec.model import MIB, ClusterOnly, Later, SpecModel
from mmpipe.spec.rollout import Rollout
from mmpipe.spec.scaling import ScalingOverride
from mmpipe.spec.template import PodTemplate


class ImageDecode(SpecModel):
    """From bytes to uint8 [size, size, 3] RGB, upright."""

    max_bytes: Annotated[int, Field(ge=1)] = 64 * MIB
    """Largest file, in bytes."""
    max_pixels: Annotated[int, Field(ge=1)] = 50_000_000
    """Most pixels the header may announce; checked before anything is decoded."""
    max_decompression_ratio: Annotated[float, Field(ge=1)] = 2_000
    """Most decoded bytes per encoded byte; a decompression bomb has more."""
    size: Annotated[int, Field(ge=16, le=4096)] = 224
    """Edge of the square that the models get, in pixels."""
    resize: Literal["Crop", "Pad", "Stretch"] = "Crop"
    """`Crop` scales the short edge and cuts the middle, `Pad` scales the long edge and adds black, `Stretch` ignores
    the aspect."""


class ImageGates(SpecModel):
    """What a picture must be to go on."""

    min_contrast: Annotated[float, Field(ge=0)] = 3.0
    """Smallest standard deviation of the grey levels (0 to 255); a blank picture has less. 0 switches the gate off."""
    min_entropy_bits: Annotated[float, Field(ge=0, le=8)] = 0.0
    """Smallest entropy of the grey-level histogram, in bits. 0 switches the gate off."""
    min_sharpness: Annotated[float, Field(ge=0)] = 0.0
    """Smallest variance of the Laplacian; a blurred picture has less. 0 switches the gate off."""


class ImageClean(SpecModel):
    """From pixels to clean pixels."""

    gates: ImageGates = ImageGates()
    denoise: Annotated[
        Literal["None", "NonLocalMeans", "Learned"],
        Later("denoising comes with the cleaning release; set denoise to None"),
    ] = "None"
    """How noise is taken out."""
    equalize: Annotated[
        bool, Later("histogram equalisation comes with the cleaning release; set equalize to false")
    ] = False
    """Whether the histogram is equalised."""


class ImageAugment(SpecModel):
    """Variants for training."""

    operations: Annotated[
        tuple[Literal["Flip", "Rotate", "Crop", "ColorJitter", "CutMix", "MixUp"], ...],
        Field(max_length=16),
        Later("augmentation comes with a later release; leave operations empty"),
    ] = ()
    """Applied in order."""


class ImageModality(SpecModel):
    """Images through decode, clean, augment and embed."""

    name: Literal["image"] = "image"
    """The modality."""
    decode: ImageDecode = ImageDecode()
    clean: ImageClean = ImageClean()
    augment: ImageAugment = ImageAugment()
    embed: Embed = Embed()
    scaling: Annotated[ScalingOverride, ClusterOnly()] = ScalingOverride()
    rollout: Annotated[Rollout, ClusterOnly()] = Rollout()
    template: Annotated[PodTemplate, ClusterOnly()] = PodTemplate()

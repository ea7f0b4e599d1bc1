"""Audio: WAV, FLAC, MP3, OGG/Opus, M4A."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mmpipe.spec.embed import Embed
from mmpipe.spec.model import GIB, ClusterOnly, Later, SpecModel
from mmpipe.spec.rollout import Rollout
from mmpipe.spec.scaling import ScalingOverride
from mmpipe.spec.template import PodTemplate


class AudioDecode(SpecModel):
    """From bytes of any rate and channels to float32 [samples] mono 16 kHz, a segment at a time."""

    max_bytes: Annotated[int, Field(ge=1)] = 2 * GIB
    """Largest file, in bytes."""
    max_seconds: Annotated[float, Field(gt=0)] = 14_400
    """Longest recording, in seconds."""
    max_channels: Annotated[int, Field(ge=1)] = 64
    """Most channels."""
    segment_seconds: Annotated[float, Field(ge=1)] = 30
    """Longer recordings become segments of this length, each with a vector of its own."""


class AudioGates(SpecModel):
    """What a recording must be to go on."""

    min_loudness_dbfs: Annotated[float, Field(le=0)] = -60.0
    """Smallest loudness (RMS of the loudest half second, in dB below full scale); silence has less."""


class AudioClean(SpecModel):
    """From samples to clean samples."""

    gates: AudioGates = AudioGates()
    vad: Annotated[
        Literal["None", "Energy", "Learned"],
        Later("voice activity detection comes with the cleaning release; set vad to None"),
    ] = "None"
    """How stretches without a voice are cut."""
    denoise: Annotated[
        Literal["None", "SpectralSubtraction", "Wiener"],
        Later("denoising comes with the cleaning release; set denoise to None"),
    ] = "None"
    """How noise is taken out."""
    padding: Annotated[
        Literal["None", "Loop", "Zero"],
        Later("padding comes with the cleaning release; set padding to None, models pad as they need"),
    ] = "None"
    """How short recordings are made longer."""


class AudioAugment(SpecModel):
    """Variants for training."""

    operations: Annotated[
        tuple[Literal["Reverb", "Noise", "SpecAugment", "TimeStretch", "MixUp"], ...],
        Field(max_length=16),
        Later("augmentation comes with a later release; leave operations empty"),
    ] = ()
    """Applied in order."""


class AudioModality(SpecModel):
    """Audio through decode, clean, augment and embed."""

    name: Literal["audio"] = "audio"
    """The modality."""
    decode: AudioDecode = AudioDecode()
    clean: AudioClean = AudioClean()
    augment: AudioAugment = AudioAugment()
    embed: Embed = Embed()
    scaling: Annotated[ScalingOverride, ClusterOnly()] = ScalingOverride()
    rollout: Annotated[Rollout, ClusterOnly()] = Rollout()
    template: Annotated[PodTemplate, ClusterOnly()] = PodTemplate()

"""Video: MP4/MOV, MKV, WebM, AVI with H.264, HEVC, VP9, AV1, MPEG-4."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mmpipe.spec.embed import Embed
from mmpipe.spec.model import GIB, ClusterOnly, Later, SpecModel
from mmpipe.spec.rollout import Rollout
from mmpipe.spec.scaling import ScalingOverride
from mmpipe.spec.template import PodTemplate


class VideoDecode(SpecModel):
    """From bytes to sampled frames, uint8 [frames, size, size, 3] RGB with their times, and the sound beside them."""

    max_bytes: Annotated[int, Field(ge=1)] = 16 * GIB
    """Largest file, in bytes."""
    max_pixels: Annotated[int, Field(ge=1)] = 35_389_440
    """Most pixels of one frame; the default is 8K."""
    max_seconds: Annotated[float, Field(gt=0)] = 14_400
    """Longest film, in seconds."""
    max_frames: Annotated[int, Field(ge=1)] = 2_000_000
    """Most frames that the film may hold."""
    size: Annotated[int, Field(ge=16, le=4096)] = 224
    """Edge of the square that the models get, in pixels; frames are scaled by the short edge and cut in the middle."""
    segment_seconds: Annotated[float, Field(ge=1)] = 30
    """Longer films become segments of this length, each with a vector of its own, in constant memory."""
    sampling: Literal["Uniform", "Scene", "KeyFrames"] = "Uniform"
    """Which frames are taken: evenly in time, one for each scene, or key frames only."""
    frames: Annotated[int, Field(ge=1, le=1024)] = 8
    """Most frames taken from one segment."""
    audio_track: Literal["Embed", "Ignore"] = "Embed"
    """`Embed` also treats the sound track as audio, where the sample brings no audio of its own."""


class VideoGates(SpecModel):
    """What a film must be to go on."""

    max_black_ratio: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Largest share of black frames; 1 switches the gate off."""
    max_frozen_ratio: Annotated[
        float,
        Field(gt=0, le=1),
        Later("the frozen-frame gate comes with the cleaning release; leave maxFrozenRatio at 1"),
    ] = 1.0
    """Largest share of frames that repeat the one before; 1 switches the gate off."""


class VideoClean(SpecModel):
    """From frames to clean frames."""

    gates: VideoGates = VideoGates()


class VideoAugment(SpecModel):
    """Variants for training."""

    operations: Annotated[
        tuple[Literal["Flip", "Crop", "ColorJitter", "TimeStretch"], ...],
        Field(max_length=16),
        Later("augmentation comes with a later release; leave operations empty"),
    ] = ()
    """Applied in order."""


class VideoModality(SpecModel):
    """Video through decode, clean, augment and embed."""

    name: Literal["video"] = "video"
    """The modality."""
    decode: VideoDecode = VideoDecode()
    clean: VideoClean = VideoClean()
    augment: VideoAugment = VideoAugment()
    embed: Embed = Embed()
    scaling: Annotated[ScalingOverride, ClusterOnly()] = ScalingOverride()
    rollout: Annotated[Rollout, ClusterOnly()] = Rollout()
    template: Annotated[PodTemplate, ClusterOnly()] = PodTemplate()

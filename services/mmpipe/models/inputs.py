"""What a tower takes, as ``package.json`` describes it. ``preprocess`` makes it; nothing here needs numpy."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Description(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ImageInput(_Description):
    """Pictures: the centre square, averaged down to ``side`` pixels. Array ``pixels`` uint8 [1, side, side, 3]."""

    kind: Literal["image"] = "image"
    side: int


class AudioInput(_Description):
    """Sounds: windows of log-mel energies. Array ``mel`` float32 [windows, mel_bands, frames] in [0, 1].

    Frames of ``fft_samples`` under a Hann window every ``hop_samples``; triangular mel bands between two frequencies
    (HTK's mel scale); decibels below the loudest band of the whole sound, so that gain makes no difference.
    """

    kind: Literal["log_mel"] = "log_mel"
    sample_rate_hz: Literal[16_000] = 16_000
    fft_samples: int
    hop_samples: int
    mel_bands: int
    low_hz: float
    high_hz: float
    frames: int
    max_windows: int

    @property
    def window_samples(self) -> int:
        """How many samples one window covers."""
        return (self.frames - 1) * self.hop_samples + self.fft_samples


class VideoInput(_Description):
    """Films: ``frames`` frames spread evenly over the film, each as an image, and windows of its sound.

    Arrays ``frames`` uint8 [windows, frames, side, side, 3], ``mel`` as for a sound (zeros if there is none) and
    ``has_audio`` float32 [windows], 1 or 0.
    """

    kind: Literal["film"] = "film"
    frames: int
    picture: ImageInput
    sound: AudioInput


class DepthInput(_Description):
    """Depth maps: the centre square, sampled, never averaged, because edges are real.

    Array ``depth`` float32 [1, 2, side, side]: the logarithm of metres within ``min_metres`` .. ``max_metres`` (0 where
    unknown), and 1 where known.
    """

    kind: Literal["depth_map"] = "depth_map"
    side: int
    min_metres: float
    max_metres: float


class TextInput(_Description):
    """Texts: token ids in windows of ``max_tokens``, zero-padded. Array ``tokens`` int64 [windows, max_tokens]."""

    kind: Literal["tokens"] = "tokens"
    tokenizer: str
    max_tokens: int
    max_windows: int


type Input = Annotated[ImageInput | AudioInput | VideoInput | DepthInput | TextInput, Field(discriminator="kind")]

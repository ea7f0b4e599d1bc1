"""What the tiny model's towers take: the descriptions that go into ``package.json``, shared by training and export."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mmpipe.models.inputs import AudioInput, DepthInput, ImageInput, Input, TextInput, VideoInput
from mmpipe.records import Modality

PICTURE = ImageInput(side=64)
SOUND = AudioInput(
    fft_samples=1_024, hop_samples=400, mel_bands=48, low_hz=50, high_hz=7_600, frames=96, max_windows=16
)
FILM = VideoInput(frames=6, picture=PICTURE, sound=SOUND)
DEPTH = DepthInput(side=64, min_metres=0.1, max_metres=50)
TEXT = TextInput(tokenizer="tokenizer.json", max_tokens=64, max_windows=8)

INPUTS: Mapping[Modality, Input] = MappingProxyType(
    {Modality.TEXT: TEXT, Modality.IMAGE: PICTURE, Modality.AUDIO: SOUND, Modality.VIDEO: FILM, Modality.DEPTH: DEPTH}
)

STORED_SOUND = SOUND.model_copy(update={"frames": 112, "max_windows": 1})
"""Training keeps a little more of each sound than a tower hears, to move the window about."""
STORED_FILM = FILM.model_copy(update={"sound": STORED_SOUND})

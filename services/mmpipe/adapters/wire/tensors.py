"""Arrays, clips and embeddings: little-endian, C-contiguous bytes with a type and a shape.

Decoded arrays are views of the message's bytes and cannot be written to. NaN is a value in depth maps only, where it
says "unknown"; everywhere else it is refused here, before it can spoil a batch.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmpipe.adapters.wire.errors import WireError, checked_text, within
from mmpipe.records import Clip, Embedding, Floats, Pixels
from mmpipe.v1 import media_pb2

type Array = NDArray[Any]
"""uint8 or float32 of any shape."""

_TYPES: dict[int, np.dtype[Any]] = {
    media_pb2.Tensor.TYPE_UINT8: np.dtype(np.uint8),
    media_pb2.Tensor.TYPE_FLOAT32: np.dtype("<f4"),
}
_CODES = {np.dtype(np.uint8): media_pb2.Tensor.TYPE_UINT8, np.dtype(np.float32): media_pb2.Tensor.TYPE_FLOAT32}
_RGB = 3


def encode_tensor(array: Array) -> media_pb2.Tensor:
    """An array of uint8 or float32 of any shape. Raises TypeError for other elements, which no payload has."""
    code = _CODES.get(array.dtype.newbyteorder("="))
    if code is None:
        raise TypeError(f"tensor: found elements of {array.dtype}, expected uint8 or float32; convert the payload")
    data = array.astype(_TYPES[code], copy=False).tobytes()
    return media_pb2.Tensor(type=code, shape=array.shape, data=data)


def decode_tensor(message: media_pb2.Tensor, field: str) -> Array:
    """A read-only view of the message's bytes, of the type and shape that it says."""
    dtype = _TYPES.get(message.type)
    if dtype is None:
        raise WireError(within(field, "type"), str(message.type), "TYPE_UINT8 or TYPE_FLOAT32", "name the element type")
    shape, data = tuple(message.shape), message.data
    size_bytes = math.prod(shape) * dtype.itemsize
    if not shape or len(data) != size_bytes:
        expected = f"{size_bytes} of a {dtype.name} array of shape {list(shape)}" if shape else "a shape"
        raise WireError(within(field, "data"), f"{len(data)} bytes", expected, "send the whole array, C-contiguous")
    return np.frombuffer(data, dtype).reshape(shape)


def encode_clip(clip: Clip) -> media_pb2.Clip:
    """A clip; without sound its ``audio`` stays absent."""
    return media_pb2.Clip(
        frames=encode_tensor(clip.frames),
        timestamps_s=encode_tensor(clip.timestamps_s),
        audio=None if clip.audio is None else encode_tensor(clip.audio),
    )


def decode_clip(message: media_pb2.Clip, field: str) -> Clip:
    """A clip whose frames and times belong together."""
    frames = decode_pixels(message.frames, within(field, "frames"), axes=4)
    times = decode_floats(message.timestamps_s, within(field, "timestamps_s"))
    if len(times) != len(frames):
        found, expected = f"{len(times)} times", f"one for each of the {len(frames)} frames"
        raise WireError(within(field, "timestamps_s"), found, expected, "send both from the same clip")
    audio = decode_floats(message.audio, within(field, "audio")) if message.HasField("audio") else None
    return Clip(frames, times, audio)


def encode_embedding(embedding: Embedding) -> media_pb2.Embedding:
    """A vector and its model."""
    return media_pb2.Embedding(vector=encode_tensor(embedding.vector), model=embedding.model)


def decode_embedding(message: media_pb2.Embedding, field: str) -> Embedding:
    """A vector of one component or more, and the model that made it."""
    vector = decode_floats(message.vector, within(field, "vector"))
    if not vector.size:
        raise WireError(within(field, "vector"), "no components", "a vector", "send what embed answered")
    return Embedding(vector, checked_text(message.model, within(field, "model")))


def decode_pixels(message: media_pb2.Tensor, field: str, axes: int) -> Pixels:
    """Uint8 [..., height, width, 3] with that many axes and at least one pixel."""
    array = decode_tensor(message, field)
    if not is_pixels(array, axes):
        frames = "frames, " if axes > _RGB else ""
        raise _misshapen(array, field, f"uint8 [{frames}height, width, 3], none of them 0")
    return array


def decode_floats(message: media_pb2.Tensor, field: str) -> Floats:
    """float32 [n] of finite numbers."""
    array = decode_tensor(message, field)
    if array.dtype != np.float32 or array.ndim != 1:
        raise _misshapen(array, field, "float32 with one axis")
    return finite(array, field)


def is_pixels(array: NDArray[np.generic], axes: int) -> bool:
    """Whether an array is uint8 [..., height, width, 3] with that many axes and at least one pixel."""
    return array.dtype == np.uint8 and array.ndim == axes and array.shape[-1] == _RGB and array.size > 0


def finite(array: Floats, field: str) -> Floats:
    """An array without NaN and infinities."""
    if not np.isfinite(array).all():
        raise WireError(field, "elements that are no finite numbers", "numbers", "look for the fault where it was made")
    return array


def _misshapen(array: Array, field: str, expected: str) -> WireError:
    return WireError(field, f"{array.dtype} {list(array.shape)}", expected, "send what the stage before answered")

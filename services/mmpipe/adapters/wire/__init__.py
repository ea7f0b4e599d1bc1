"""The wire: what travels between processes, as the records that everything else speaks in, and back.

One function each way for each record; pure, no gRPC. What a sender got wrong is a :class:`WireError` with the path of
the field, so that a server can name it in ``BadRequest``. Arrays are views of the message's bytes, read-only.

===============  =======================================================
:mod:`.facts`    scalars and attributes
:mod:`.tensors`  arrays, clips, embeddings
:mod:`.media`    modality, segment, undecoded bytes and references
:mod:`.items`    items, verdicts, faults
:mod:`.fusions`  what became of a sample as a whole
:mod:`.samples`  whole samples, recognised from their content
===============  =======================================================

``Sample.unreadable`` does not travel: who receives a sample looks at the bytes again.
"""

from mmpipe.adapters.wire.errors import WireError, within
from mmpipe.adapters.wire.facts import decode_facts, encode_facts
from mmpipe.adapters.wire.fusions import decode_fusion, encode_fusion
from mmpipe.adapters.wire.items import (
    decode_failed,
    decode_fate,
    decode_item,
    decode_rejected,
    encode_failed,
    encode_fate,
    encode_item,
    encode_rejected,
)
from mmpipe.adapters.wire.media import (
    decode_media,
    decode_modality,
    decode_segment,
    encode_media,
    encode_modality,
    encode_segment,
)
from mmpipe.adapters.wire.samples import decode_sample, encode_sample
from mmpipe.adapters.wire.tensors import decode_tensor, encode_tensor

__all__ = [
    "WireError",
    "decode_facts",
    "decode_failed",
    "decode_fate",
    "decode_fusion",
    "decode_item",
    "decode_media",
    "decode_modality",
    "decode_rejected",
    "decode_sample",
    "decode_segment",
    "decode_tensor",
    "encode_facts",
    "encode_failed",
    "encode_fate",
    "encode_fusion",
    "encode_item",
    "encode_media",
    "encode_modality",
    "encode_rejected",
    "encode_sample",
    "encode_segment",
    "encode_tensor",
    "within",
]

"""What an exported ONNX network loses before it is shipped: half of every weight's bits, and its maker's traces.

Weights are stored in half precision and used in single; ONNX Runtime folds the casts away when it opens the file, so a
run costs nothing more. The exporter notes for every node which source line made it, by its path on that machine.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

SMALLEST = 256
"""Tensors with fewer numbers than this stay as they are."""


def in_half_precision(model: ModelProto) -> ModelProto:
    """A copy of the network whose large float32 weights are float16 with a cast to float32 behind them."""
    halved = ModelProto()
    halved.CopyFrom(model)
    casts = [_halve(tensor) for tensor in halved.graph.initializer if _is_large(tensor)]
    nodes = [*casts, *halved.graph.node]
    del halved.graph.node[:]
    halved.graph.node.extend(nodes)
    onnx.checker.check_model(halved)
    return halved


def without_traces(model: ModelProto) -> ModelProto:
    """A copy of the network without the exporter's notes on where each part comes from."""
    clean = ModelProto()
    clean.CopyFrom(model)
    graph = clean.graph
    for noted in (clean, graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        noted.ClearField("metadata_props")
        noted.ClearField("doc_string")
    return clean


def _is_large(tensor: TensorProto) -> bool:
    return bool(tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) >= SMALLEST)


def _halve(tensor: TensorProto) -> NodeProto:
    """Change the tensor in place to float16 under a new name; the cast gives the old name back."""
    name = tensor.name
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}.half"))
    return helper.make_node("Cast", [tensor.name], [name], name=f"{name}.cast", to=TensorProto.FLOAT)

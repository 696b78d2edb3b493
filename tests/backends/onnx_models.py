"""What tests of the ONNX backend share: models of graphs, run by onnxruntime and judged by onnx."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime
from comparing import Array
from numpy.typing import NDArray

from netspec import backend
from netspec.ir.graph import Graph
from netspec.ir.ops import Loss, NoisyRelu

Arrays = dict[str, NDArray[np.float32]]


def singles(*groups: Mapping[str, Array]) -> Arrays:
    """Weights and statistics in the one type that a model has."""
    return {key: values.astype(np.float32) for group in groups for key, values in group.items()}


def with_losses(graph: Graph, weights: Arrays) -> onnx.ModelProto:
    """A graph's model, its losses among the outputs."""
    model: onnx.ModelProto = backend.load("onnx_file").model(graph, weights, spec="a spec", losses=True)
    return model


def inferred(model: onnx.ModelProto) -> dict[str, list[int | str]]:
    """The shape of every value, inferred by onnx from the input alone: what the model says itself is taken away."""
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    del bare.graph.value_info[:]
    for output in bare.graph.output:
        output.type.tensor_type.ClearField("shape")
    graph = onnx.shape_inference.infer_shapes(bare, check_type=True, strict_mode=True).graph
    return {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.value_info, *graph.output)
    }


def ours(graph: Graph) -> dict[str, list[int | str]]:
    """The same shapes as the graph has them; a loss is a number, which has no axes in ONNX."""
    return {node.name: [] if isinstance(node.op, Loss) else ["N", *node.output] for node in graph.nodes.values()}


def every_value(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with the value of every layer as an output, and what it draws."""
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    whole.graph.output.extend(model.graph.value_info)
    drawn = [node.output[0] for node in model.graph.node if node.op_type == "RandomNormalLike"]
    whole.graph.output.extend(onnx.helper.make_tensor_value_info(name, 1, None) for name in drawn)
    return whole


def noise_of(graph: Graph, found: Arrays) -> Arrays:
    """The standard normal numbers, by node, that a model has drawn, taken out of what it has computed."""
    nodes = [node for node in graph.nodes.values() if isinstance(node.op, NoisyRelu)]
    return {node.name: (found.pop(f"{node.name}/randomnormallike") - 1) / node.op.std for node in nodes}


def run(model: onnx.ModelProto | bytes, **inputs: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
    """What onnxruntime makes of a model, by the outputs' names."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    data = model if isinstance(model, bytes) else model.SerializeToString()
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def assert_close(found: NDArray[np.float32], wanted: Array, what: str) -> None:
    """Equal in shape, and to 1e-5 of the largest number."""
    assert found.dtype == np.float32 and found.shape == wanted.shape, what
    assert np.abs(found - wanted).max(initial=0.0) <= 1e-5 * np.abs(wanted).max(initial=0.0), what

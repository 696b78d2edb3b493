"""Helpers of the tests of the ONNX backend: making models, inferring their shapes, and running them."""

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
    """Return weights and statistics in one dictionary, as float32."""
    return {key: values.astype(np.float32) for group in groups for key, values in group.items()}


def with_losses(graph: Graph, weights: Arrays) -> onnx.ModelProto:
    """Return a graph's model with its losses among the outputs."""
    model: onnx.ModelProto = backend.load("onnx_file").model(graph, weights, spec="a spec", losses=True)
    return model


def inferred_shapes(model: onnx.ModelProto) -> dict[str, list[int | str]]:
    """Return the shape of every value as inferred by onnx from the input, ignoring the shapes in the model.

    Unknown sizes, which onnx calls ``unk__0``, are N: it does not infer that N, scaled by 1, is N.
    """
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    del bare.graph.value_info[:]
    for output in bare.graph.output:
        output.type.tensor_type.ClearField("shape")
    graph = onnx.shape_inference.infer_shapes(bare, check_type=True, strict_mode=True, data_prop=True).graph
    return {
        value.name: [_size(axis) for axis in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.value_info, *graph.output)
    }


def _size(axis: onnx.TensorShapeProto.Dimension) -> int | str:
    name: str = axis.dim_param
    return "N" if name.startswith("unk__") else name or axis.dim_value


def graph_shapes(graph: Graph) -> dict[str, list[int | str]]:
    """Return the shape of every value according to the graph. A loss is a scalar, which has no axes in ONNX."""
    return {node.name: [] if isinstance(node.op, Loss) else ["N", *node.output] for node in graph.nodes.values()}


def with_all_values(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with the value of every layer, and the random numbers that it draws, as outputs."""
    extended = onnx.ModelProto()
    extended.CopyFrom(model)
    extended.graph.output.extend(model.graph.value_info)
    random = [node.output[0] for node in model.graph.node if node.op_type == "RandomNormalLike"]
    extended.graph.output.extend(onnx.helper.make_tensor_value_info(name, 1, None) for name in random)
    return extended


def pop_noise(graph: Graph, values: Arrays) -> Arrays:
    """Remove the random numbers from a model's outputs, and return them by node, as standard normal numbers."""
    nodes = [node for node in graph.nodes.values() if isinstance(node.op, NoisyRelu)]
    return {node.name: (values.pop(f"{node.name}/randomnormallike") - 1) / node.op.std for node in nodes}


def run(model: onnx.ModelProto | bytes, **inputs: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
    """Run a model with onnxruntime, and return the outputs by name."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    data = model if isinstance(model, bytes) else model.SerializeToString()
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def assert_close(actual: NDArray[np.float32], expected: Array, name: str) -> None:
    """Check that shapes are equal, and values up to 1e-5 of the largest one."""
    assert actual.dtype == np.float32 and actual.shape == expected.shape, name
    assert np.abs(actual - expected).max(initial=0.0) <= 1e-5 * np.abs(expected).max(initial=0.0), name

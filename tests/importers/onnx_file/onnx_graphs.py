"""Making ONNX models, importing them, and comparing what netspec and onnxruntime compute."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from netspec import backend
from netspec.diagnostics import Diagnostic, SpecError
from netspec.ir.shape import Shape
from netspec.net import Imported, import_model
from netspec.source import ModelFile

Array = NDArray[Any]
Values = Mapping[str, Array]

node: Callable[..., NodeProto] = helper.make_node


def numbers(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    """Random numbers around 0."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def model(
    nodes: Iterable[NodeProto],
    shape: Sequence[int | str],
    tensors: Values | None = None,
    *,
    opset: int = 17,
    outputs: Sequence[str] = ("y",),
) -> onnx.ModelProto:
    """A model of the input ``x`` of this shape, the batch included, with float32 outputs."""
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(values), name) for name, values in (tensors or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def imported(given: onnx.ModelProto | bytes, shape: Shape | None = None, name: str = "m") -> Imported:
    """Import a model, with its weights read."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        path.write_bytes(given if isinstance(given, bytes) else given.SerializeToString())
        result = import_model(ModelFile(str(path), ""), shape)
        arrays = {key: read() for key, read in result.arrays.items()}
    return Imported(result.net, {key: lambda values=values: values for key, values in arrays.items()})  # type: ignore[misc]


def refused(given: onnx.ModelProto | bytes, shape: Shape | None = None) -> Diagnostic:
    """The only diagnostic of a model that is not imported."""
    try:
        imported(given, shape)
    except SpecError as error:
        (diagnostic,) = error.diagnostics
        return diagnostic
    raise AssertionError("the model was imported")


def spec(given: onnx.ModelProto | bytes) -> list[str]:
    """The lines of the imported spec, their words separated by single spaces, without comments and empty lines."""
    lines = imported(given).net.source.text.splitlines()
    return [" ".join(line.split()) for line in lines if line and not line.startswith("#")]


def run(given: onnx.ModelProto | bytes, images: Array) -> Array:
    """The first output of a model, computed by onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    data = given if isinstance(given, bytes) else given.SerializeToString()
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    output: Array = session.run(None, {session.get_inputs()[0].name: images})[0]
    return output


def assert_same(
    given: onnx.ModelProto | bytes, images: Array, *, to_model: Callable[[Array], Array] = lambda images: images
) -> Imported:
    """Check that the imported network computes what onnxruntime computes from the file. Return it.

    ``images`` are those that netspec reads; ``to_model`` converts them to the axes of the model's input.
    """
    result = imported(given)
    graph, arrays = result.net.graph, {key: read() for key, read in result.arrays.items()}
    assert {key: arrays[key].shape for key in graph.parameters} == {k: p.shape for k, p in graph.parameters.items()}
    expected = run(given, to_model(images))
    actual = backend.load("reference").run(graph, arrays, images, statistics=arrays).output
    assert actual.size == expected.size
    largest = np.abs(expected).max(initial=0.0)
    assert np.abs(actual.reshape(expected.shape) - expected).max(initial=0.0) <= 1e-5 * largest, result.net.source.text
    return result

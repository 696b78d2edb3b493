"""ONNX's backend node tests as questions: the cases of ``onnx.backend.test`` that have a single node.

Some are made by the modules of ``onnx.backend.test.case.node``, others are stored in the package's data folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case import node as generated
from onnx.backend.test.loader import load_model_tests
from questions import (
    Array,
    DoesNotApply,
    Question,
    Reason,
    avg_pool,
    batch_norm,
    conv,
    elementwise,
    flatten,
    join,
    linear,
    lrn,
    max_pool,
    same_padding,
    softmax,
)

from netspec.ir.ops import (
    Abs,
    Concat,
    Elu,
    LeakyRelu,
    LinearNeuron,
    Log,
    Logistic,
    Max,
    Op,
    Relu,
    SoftRelu,
    Sqrt,
    Sum,
    Tanh,
)
from netspec.ir.window import Pad, Window

STORED = ("pytorch-converted", "pytorch-operator", "simple")


@dataclass(frozen=True)
class Case:
    """One node, what it is given (``None`` where an optional input is left out), and the right outputs."""

    name: str
    operator: str
    opset: int
    attributes: dict[str, Any]
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    rtol: float
    atol: float

    def get(self, attribute: str, default: Any = None) -> Any:
        return self.attributes.get(attribute, default)


@cache
def cases() -> tuple[Case, ...]:
    """Every single-node case of an operator of the table below, by name."""
    for module in MODULES:
        import_module(f"{generated.__name__}.{module}")
    tests = [*generated._NodeTestCases, *(test for kind in STORED for test in load_model_tests(kind=kind))]
    found = [case for test in tests for case in _of(test)]
    return tuple(sorted(found, key=lambda case: case.name))


def question(case: Case) -> Question:
    """The case as a network of netspec's. Raises ``DoesNotApply``."""
    given = [x for x in (*case.inputs, *case.outputs) if x is not None]
    if len(case.outputs) > 1:
        raise DoesNotApply(Reason.OUTPUTS)
    if any(x.dtype not in (np.float32, np.float64, np.bool_) for x in given):
        raise DoesNotApply(Reason.NUMBERS)
    made: Question = QUESTIONS[case.operator](case)
    return made


def _of(test: Any) -> Iterator[Case]:
    model = test.model or onnx.load(Path(test.model_dir) / "model.onnx")
    (node, *others) = model.graph.node
    if others or node.op_type not in QUESTIONS:
        return
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    inputs, outputs = test.data_sets[0] if test.data_sets else _stored(Path(test.model_dir))
    tensors |= zip((x.name for x in model.graph.input if x.name not in tensors), inputs, strict=True)
    attributes = {x.name: onnx.helper.get_attribute_value(x) for x in node.attribute}
    given = tuple(tensors[name] if name else None for name in node.input)
    (opset,) = (x.version for x in model.opset_import if x.domain == "")
    yield Case(test.name, node.op_type, opset, attributes, given, tuple(outputs), test.rtol, test.atol)


def _stored(folder: Path) -> tuple[list[Any], list[Any]]:
    def read(kind: str) -> list[Any]:
        files = sorted((folder / "test_data_set_0").glob(f"{kind}_*.pb"))
        return [numpy_helper.to_array(onnx.TensorProto.FromString(file.read_bytes())) for file in files]

    return read("input"), read("output")


def _neuron(op: Op) -> Callable[[Case], Question]:
    return lambda case: elementwise(op, case.inputs[0])


def _conv(case: Case) -> Question:
    x, weight, bias = (*case.inputs, None)[:3]
    if x.ndim == 5:
        raise DoesNotApply(Reason.VOLUME)
    return conv(x, weight, bias, *_windows(case, x, weight.shape[2:]), case.get("group", 1))


def _max_pool(case: Case) -> Question:
    return max_pool(case.inputs[0], *_windows(case, case.inputs[0], case.get("kernel_shape")))


def _avg_pool(case: Case) -> Question:
    windows = _windows(case, case.inputs[0], case.get("kernel_shape"))
    return avg_pool(case.inputs[0], *windows, padding_counts=bool(case.get("count_include_pad", 0)))


def _windows(case: Case, x: Array, kernel: Any) -> tuple[Window, ...]:
    """Where a kernel stands: a window over the rows and columns, and before it one over a third axis if there is one.
    Rounding up is Caffe's: a last window that would begin behind the image is dropped."""
    axes = x.ndim - 2
    size, kernel = x.shape[2:], tuple(kernel)
    stride, dilation = case.get("strides", (1,) * axes), case.get("dilations", (1,) * axes)
    automatic = case.get("auto_pad", b"NOTSET").decode()
    if automatic.startswith("SAME"):
        sides = [
            same_padding(*numbers, more_before=automatic == "SAME_LOWER")
            for numbers in zip(size, kernel, stride, dilation, strict=True)
        ]
    else:
        pads = case.get("pads", (0, 0) * axes)
        sides = list(zip(pads[:axes], pads[axes:], strict=True))
    rounding = "caffe" if case.get("ceil_mode", 0) else "down"

    def window(rows: int | None, columns: int | None) -> Window:
        def both(numbers: Any, absent: Any) -> Any:
            return tuple(absent if axis is None else numbers[axis] for axis in (rows, columns))

        (top, bottom), (left, right) = both(sides, (0, 0))
        pad = Pad(left, right, top, bottom)
        return Window(both(kernel, 1), both(stride, 1), pad, both(dilation, 1), rounding, kind="pool")

    if axes == 3:
        return window(0, None), window(1, 2)
    return (window(*((None, 0, 1)[-2:] if axes == 2 else (None, 0))),)


def _global(pool: Callable[[Array, Window], Question]) -> Callable[[Case], Question]:
    return lambda case: pool(case.inputs[0], Window(case.inputs[0].shape[2:]))


def _lrn(case: Case) -> Question:
    alpha, beta, bias = case.get("alpha", 1e-4), case.get("beta", 0.75), case.get("bias", 1.0)
    return lrn(case.inputs[0], case.get("size"), alpha, beta, bias)


def _gemm(case: Case) -> Question:
    """alpha A B + beta C. Where C is a matrix, each image has its row of it beside its row of A."""
    a, b, c = (*case.inputs, None)[:3]
    a = a.T if case.get("transA", 0) else a
    weight = case.get("alpha", 1.0) * (b if case.get("transB", 0) else b.T)
    if c is None:
        return linear(a, weight)
    c = case.get("beta", 1.0) * c
    if c.ndim == 2 and len(c) > 1:
        return linear(np.hstack([a, c]), np.hstack([weight, np.eye(len(weight))]))
    return linear(a, weight, np.broadcast_to(c.reshape(-1), len(weight)))


def _softmax(case: Case) -> Question:
    """Before operator set 13 it went over all axes from the given one on."""
    x = case.inputs[0]
    return softmax(x, case.get("axis", -1)) if case.opset >= 13 else softmax(x, case.get("axis", 1), x.ndim)


def _dropout(case: Case) -> Question:
    """Nothing is dropped outside training, or at a rate of 0."""
    ratio, training = (*case.inputs[1:], None, None)[:2]
    if training is not None and training.item() and (ratio is None or ratio.item() > 0):
        raise DoesNotApply(Reason.RANDOM)
    return elementwise(LinearNeuron(), case.inputs[0])


def _batch_norm(case: Case) -> Question:
    return batch_norm(*case.inputs, case.get("epsilon", 1e-5))


QUESTIONS: dict[str, Callable[[Case], Question]] = {
    "Abs": _neuron(Abs()),
    "AveragePool": _avg_pool,
    "BatchNormalization": _batch_norm,
    "Concat": lambda case: join(Concat, case.inputs, case.get("axis")),
    "Conv": _conv,
    "Dropout": _dropout,
    "Elu": lambda case: elementwise(Elu(case.get("alpha", 1.0)), case.inputs[0]),
    "Flatten": lambda case: flatten(case.inputs[0], case.get("axis", 1)),
    "Gemm": _gemm,
    "GlobalAveragePool": _global(avg_pool),
    "GlobalMaxPool": _global(max_pool),
    "LRN": _lrn,
    "LeakyRelu": lambda case: elementwise(LeakyRelu(case.get("alpha", 0.01)), case.inputs[0]),
    "Log": _neuron(Log()),
    "Max": lambda case: join(Max, case.inputs),
    "MaxPool": _max_pool,
    "Relu": _neuron(Relu()),
    "Sigmoid": _neuron(Logistic()),
    "Softmax": _softmax,
    "Softplus": _neuron(SoftRelu()),
    "Sqrt": _neuron(Sqrt()),
    "Sum": lambda case: join(Sum, case.inputs),
    "Tanh": _neuron(Tanh()),
}

MODULES = (
    "abs", "averagepool", "batch_normalization", "concat", "conv", "dropout", "elu", "flatten", "gemm",
    "globalaveragepool", "globalmaxpool", "leakyrelu", "log", "lrn", "max", "maxpool", "relu", "sigmoid", "softmax",
    "softplus", "sqrt", "sum", "tanh",
)  # fmt: skip
"""The modules that make these operators' cases."""

"""Groups of operators that are recognised: functions and normalisations, as exporters write them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
from onnx_graphs import Array, model, node


def chain(*steps: tuple[Any, ...]) -> list[onnx.NodeProto]:
    """Nodes from tuples of an operator, its inputs and its output."""
    return [node(op, list(inputs), [output]) for op, inputs, output in steps]


FUNCTIONS = {
    "silu": chain(("Sigmoid", "x", "s"), ("Mul", "sx", "y")),
    "gelu": chain(("Div", "xr", "d"), ("Erf", "d", "e"), ("Add", "e1", "a"), ("Mul", "xa", "m"), ("Mul", "mh", "y")),
    "gelu inputs=x": chain(
        ("Mul", "xh", "t"), ("Mul", "qx", "d"), ("Erf", "d", "e"), ("Add", "1e", "a"), ("Mul", "ta", "y")
    ),
    "hardsigmoid": chain(("Add", "x3", "a"), ("Clip", "a06", "c"), ("Div", "c6", "y")),
    "hardswish": chain(("Add", "3x", "a"), ("Clip", "a06", "c"), ("Mul", "xc", "m"), ("Div", "m6", "y")),
    "hardswish inputs=x": [node("HardSigmoid", ["x"], ["g"], alpha=1 / 6), node("Mul", ["g", "x"], ["y"])],
    "tanh a=3 b=0.5": chain(("Mul", "xh", "b"), ("Tanh", "b", "t"), ("Mul", "t3", "y")),
    "softrelu": chain(("Softplus", "x", "s"), ("Greater", "x4", "g"), ("Where", "gxs", "y")),
    "log a=6": chain(("Abs", "x", "p"), ("Add", "p6", "a"), ("Log", "a", "y")),
}
"""By the line of the spec. ``r`` is the root of 2, ``q`` of 1/2, ``h`` is 1/2; digits are numbers."""

CONSTANTS = {digit: np.float32(digit) for digit in "01346"}
CONSTANTS |= {"r": np.float32(math.sqrt(2)), "q": np.float32(math.sqrt(0.5)), "h": np.float32(0.5)}


def groups(constant: Array) -> Any:
    """Group normalisation of square maps with as many rows as channels, times a constant."""
    nodes = [
        node("Reshape", ["x", "rows"], ["r"]),
        node("InstanceNormalization", ["r", "one", "zero"], ["i"]),
        node("Reshape", ["i", "back"], ["n"]),
        node("Mul", ["n", "c"], ["y"]),
    ]
    sizes = {"rows": np.array([0, 2, -1]), "back": np.array([0, 4, 4, 4])}
    return model(nodes, ("N", 4, 4, 4), {"one": np.float32([1, 1]), "zero": np.float32([0, 0]), "c": constant, **sizes})


def rows(constant: Array) -> Any:
    """Layer normalisation over the channels of square maps, written as several operators, times a constant."""
    nodes = [
        node("Transpose", ["x"], ["t"], perm=[0, 2, 3, 1]),
        node("ReduceMean", ["t"], ["m"], axes=[-1]),
        node("Sub", ["t", "m"], ["d"]),
        node("Mul", ["d", "d"], ["q"]),
        node("ReduceMean", ["q"], ["v"], axes=[-1]),
        node("Add", ["v", "eps"], ["e"]),
        node("Sqrt", ["e"], ["r"]),
        node("Div", ["d", "r"], ["n"]),
        node("Mul", ["n", "c"], ["s"]),
        node("Transpose", ["s"], ["y"], perm=[0, 3, 1, 2]),
    ]
    return model(nodes, ("N", 4, 4, 4), {"eps": np.float32(1e-5), "c": constant})

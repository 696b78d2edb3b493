"""Operators that onnxruntime makes of several when it optimises a model, as these again.

onnx does not know their shapes. They are those of onnxruntime's documentation (docs/ContribOperators.md) that convnets
get at its level ``ORT_ENABLE_EXTENDED``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

Step = tuple[str, Sequence["str | int | float"], Mapping[str, Any]]
"""An operator, its inputs, and its attributes. An input is a name, the number of a step before, or a constant."""

_DOMAIN = "com.microsoft"

_ACTIVATIONS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("Relu", "Tanh", "Sigmoid"), ()),
    "LeakyRelu": ("alpha",),
    "HardSigmoid": ("alpha", "beta"),
}
"""The functions that a convolution may end with, and the attributes that its ``activation_params`` are."""


def without_fused(model: ModelProto) -> ModelProto:
    """Put several operators in the place of those that onnxruntime made of them. The model is changed."""
    nodes = model.graph.node
    if any(node.domain == _DOMAIN and node.op_type in _STEPS for node in nodes):
        apart = [part for node in nodes for part in _apart(model, node)]
        del nodes[:]
        nodes.extend(apart)
    return model


def _apart(model: ModelProto, node: NodeProto) -> Iterator[NodeProto]:
    from onnx import helper, numpy_helper

    make = _STEPS.get(node.op_type) if node.domain == _DOMAIN else None
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    steps = make([*node.input], attributes) if make is not None and node.input and node.output else []
    for place, (op, given, own) in enumerate(steps):
        inputs = []
        for index, read in enumerate(given):
            name = read if isinstance(read, str) else _part(node, read) if isinstance(read, int) else ""
            if isinstance(read, float):
                name = f"{node.output[0]}/number{place}.{index}"
                model.graph.initializer.append(numpy_helper.from_array(np.array(read, np.float32), name))
            inputs.append(name)
        output = node.output[0] if place == len(steps) - 1 else _part(node, place)
        yield helper.make_node(op, inputs, [output], node.name, **own)
    if not steps:
        yield node


def _part(node: NodeProto, step: int) -> str:
    return f"{node.output[0]}/part{step}"


def _conv(inputs: Sequence[str], attributes: Mapping[str, Any]) -> list[Step]:
    """A convolution, a fourth input that is added, and an activation function."""
    params = attributes.get("activation_params", ())
    own = {key: value for key, value in attributes.items() if not key.startswith("activation")}
    steps: list[Step] = [("Conv", inputs[:3], own)]
    if len(inputs) > 3:
        steps.append(("Add", (0, inputs[3]), {}))
    activation, last = attributes.get("activation", b"").decode("utf-8", "replace"), len(steps) - 1
    if activation == "Clip" and len(params) == 2:
        steps.append(("Clip", (last, *map(float, params)), {}))
    elif activation:
        names = _ACTIVATIONS.get(activation, ("",))
        if len(names) != len(params):
            return []
        steps.append((activation, (last,), dict(zip(names, params, strict=True))))
    return steps


def _quick_gelu(inputs: Sequence[str], attributes: Mapping[str, Any]) -> list[Step]:
    """x sigmoid(alpha x)."""
    x, alpha = inputs[0], float(attributes.get("alpha", 1.702))
    if alpha == 1:
        return [("Sigmoid", (x,), {}), ("Mul", (x, 0), {})]
    return [("Mul", (x, alpha), {}), ("Sigmoid", (0,), {}), ("Mul", (x, 1), {})]


def _gelu(x: str | int, first: int) -> list[Step]:
    """x (1 + erf(x / sqrt 2)) / 2, of which the first step has this number."""
    return [
        ("Div", (x, math.sqrt(2)), {}),
        ("Erf", (first,), {}),
        ("Add", (first + 1, 1.0), {}),
        ("Mul", (x, first + 2), {}),
        ("Mul", (first + 3, 0.5), {}),
    ]


_STEPS: Mapping[str, Callable[[Sequence[str], Mapping[str, Any]], list[Step]]] = {
    "FusedConv": _conv,
    "QuickGelu": _quick_gelu,
    "Gelu": lambda inputs, _: _gelu(inputs[0], 0),
    "BiasGelu": lambda inputs, _: [("Add", inputs[:2], {}), *_gelu(0, 1)],
}
"""What each operator consists of; nothing if it has anything else."""

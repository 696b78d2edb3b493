"""Constants that are the same for all images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from netspec.importers.operators.graph.model import Array, Model, Node, Tensor

_BY_IMAGE = frozenset({"Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean", "Concat"})
"""Operators that may read constants whose first axis is that of the images."""


def for_all_images(model: Model) -> Model:
    """Return a graph whose constants have one image where their numbers are the same for all images.

    A program makes them so for the images that it is given: ``torch.zeros(x.shape[0], 16, 8, 8)``.
    """
    one: dict[str, Tensor] = {}

    def read(node: Node, name: str) -> str:
        tensor, rank = model.tensors.get(name), len(model.shapes.get(node.outputs[0], ()))
        if tensor is None or node.op not in _BY_IMAGE or rank < 2 or len(tensor.shape) != rank:
            return name
        if tensor.shape[0] != model.batch or model.batch == 1:
            return name
        values = tensor.read()
        if not np.array_equal(values, np.broadcast_to(values[:1], values.shape)):
            return name
        one[new := f"{name}:image"] = Tensor(tensor.name, (1, *tensor.shape[1:]), lambda: _first(tensor))
        return new

    nodes = tuple(replace(node, inputs=tuple(read(node, name) for name in node.inputs)) for node in model.nodes)
    return replace(model, nodes=nodes, tensors={**model.tensors, **one}) if one else model


def _first(tensor: Tensor) -> Array:
    first: Array = tensor.read()[:1]
    return first

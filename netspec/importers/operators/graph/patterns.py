"""Recognise groups of nodes that compute together what a single operator does, and put that operator in their place.

Exporters write functions that ONNX lacked, or lacks in the version of the file, as several operators: silu, gelu, layer
normalisation. A pattern gets the last node of a possible group. All values inside a group must be read only there.
Products are compared whatever the order of their factors, and whether they divide or multiply by a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from netspec.importers.operators.graph.model import Model, Node

_DEEPEST = 4

_CLOSE = 1e-4
"""How much a constant in a file may differ from the number meant, relatively. Some exporters round to four digits."""

_CLOSE_IN_HALF = 1e-3
"""The same for a file with numbers of float16, of which each differs by up to 0.0005, and some are products of two."""

_CLOSE_IN_CODE = 2e-5
"""The same for a graph with exact numbers, where only people round: 1.4142 is the root of 2."""


@dataclass(frozen=True, slots=True)
class Match:
    """A group: the operator in its place, that operator's inputs and attributes, and the nodes other than the last."""

    op: str
    inputs: tuple[str, ...]
    inner: tuple[Node, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Product:
    """A product of values and a number, and the nodes that compute it, without the last."""

    factor: float
    values: tuple[str, ...]
    inner: tuple[Node, ...]


Pattern = Callable[[Model, Node], Match | None]


def recognised(model: Model, patterns: Sequence[Pattern]) -> Model:
    """Return the graph with all groups replaced. Groups may contain groups."""
    while True:
        found = _one_round(model, patterns)
        if found is None:
            return model
        model = found


def _one_round(model: Model, patterns: Sequence[Pattern]) -> Model | None:
    """Replace the groups that do not overlap with one before them; ``None`` if there is none."""
    replaced: dict[int, Node] = {}
    gone: set[int] = set()
    for node in model.nodes:
        for pattern in patterns:
            match = pattern(model, node)
            if match is None or not _is_closed(model, node, match):
                continue
            if gone.isdisjoint(map(id, (node, *match.inner))):
                where = {"module": node.module, "called": node.called, "place": node.place}
                new = Node(match.op, node.name, match.inputs, node.outputs[:1], match.attributes, **where)
                replaced[id(node)] = new
                gone.update(map(id, (node, *match.inner)))
                break
    if not replaced:
        return None
    kept = [replaced.get(id(n)) if id(n) in gone else n for n in model.nodes]
    return replace(model, nodes=tuple(n for n in kept if n is not None))


def _is_closed(model: Model, root: Node, match: Match) -> bool:
    """Whether only the group itself reads the values inside it."""
    group = {id(node) for node in (root, *match.inner)}
    inside = [value for node in match.inner for value in node.outputs if value]
    return all(
        value not in model.outputs and all(id(reader) in group for reader in model.readers.get(value, ()))
        for value in inside
    )


def is_close(model: Model, a: float | None, b: float) -> bool:
    """Whether a constant of the graph is meant to be this number."""
    tolerance = _CLOSE_IN_CODE if model.exact else _CLOSE_IN_HALF if model.half else _CLOSE
    return a is not None and math.isclose(a, b, rel_tol=tolerance)


def made_by(model: Model, value: str, op: str) -> Node | None:
    """Return the node that computes a value, if it is this operator."""
    node = model.producers.get(value)
    return node if node is not None and node.op == op else None


def product(model: Model, node: Node, depth: int = 0) -> Product | None:
    """Return what a Mul, or a Div by a number, multiplies, including the products that it alone reads.

    Products inside products are followed to a ``depth`` of 4, more than exporters need.
    """
    parts: tuple[str, ...]
    if node.op == "Div" and len(node.inputs) == 2 and (divisor := model.number(node.inputs[1])):
        parts, factor = node.inputs[:1], 1 / divisor
    elif node.op == "Mul" and len(node.inputs) == 2:
        parts, factor = node.inputs, 1.0
    else:
        return None
    values: list[str] = []
    inner: list[Node] = []
    for part in parts:
        number = model.number(part)
        producer = model.producers.get(part)
        follow = producer is not None and depth < _DEEPEST and model.read_once(part)
        nested = product(model, producer, depth + 1) if producer is not None and follow else None
        if number is not None:
            factor *= number
        elif nested is not None and producer is not None:
            factor *= nested.factor
            values += nested.values
            inner += [producer, *nested.inner]
        else:
            values.append(part)
    return Product(factor, tuple(values), tuple(inner))


def scaled(model: Model, value: str) -> Product:
    """Return a value as a product of one value and a number, which may be 1."""
    node = model.producers.get(value)
    found = product(model, node) if node is not None else None
    if node is None or found is None or len(found.values) != 1:
        return Product(1.0, (value,), ())
    return Product(found.factor, found.values, (node, *found.inner))


def shifted(model: Model, node: Node | None) -> tuple[str, float] | None:
    """Return the value and the number that an Add adds."""
    if node is None or node.op != "Add" or len(node.inputs) != 2:
        return None
    for value, other in (node.inputs, node.inputs[::-1]):
        if (number := model.number(other)) is not None and value not in model.tensors:
            return value, number
    return None


def bounds(model: Model, node: Node) -> tuple[float, float] | None:
    """Return the least and the greatest value of a Clip, ``None`` if they are not constant."""
    limits = [node.attributes.get("min", -math.inf), node.attributes.get("max", math.inf)]
    for place, name in enumerate(node.inputs[1:3]):
        if name:
            number = model.number(name)
            if number is None:
                return None
            limits[place] = number
    low, high = map(float, limits)
    return -math.inf if low <= -_LARGEST else low, math.inf if high >= _LARGEST else high


_LARGEST = 3.4e38
"""What exporters write for no bound is the largest number of float32, or that times -1."""

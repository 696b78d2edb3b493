"""The pattern of a channel shuffle."""

from __future__ import annotations

import math

from netspec.importers.operators.graph.model import Model, Node
from netspec.importers.operators.graph.patterns import Match, Pattern, made_by


def channel_shuffle(model: Model, node: Node) -> Match | None:
    """A matrix of groups and channels, transposed, between two reshapes.

    The channels may be the second axis or the last one, and the pixels one axis or two in between.
    """
    transpose = made_by(model, node.inputs[0], "Transpose") if node.op == "Reshape" else None
    apart = made_by(model, transpose.inputs[0], "Reshape") if transpose is not None else None
    if transpose is None or apart is None:
        return None
    before, after = model.shapes.get(apart.inputs[0]), model.shapes.get(node.outputs[0])
    between = model.shapes.get(apart.outputs[0])
    order = tuple(transpose.attributes.get("perm", ()))
    if before is None or between is None or before != after or not 3 <= len(between) == len(order):
        return None
    first = next((place for place, axis in enumerate(order) if place != axis), 0)
    last = len(order) - 2
    swapped = (*range(first), first + 1, first, *range(first + 2, len(order)))
    if first not in (1, last) or order != swapped:
        return None
    axis = 1 if first == 1 else len(before) - 1
    sides = (math.prod(between[:first]), between[first] * between[first + 1], math.prod(between[first + 2 :]))
    if sides != (math.prod(before[:axis]), before[axis], math.prod(before[axis + 1 :])) or between[0] != before[0]:
        return None
    return Match("ChannelShuffle", apart.inputs[:1], (transpose, apart), {"axis": axis, "groups": between[first]})


PATTERNS: tuple[Pattern, ...] = (channel_shuffle,)

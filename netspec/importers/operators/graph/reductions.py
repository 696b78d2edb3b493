"""The pattern of a reduction over height and width that is written as two."""

from __future__ import annotations

from netspec.importers.operators.graph.model import Model, Node
from netspec.importers.operators.graph.patterns import Match, Pattern, made_by

_REDUCTIONS = ("ReduceMean", "ReduceMax", "ReduceSum")


def both_axes(model: Model, node: Node) -> Match | None:
    """A reduction over an axis of the same over another axis: a mean of means of as many numbers each."""
    inner = made_by(model, node.inputs[0], node.op) if node.op in _REDUCTIONS else None
    if inner is None:
        return None
    first, second = model.axes_of(inner), model.axes_of(node)
    shape = model.shapes.get(inner.inputs[0])
    keep = {bool(n.attributes.get("keepdims", 1)) for n in (node, inner)}
    if not first or not second or shape is None or len(keep) > 1:
        return None
    rank, reduced = len(shape), {axis % len(shape) for axis in first}
    left = [axis for axis in range(rank) if keep == {True} or axis not in reduced]
    axes = sorted(reduced | {left[axis % len(left)] for axis in second})
    return Match(node.op, inner.inputs[:1], (inner,), {"axes": axes, "keepdims": int(keep == {True})})


PATTERNS: tuple[Pattern, ...] = (both_axes,)

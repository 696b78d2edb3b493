"""The patterns of reductions over several axes one by one, of values that are stacked, of groups of channels, and of
bins of pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from netspec.importers.operators.graph.model import Model, Node
from netspec.importers.operators.graph.patterns import Match, Pattern, made_by
from netspec.ir.ops import BinPool

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


def stacked(model: Model, node: Node) -> Match | None:
    """A reduction over the new axis of values that are stacked, by an operator or by Unsqueeze and Concat."""
    join = model.producers.get(node.inputs[0]) if node.op in _JOINS and not node.attributes.get("keepdims", 1) else None
    rank = len(model.shapes.get(join.outputs[0], ())) if join is not None else 0
    if join is None or not rank or join.op not in ("Stack", "Concat"):
        return None
    axis = join.attributes["axis"] % rank
    if [other % rank for other in model.axes_of(node) or ()] != [axis]:
        return None
    parts = [made_by(model, value, "Unsqueeze") for value in join.inputs] if join.op == "Concat" else []
    new = [part for part in parts if part is not None and [a % rank for a in model.axes_of(part) or ()] == [axis]]
    if len(new) != len(parts):
        return None
    return Match(_JOINS[node.op], tuple(part.inputs[0] for part in new) or join.inputs, (join, *new))


_JOINS = {"ReduceMean": "Mean", "ReduceMax": "Max", "ReduceSum": "Sum"}


def in_groups(model: Model, node: Node) -> Match | None:
    """A reduction of the channels of several groups, which a reshape makes an axis: the second one, or the first."""
    reshape = made_by(model, node.inputs[0], "Reshape") if node.op in _REDUCTIONS else None
    if reshape is None or node.attributes.get("keepdims", 1):
        return None
    before, between = (model.shapes.get(step.inputs[0], ()) for step in (reshape, node))
    if len(before) < 2 or len(between) != len(before) + 1:
        return None
    axes = [axis % len(between) for axis in model.axes_of(node) or ()]
    apart = between[:1] == before[:1] and between[3:] == before[2:] and between[1] * between[2] == before[1]
    if axes not in ([1], [2]) or not apart:
        return None
    return Match(f"Group{node.op}", reshape.inputs[:1], (reshape,), {"parts": between[1:3], "axis": axes[0]})


def bins(model: Model, node: Node) -> Match | None:
    """Maps between two matrices, with the shares of rows and of columns in means of bins, as ``binpool`` is written."""
    inner = made_by(model, node.inputs[0], "MatMul") if node.op == "MatMul" else None
    if inner is None:
        return None
    rows, columns = model.tensors.get(inner.inputs[0]), model.tensors.get(node.inputs[1])
    shape = model.shapes.get(inner.inputs[1], ())
    if rows is None or columns is None or len(shape) != 4:
        return None
    if len(rows.shape) != 2 or len(columns.shape) != 2 or (rows.shape[1], columns.shape[0]) != shape[2:]:
        return None
    op = BinPool((rows.shape[0], columns.shape[1]))
    of_rows, of_columns = (op.ranges(axis, size) for axis, size in enumerate(shape[2:]))
    if not (_are_shares(rows.values(), of_rows) and _are_shares(columns.values().T, of_columns)):
        return None
    return Match("BinPool", inner.inputs[1:], (inner,), {"bins": op.bins})


def _are_shares(matrix: NDArray[np.floating], ranges: Sequence[range]) -> bool:
    """Whether each row has the share of each pixel in the mean of a bin."""
    shares = np.zeros(matrix.shape)
    for place, pixels in enumerate(ranges):
        shares[place, pixels] = 1 / len(pixels)
    return bool(np.allclose(matrix, shares, rtol=1e-5, atol=0))


PATTERNS: tuple[Pattern, ...] = (both_axes, stacked, in_groups, bins)

"""The patterns of numbers that are moved: channel shuffles, and channels that become pixels or the other way round."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from netspec.importers.operators.graph.model import Array, Model, Node, Sizes
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
    if 1 in between[first : first + 2]:  # nothing moves
        return Match("Identity", apart.inputs[:1], (transpose, apart))
    return Match("ChannelShuffle", apart.inputs[:1], (transpose, apart), {"axis": axis, "groups": between[first]})


_RESHAPED = ("Reshape", "Flatten", "Squeeze", "Unsqueeze")
_MOVES = (*_RESHAPED, "Transpose")


def squares(model: Model, node: Node) -> Match | None:
    """Reshapes and transpositions that together move channels to the pixels of squares, or back.

    What they move is computed for one image, and compared with all ways of doing so.
    """
    if node.op not in _RESHAPED or not _is_apart(model, node.inputs[0]):
        return None
    after = model.shapes.get(node.outputs[0], ())
    steps = [node]
    while (step := model.producers.get(steps[-1].inputs[0])) is not None and step.op in _MOVES:
        steps.append(step)
        if step.op in _RESHAPED and (factor := _factor(model.shapes.get(step.inputs[0], ()), after)):
            before = model.shapes[step.inputs[0]]
            moved = _moved(model, steps[::-1], np.arange(math.prod(before[1:])).reshape(before[1:]))
            for op, attributes, expected in _ways(before, factor):
                if moved is not None and np.array_equal(moved, expected):
                    return Match(op, step.inputs[:1], tuple(steps[1:]), attributes)
    return None


def _is_apart(model: Model, value: str) -> bool:
    """Whether a value is a transposition of more axes than an image has, perhaps reshaped."""
    step = model.producers.get(value)
    return step is not None and step.op in _MOVES and len(model.shapes.get(value, ())) > 4


def _factor(before: Sizes, after: Sizes) -> int:
    """Return the side of the squares that make an image of another, 0 if there are none. Below 0: of those it has."""
    if len(before) != 4 or len(after) != 4 or before[0] != after[0]:
        return 0
    for sign, small, large in ((1, before, after), (-1, after, before)):
        factor = large[2] // small[2]
        if factor > 1 and large[2:] == (small[2] * factor, small[3] * factor) and small[1] == large[1] * factor**2:
            return sign * factor
    return 0


def _moved(model: Model, steps: list[Node], image: Array) -> Array | None:
    """Return what steps make of an image, None if they move other images to it."""
    for step in steps:
        sizes, order = model.shapes.get(step.outputs[0], ()), tuple(step.attributes.get("perm", (1,)))
        if sizes[:1] != (model.batch,) or (step.op == "Transpose" and order[0] != 0):
            return None
        moved = step.op == "Transpose"
        image = image.transpose([axis - 1 for axis in order[1:]]) if moved else image.reshape(sizes[1:])
    return image


def _ways(before: Sizes, factor: int) -> Iterator[tuple[str, Mapping[str, Any], Array]]:
    """Yield the operators that move channels to squares or back, with what they make of an image."""
    _, channels, height, width = before
    numbers, r = np.arange(channels * height * width), abs(factor)
    if factor > 0:
        size = (channels // r**2, height * r, width * r)
        apart = numbers.reshape(size[0], r, r, height, width).transpose(0, 3, 1, 4, 2)
        yield "DepthToSpace", {"blocksize": r, "mode": "CRD"}, apart.reshape(size)
        apart = numbers.reshape(r, r, size[0], height, width).transpose(2, 3, 0, 4, 1)
        yield "DepthToSpace", {"blocksize": r, "mode": "DCR"}, apart.reshape(size)
    else:
        size = (channels * r**2, height // r, width // r)
        apart = numbers.reshape(channels, size[1], r, size[2], r)
        yield "PixelUnshuffle", {"blocksize": r}, apart.transpose(0, 2, 4, 1, 3).reshape(size)
        yield "SpaceToDepth", {"blocksize": r}, apart.transpose(2, 4, 0, 1, 3).reshape(size)


def slices(model: Model, node: Node) -> Match | None:
    """A slice of some axes of a slice of others."""
    inner = made_by(model, node.inputs[0], "Slice") if node.op == "Slice" else None
    first, second = (_sliced(step) for step in (inner, node)) if inner is not None else ({}, {})
    if inner is None or not first or not second or not first.keys().isdisjoint(second):
        return None
    both = {**first, **second}
    words = ("starts", "ends", "steps")
    attributes = {word: [numbers[place] for numbers in both.values()] for place, word in enumerate(words)}
    return Match("Slice", inner.inputs[:1], (inner,), {**attributes, "axes": [*both]})


def _sliced(node: Node) -> Mapping[int, tuple[int, int, int]]:
    """Return start, end and step by axis, if a slice has them as attributes, as of PyTorch's."""
    words = ("starts", "ends", "axes", "steps")
    if len(node.inputs) > 1 or any(word not in node.attributes for word in words):
        return {}
    starts, ends, axes, steps = (node.attributes[word] for word in words)
    numbers = zip(starts, ends, steps, strict=True)
    return dict(zip(axes, numbers, strict=True)) if min(axes) >= 0 else {}


PATTERNS: tuple[Pattern, ...] = (channel_shuffle, squares, slices)

"""Layers and operations with several inputs, of which some may be numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from netspec.formatting import format_sizes
from netspec.importers.keras_file.graph.building import Convert, Step, Val, leaves
from netspec.importers.keras_file.model.fields import Broken, Fields
from netspec.importers.spec.problem import Inexpressible


def elementwise(op: str) -> Convert:
    """Return the conversion of an operation on two values or numbers, or of a layer that joins several."""

    def convert(step: Step) -> Val:
        operands = _of_one_rank(step)
        if len(operands) == 1:
            return step.x
        if op in ("Sub", "Div", "Pow") and len(operands) != 2:
            raise Broken(f"{step.layer.name} needs two values, and reads {len(operands)}")
        result = _joined(step, [operand for operand in operands if isinstance(operand, Val)])
        names = [_named(step, operand, result) for operand in operands]
        if op == "Mul":
            for name in names[1:]:
                names[0] = step.add(op, [names[0], name], result.own_sizes)
            return replace(result, name=names[0])
        several = "Sum" if op == "Add" and len(names) > 2 else op
        return replace(result, name=step.add(several, names, result.own_sizes))

    return convert


def _of_one_rank(step: Step) -> list[Any]:
    """Return what a layer joins. A vector that is joined with an image gets its missing axes behind the first one
    (``Merge`` of keras/src/layers/merging/base_merge.py)."""
    rank = max(len(value.sizes) for value in step.values)
    found: list[Any] = []
    for operand in step.operands:
        if isinstance(operand, Val) and (missing := rank - len(operand.sizes)):
            sizes = (operand.sizes[0], *(1,) * missing, *operand.sizes[1:])
            found.append(step.of_plain(step.add("Reshape", [step.plain(operand)], sizes)))
        else:
            found.append(operand)
    return found


def _joined(step: Step, values: Sequence[Val]) -> Val:
    """Return the shape of the result, and the order of axes that all have, else that of Keras."""
    sizes = tuple(max(column) for column in zip(*(value.sizes for value in values), strict=True))
    if any(size not in (1, most) for value in values for size, most in zip(value.sizes, sizes, strict=True)):
        raise Broken(f"{step.layer.name} joins {' and '.join(format_sizes(v.sizes[1:]) for v in values)}")
    alike = len({value.order for value in values}) == 1
    return Val("", sizes, values[0].order if alike else tuple(range(len(sizes))))


def _named(step: Step, operand: Any, result: Val) -> str:
    if not isinstance(operand, Val):
        return _constant(step, operand, result)
    return operand.name if operand.order == result.order else step.plain(operand)


def _constant(step: Step, operand: Any, result: Val) -> str:
    """Add a number, or an array with one for each place on the last axis, and return its name."""
    config = operand.get("config") if isinstance(operand, dict) else None
    value = config.get("value") if isinstance(config, dict) else operand
    numbers = [step.config.number(leaf, "a number") for leaf in leaves(value)]
    if len(numbers) == 1:
        return step.constant(numbers[0])
    last = value
    while isinstance(last, list) and len(last) == 1:
        last = last[0]
    if not isinstance(last, list) or len(last) != len(numbers) or len(last) != result.sizes[-1]:
        raise Inexpressible("it computes with an array; a spec has a number, or one for each channel")
    return step.along(result, -1, numbers)


def concat(step: Step) -> Val:
    """Concatenation along an axis."""
    values = step.values
    if len(values) == 1:
        return values[0]
    axis = values[0].axis(step.config.count(step.config.get("axis", step.named.get("axis", -1)), "axis", -9))
    others = {(*value.sizes[:axis], *value.sizes[axis + 1 :]) for value in values}
    if len(others) > 1:
        raise Broken(f"{step.layer.name} joins {' and '.join(format_sizes(v.sizes[1:]) for v in values)}")
    alike = len({value.order for value in values}) == 1
    order = values[0].order if alike else tuple(range(len(values[0].sizes)))
    names = [value.name if alike else step.plain(value) for value in values]
    total = sum(value.sizes[axis] for value in values)
    result = Val("", (*values[0].sizes[:axis], total, *values[0].sizes[axis + 1 :]), order)
    name = step.add("Concat", names, result.own_sizes, axis=order[axis])
    return Val(name, result.sizes, order)


def reduced(op: str) -> Convert:
    """Return the conversion of an operation on all numbers along some axes."""

    def convert(step: Step) -> Val:
        x, given = step.x, Fields({**step.named, **step.config.values}, step.layer.name)
        axes = {x.axis(given.count(axis, "axis", -9)) for axis in leaves(given.get("axis", [*range(len(x.sizes))]))}
        if 0 in axes:
            raise Inexpressible("it is over the images of a batch together")
        keeps = given.flag("keepdims", False)
        sizes = [1 if axis in axes else size for axis, size in enumerate(x.sizes) if keeps or axis not in axes]
        return step.of_plain(step.add(op, [step.plain(x)], tuple(sizes), axes=tuple(sorted(axes)), keepdims=int(keeps)))

    return convert


def scaled_sum(step: Step) -> Val:
    """x + scale y, of Inception-ResNet in keras.applications."""
    if len(step.values) != 2:
        raise Broken(f"{step.layer.name} needs two values")
    x, y = step.values
    if x.order != y.order or x.sizes != y.sizes:
        raise Inexpressible("it joins values of different shapes")
    return step.each("Add", x, step.each("Mul", y, step.constant(step.config.real("scale"))).name)

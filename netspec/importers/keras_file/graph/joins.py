"""Layers and operations with several inputs, of which some may be numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netspec.formatting import format_sizes
from netspec.importers.keras_file.graph.building import Convert, Step, Val, leaves
from netspec.importers.keras_file.model.fields import Broken
from netspec.importers.spec.problem import Inexpressible


def elementwise(op: str) -> Convert:
    """Return the conversion of an operation on two values or numbers, or of a layer that joins several."""

    def convert(step: Step) -> Val:
        operands = step.operands
        if len(operands) == 1:
            return step.x
        if op in ("Sub", "Div") and len(operands) != 2:
            raise Broken(f"{step.layer.name} needs two values, and reads {len(operands)}")
        names, first, sizes, order = _alike(step, operands)
        if op in ("Add", "Mul") and len(names) > 2:
            return _one_by_one(step, op, names, Val(first.name, sizes, order))
        several = {"Add": "Add", "Mean": "Mean"}.get(op, op)
        result = Val("", sizes, order)
        return Val(step.add(several, names, result.own_sizes), sizes, order)

    return convert


def _one_by_one(step: Step, op: str, names: Sequence[str], result: Val) -> Val:
    if op == "Add":
        return Val(step.add("Sum", names, result.own_sizes), result.sizes, result.order)
    name = names[0]
    for other in names[1:]:
        name = step.add(op, [name, other], result.own_sizes)
    return Val(name, result.sizes, result.order)


def _alike(step: Step, operands: Sequence[Any]) -> tuple[list[str], Val, tuple[int, ...], tuple[int, ...]]:
    """Return the names of values and numbers in one order of axes, the largest value, and the shape of the result."""
    values = [operand for operand in operands if isinstance(operand, Val)]
    rank = max(len(value.sizes) for value in values)
    of_rank = [value for value in values if len(value.sizes) == rank]
    columns = [*zip(*((*(1,) * (rank - len(v.sizes)), *v.sizes) for v in values), strict=True)]
    sizes = tuple(max(column) for column in columns)
    if any(size not in (1, largest) for column, largest in zip(columns, sizes, strict=True) for size in column):
        raise Broken(f"{step.layer.name} joins {' and '.join(format_sizes(v.sizes[1:]) for v in values)}")
    orders = {value.order for value in of_rank}
    order = of_rank[0].order if len(orders) == 1 and len(of_rank) == len(values) else tuple(range(rank))
    names = []
    for operand in operands:
        if not isinstance(operand, Val):
            names.append(_constant(step, operand, Val("", sizes, order)))
        else:
            names.append(operand.name if operand.order == order else step.plain(operand))
    return names, of_rank[0], sizes, order


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


def scaled_sum(step: Step) -> Val:
    """x + scale y, of Inception-ResNet in keras.applications."""
    if len(step.values) != 2:
        raise Broken(f"{step.layer.name} needs two values")
    x, y = step.values
    if x.order != y.order or x.sizes != y.sizes:
        raise Inexpressible("it joins values of different shapes")
    return step.each("Add", x, step.each("Mul", y, step.constant(step.config.real("scale"))).name)

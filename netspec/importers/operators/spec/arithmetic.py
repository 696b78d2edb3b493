"""Sums, products and maxima of several values, and of a value and constants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from netspec.importers.operators.graph.model import Tensor
from netspec.importers.operators.spec.broadcasting import broadcast, of_one_rank
from netspec.importers.operators.spec.lines import Line, Read, Site, described, ones
from netspec.importers.operators.spec.naming import of_parameter
from netspec.importers.operators.spec.views import Value
from netspec.importers.spec.problem import Inexpressible
from netspec.ir.shape import Shape


def add(site: Site) -> None:
    """The sum of values, or a bias."""
    if (constant := _constant(site)) is None:
        _join(site, "sum")
    else:
        _plus(site, *constant)


def subtract(site: Site) -> None:
    """A value minus a constant; else the sum of what it subtracts from and of what it subtracts times -1."""
    constant = _constant(site)
    if constant is None:
        _join(site, "sum", [site.value(0), _negative(site, site.value(1))])
    elif site.node.inputs[0] in site.model.tensors:
        _minus(site, *constant)
    else:
        _plus(site, *constant, sign=-1.0)


def _minus(site: Site, x: Value, constant: Tensor) -> None:
    """A constant minus a value."""
    if constant.size == 1:
        site.emit("linear", x, {"a": "-1", "b": site.literal(float(constant.values().reshape(-1)[0]))})
        return
    if unit := _per_unit(x, constant):
        _convolved_by_ones(site, x, unit, of_parameter(constant), sign=-1)
        return
    x, read = per_channel(site, x, constant)
    negative = np.full(x.shape.channels, -1, dtype=np.float32)
    site.emit("affine", x, arrays={"weight": lambda: negative, "bias": read}, hint=of_parameter(constant))


def channels_apart(site: Site) -> None:
    """A coefficient and a term for each channel, which the model computes one by one."""
    scale, shift = (np.array(site.get(word), dtype=np.float32) for word in ("scale", "shift"))
    site.emit("affine", site.image(), arrays={"weight": lambda: scale, "bias": lambda: shift})


def multiply(site: Site) -> None:
    """The product of values, or coefficients."""
    if (constant := _constant(site)) is None:
        _product(site)
    else:
        _times(site, *constant)


def divide(site: Site) -> None:
    """A value divided by a constant."""
    constant = _constant(site)
    if constant is None or site.node.inputs[0] in site.model.tensors:
        raise Inexpressible("it divides by a value; a spec multiplies values")
    _times(site, *constant, inverse=True)


def negate(site: Site) -> None:
    """-x."""
    site.emit("linear", site.x, {"a": "-1"})


def power(site: Site) -> None:
    """x to the power of a whole number: squares, and products of these with x. (Squares and roots were recognised.)"""
    exponent = site.model.number(site.node.inputs[1])
    if exponent is None or exponent not in range(3, MAX_POWER + 1):
        raise Inexpressible("a spec has squares, square roots and products, and no other powers")
    x = site.x
    site.result(x.of(power_of(site, x, int(exponent)), x.shape))


MAX_POWER = 16
"""The highest power that is written as products."""


def power_of(site: Site, x: Value, exponent: int) -> int:
    """Return the line with a power of a value."""
    if exponent == 1:
        return x.line
    if exponent % 2:
        return site.draft.new_line("product", [x.line, power_of(site, x, exponent - 1)], {}, x.shape, origin=site.node)
    root = power_of(site, x, exponent // 2)
    return site.draft.new_line("square", [root], {}, x.shape, origin=site.node)


def join(type_: str) -> Callable[[Site], None]:
    """Return the translation of an elementwise operation on several values."""

    def translate(site: Site) -> None:
        _join(site, type_)

    return translate


def minimum(site: Site) -> None:
    """The minimum of several values: the maximum of these times -1, times -1."""
    largest = _join(site, "max", [_negative(site, value) for value in site.all_values()])
    site.emit("linear", largest, {"a": "-1"})


def mean(site: Site) -> None:
    """The mean of several values: their sum, times a number."""
    total = _join(site, "sum")
    site.emit("linear", total, {"a": site.literal(1 / len(site.node.inputs))})


def _constant(site: Site) -> tuple[Value, Tensor] | None:
    """Return the value and the constant of an operation on the two, ``None`` if both are values."""
    if site.get("broadcast", 0):
        raise Inexpressible(
            "it repeats a factor or term as operator sets before 7 did; onnx.version_converter updates it"
        )
    a, b = site.node.inputs
    for index, other in ((0, b), (1, a)):
        if other in site.model.tensors:
            return site.value(index), site.model.tensors[other]
    return None


def _negative(site: Site, x: Value) -> Value:
    """Return a value times -1."""
    return x.of(site.draft.new_line("linear", [x.line], {"a": "-1"}, x.shape), x.shape)


def _join(site: Site, type_: str, inputs: Sequence[Value] | None = None) -> Value:
    """Make the sum, product or maximum of all inputs that of the node's output, and return it."""
    values = broadcast(site, inputs or site.all_values())
    if len(values) == 1:
        site.result(values[0])
        return values[0]
    first = values[0]
    if any(value.axes != first.axes for value in values):
        raise Inexpressible(f"it joins {' and '.join(described(v) for v in values)}; they must have the same axes")
    lines = _of_one_shape(site, values)
    shape = site.draft.lines[lines[0]].shape
    value = replace(first, line=site.draft.new_line(type_, lines, {}, shape, origin=site.node), shape=shape)
    site.result(value)
    return value


def _of_one_shape(site: Site, values: Sequence[Value]) -> list[int]:
    """Return the lines of values with the same numbers of units; if only some are vectors, the others are flattened."""
    if len({value.shape for value in values}) == 1:
        return [value.line for value in values]
    if any(value.shape.channels != value.shape.units for value in values):
        raise Inexpressible("it joins values of different shapes")
    return [site.draft.flattened(value.line) for value in values]


def _product(site: Site) -> None:
    """A product of values of the same axes, or of maps and one number for each channel or one map, or of a value and a
    number for each image; what lacks other axes is repeated along them first."""
    values = of_one_rank([site.value(0), site.value(1)])
    large, gate = ordered = sorted(values, key=lambda value: value.shape.units, reverse=True)
    if gate.shape.units == 1 < large.shape.units and gate.axes[0] == large.axes[0] == ("N",):
        lines = [large.line, site.draft.flattened(gate.line)]
    else:
        if gate.axes != large.axes:
            gate = _as_units(site, gate)
            large = large if _repeats(gate, large) else broadcast(site, (large, gate))[0]
            gate = gate if _repeats(gate, large) else broadcast(site, (large, gate))[1]
        if gate.axes == large.axes and gate.shape.units == large.shape.units:
            lines = _of_one_shape(site, (large, gate))
            large = replace(large, shape=site.draft.lines[lines[0]].shape)
        elif _repeats(gate, large):
            lines = [large.line, gate.line]
        else:
            named = " and ".join(described(value) for value in values)
            raise Inexpressible(f"it multiplies {named}; they must have the same axes, but for those of length 1")
    lines = lines if ordered == values else lines[::-1]
    line = site.draft.new_line("product", lines, {}, large.shape, origin=site.node)
    site.result(replace(large, line=line))


def _as_units(site: Site, gate: Value) -> Value:
    """Return a value whose second axis is all that it has, as of one row of pixels, as that many channels."""
    axes = (gate.axes[0], gate.own, *((),) * (len(gate.axes) - 2))
    if len(gate.own) != 1 or gate.own == ("C",) or gate.axes != axes:
        return gate
    shape = Shape(gate.shape.units, 1, 1)
    line = site.draft.with_shape(gate.line, shape)
    return replace(gate, line=line, shape=shape, axes=(gate.axes[0], ("C",), *axes[2:]))


def _repeats(gate: Value, large: Value) -> bool:
    """Whether a product repeats this factor itself: a unit for each channel, or one map."""
    units = tuple(group if group in (("N",), ("C",)) else () for group in large.axes)
    if gate.axes == units and gate.shape.units == gate.shape.channels == large.shape.channels:
        return True
    one_map = tuple(() if group == ("C",) else group for group in large.axes)
    return gate.axes == one_map and large.shape.is_image and gate.shape == Shape(1, *large.shape[1:])


def _plus(site: Site, x: Value, constant: Tensor, *, sign: float = 1.0) -> None:
    line = _own_line(site, x)
    if constant.size == 1 and not (line is not None and _lacks_bias(line)):
        b = sign * float(constant.values().reshape(-1)[0])
        if line is not None and line.type == "linear" and "b" not in line.keys:
            line.keys["b"] = site.literal(b)
            site.result(x)
        else:
            site.emit("linear", x, {"b": site.literal(b)})
        return
    if unit := _per_unit(x, constant):
        _plus_each(site, x, _signed(unit, sign), of_parameter(constant))
        return
    x, read = per_channel(site, x, constant)
    if line is not None and _lacks_bias(line) and line is site.draft.lines[x.line]:
        line.keys.pop("bias")
        line.arrays["bias"] = _signed(read, sign)
        line.hint = line.hint or of_parameter(constant)
        site.result(x)
        return
    channels = x.shape.channels
    arrays = {"weight": ones(channels), "bias": _signed(read, sign)}
    site.emit("affine", x, arrays=arrays, hint=of_parameter(constant))


def _plus_each(site: Site, x: Value, unit: Read, hint: tuple[str, ...]) -> None:
    """Add a number to each unit of maps: the biases of the convolution that made them, or of one that is summed in
    them, or else of one that changes nothing but that."""
    line = _own_line(site, x)
    convolution = _summed_convolution(site, line) if line is not None and line.type == "sum" else line
    if convolution is not None and convolution.type == "conv" and _lacks_bias(convolution):
        convolution.keys |= {"bias_per": "unit"}
        convolution.keys.pop("bias")
        convolution.arrays["bias"] = unit
        site.result(x)
        return
    _convolved_by_ones(site, x, unit, hint)


def _convolved_by_ones(site: Site, x: Value, unit: Read, hint: tuple[str, ...], *, sign: int = 1) -> None:
    """Add a number to each unit of maps, or of these times -1, by a convolution with weights that are 1 or -1."""
    channels = x.shape.channels
    groups = {"filters": f"{channels}", "kernel": "1", "groups": f"{channels}"}
    keys = groups | {"init": f"constant({sign})", "bias_per": "unit"}
    weight = np.full((channels, 1, 1, 1), sign, dtype=np.float32)
    arrays: dict[str, Read] = {"weight": lambda: weight, "bias": unit}
    site.emit("conv", x, keys, arrays=arrays, hint=hint)


def _summed_convolution(site: Site, line: Line) -> Line | None:
    """Return a convolution without biases that only this sum reads."""
    lines = [site.draft.lines[number] for number in line.inputs]
    return next(
        (
            other
            for other in lines
            if other.type == "conv"
            and _lacks_bias(other)
            and other.origin is not None
            and site.model.read_once(other.origin.outputs[0])
        ),
        None,
    )


def _times(site: Site, x: Value, constant: Tensor, *, inverse: bool = False) -> None:
    if constant.size == 1:
        a = float(constant.values().reshape(-1)[0])
        if inverse and a == 0:
            raise Inexpressible("it divides by 0")
        site.emit("linear", x, {"a": site.literal(1 / a if inverse else a)})
        return
    x, read = per_channel(site, x, constant)
    weight = (lambda: 1 / read()) if inverse else read
    site.emit("affine", x, {"bias": "none"}, arrays={"weight": weight}, hint=of_parameter(constant))


def _own_line(site: Site, x: Value) -> Line | None:
    """Return the line of a value that only this node reads, so that it may be completed."""
    name = next(name for name in site.node.inputs if name not in site.model.tensors)
    line = site.draft.lines[x.line]
    computed_here = line.origin is not None and _chain_read_once(site, name, line)
    return line if computed_here else None


def _chain_read_once(site: Site, name: str, line: Line) -> bool:
    """Whether nothing but this node reads a value, back to the node that the line was made from."""
    while site.model.read_once(name):
        node = site.model.producers.get(name)
        if node is None or node is line.origin:
            return node is not None
        name = node.inputs[0]
    return False


def _lacks_bias(line: Line) -> bool:
    return line.keys.get("bias") == "none" and "bias" not in line.arrays


def _signed(read: Read, sign: float) -> Read:
    return lambda: sign * read()


def _per_unit(x: Value, constant: Tensor) -> Read | None:
    """Return one number for each unit of an image, if the constant has an image's axes. A constant with as many numbers
    may also differ from image to image of a fixed batch."""
    sizes = (*(1,) * (4 - len(constant.shape)), *constant.shape)
    if not x.shape.is_image or x.shape.units == x.shape.channels or sizes != (1, *x.shape) or not x.is_image:
        return None
    return lambda: constant.values().reshape(tuple(x.shape))


def per_channel(site: Site, x: Value, constant: Tensor) -> tuple[Value, Read]:
    """Return the value, and one number for each of its channels. A flattened image becomes a vector for it.

    Raises ``Inexpressible`` if the constant has other axes.
    """
    sizes = (*(1,) * (len(x.axes) - len(constant.shape)), *constant.shape)
    if x.is_vector and x.shape.is_image and x.shape.units > x.shape.channels and constant.size == x.shape.units:
        x = site.draft.vector(x)
    place, channels = x.channel_axis, x.shape.channels
    for_all = constant.size == 1 and (place is not None or channels == 1)
    for_each = place is not None and sizes[place] == channels == constant.size
    if len(sizes) != len(x.axes) or not (for_all or for_each):
        raise Inexpressible(f"its constant is {'x'.join(map(str, constant.shape))}; a spec has one for each channel")
    return x, lambda: np.broadcast_to(constant.values().reshape(-1), channels)

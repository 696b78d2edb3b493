"""The patterns of activation functions."""

from __future__ import annotations

import math
from collections.abc import Iterator

from netspec.importers.operators.graph.model import Model, Node
from netspec.importers.operators.graph.patterns import (
    Match,
    Pattern,
    Product,
    bounds,
    is_close,
    made_by,
    product,
    scaled,
    shifted,
)

_SIXTH = 1 / 6


def silu(model: Model, node: Node) -> Match | None:
    """x sigmoid(x)."""
    for x, gate, found in _factors(model, node):
        sigmoid = made_by(model, gate, "Sigmoid")
        if is_close(model, found.factor, 1) and sigmoid is not None and sigmoid.inputs[0] == x:
            return Match("Silu", (x,), (*found.inner, sigmoid))
    return None


def mish(model: Model, node: Node) -> Match | None:
    """x tanh(log(1 + e^x))."""
    for x, gate, found in _factors(model, node):
        tanh = made_by(model, gate, "Tanh")
        softplus = made_by(model, tanh.inputs[0], "Softplus") if tanh is not None else None
        if tanh is None or softplus is None or softplus.inputs[0] != x or not is_close(model, found.factor, 1):
            continue
        return Match("Mish", (x,), (*found.inner, tanh, softplus))
    return None


def gelu(model: Model, node: Node) -> Match | None:
    """x (1 + erf(x / sqrt 2)) / 2."""
    for x, doubled, found in _factors(model, node):
        add = model.producers.get(doubled)
        sum_ = shifted(model, add)
        erf = made_by(model, sum_[0], "Erf") if sum_ is not None and is_close(model, sum_[1], 1) else None
        if add is None or erf is None or not is_close(model, found.factor, 0.5):
            continue
        inside = scaled(model, erf.inputs[0])
        if inside.values == (x,) and is_close(model, inside.factor, math.sqrt(0.5)):
            return Match("Gelu", (x,), (*found.inner, add, erf, *inside.inner))
    return None


def hard_sigmoid(model: Model, node: Node) -> Match | None:
    """min(max(0, x + 3), 6) / 6."""
    found = product(model, node)
    if found is None or len(found.values) != 1 or not is_close(model, found.factor, _SIXTH):
        return None
    clipped = _clipped(model, found.values[0])
    return Match("HardSigmoid", clipped[:1], (*found.inner, *clipped[1]), _SLOPE) if clipped else None


def hard_swish(model: Model, node: Node) -> Match | None:
    """x hardsigmoid(x), with hardsigmoid as an operator of its own or not."""
    for x, gate, found in _factors(model, node):
        operator, clipped = made_by(model, gate, "HardSigmoid"), _clipped(model, gate)
        if operator is not None and operator.inputs[0] == x and _is_sixth(model, operator):
            if is_close(model, found.factor, 1):
                return Match("HardSwish", (x,), (*found.inner, operator))
        elif clipped is not None and clipped[0] == x and is_close(model, found.factor, _SIXTH):
            return Match("HardSwish", (x,), (*found.inner, *clipped[1]))
    return None


def scaled_tanh(model: Model, node: Node) -> Match | None:
    """a tanh(b x), with numbers a and b. Without b, the factor a may be another layer's, and stays one."""
    found = product(model, node)
    outer = found if found is not None and len(found.values) == 1 else None
    if outer is None:
        inside = scaled(model, node.inputs[0]) if node.op == "Tanh" else None
        return (
            Match("ScaledTanh", inside.values, inside.inner, {"b": inside.factor}) if inside and inside.inner else None
        )
    tanh = made_by(model, outer.values[0], "ScaledTanh")
    if tanh is None or "a" in tanh.attributes:
        return None
    return Match("ScaledTanh", tanh.inputs, (*outer.inner, tanh), {**tanh.attributes, "a": outer.factor})


def soft_relu(model: Model, node: Node) -> Match | None:
    """log(1 + e^x), but x where x is above 4."""
    if node.op != "Where":
        return None
    condition, x, other = node.inputs
    greater, softplus = made_by(model, condition, "Greater"), made_by(model, other, "Softplus")
    if greater is None or softplus is None or greater.inputs[0] != x or softplus.inputs[0] != x:
        return None
    return Match("SoftRelu", (x,), (greater, softplus)) if model.number(greater.inputs[1]) == 4 else None


def parametric_relu(model: Model, node: Node) -> Match | None:
    """max(0, x) + a max(0, -x) with constants a, which are the slopes times -1, or the same with a difference.

    Keras computes its ``PReLU`` so.
    """
    orders = (node.inputs, node.inputs[::-1]) if node.op == "Add" else (node.inputs,) if node.op == "Sub" else ()
    for above, below in orders:
        relu, product_ = made_by(model, above, "Relu"), made_by(model, below, "Mul")
        for slopes, part in _two_ways(product_.inputs) if product_ is not None else ():
            mirrored = made_by(model, part, "Relu")
            negative = made_by(model, mirrored.inputs[0], "Neg") if mirrored is not None else None
            if relu is None or product_ is None or mirrored is None or negative is None:
                continue
            if slopes in model.tensors and negative.inputs == relu.inputs:
                sign = {"sign": -1.0 if node.op == "Add" else 1.0}
                return Match("PRelu", (relu.inputs[0], slopes), (relu, product_, mirrored, negative), sign)
    return None


def log_of_shifted(model: Model, node: Node) -> Match | None:
    """log(a + x)."""
    add = made_by(model, node.inputs[0], "Add") if node.op == "Log" else None
    sum_ = shifted(model, add)
    return Match("ShiftedLog", sum_[:1], (add,), {"a": sum_[1]}) if add is not None and sum_ is not None else None


def square(model: Model, node: Node) -> Match | None:
    """x x, or x to the power of 2."""
    is_square = node.op == "Mul" and node.inputs[0] == node.inputs[1]
    is_power = node.op == "Pow" and model.number(node.inputs[1]) == 2
    return Match("Square", node.inputs[:1], ()) if is_square or is_power else None


def square_root(model: Model, node: Node) -> Match | None:
    """x to the power of 1/2."""
    is_root = node.op == "Pow" and model.number(node.inputs[1]) == 0.5
    return Match("Sqrt", node.inputs[:1], ()) if is_root else None


def limited(model: Model, node: Node) -> Match | None:
    """The maximum or minimum of x and a number, where x may be limited already."""
    found = _limit(model, node)
    if found is None:
        return None
    x, number = found
    inner = model.producers.get(x) if model.read_once(x) else None
    if inner is not None and _limit(model, inner) is not None:
        return None  # the next round finds a Clip in its place
    within = _range(model, inner) if inner is not None else None
    if inner is not None and within is not None and within[0] < number < within[1]:
        low, high = (number, within[1]) if node.op == "Max" else (within[0], number)
        return Match("Clip", inner.inputs[:1], (inner,), {"min": low, "max": high})
    return Match("Clip", (x,), (), {"min" if node.op == "Max" else "max": number})


def _limit(model: Model, node: Node) -> tuple[str, float] | None:
    """Return x and the number of a maximum or minimum of the two."""
    for x, other in _two_ways(node.inputs) if node.op in ("Max", "Min") else ():
        if (number := model.number(other)) is not None and x not in model.tensors:
            return x, number
    return None


def _range(model: Model, node: Node) -> tuple[float, float] | None:
    """Return the limits of a Relu or a Clip."""
    return bounds(model, node) if node.op == "Clip" else (0.0, math.inf) if node.op == "Relu" else None


def _clipped(model: Model, value: str) -> tuple[str, tuple[Node, ...]] | None:
    """Return x and the nodes of min(max(0, x + 3), 6)."""
    clip = made_by(model, value, "Clip")
    add = model.producers.get(clip.inputs[0]) if clip is not None else None
    sum_ = shifted(model, add)
    if clip is None or add is None or sum_ is None or sum_[1] != 3 or bounds(model, clip) != (0, 6):
        return None
    return sum_[0], (clip, add)


def _is_sixth(model: Model, node: Node) -> bool:
    """Whether a HardSigmoid has the slope 1/6, which is not its default."""
    alpha, beta = node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
    return is_close(model, alpha, _SIXTH) and is_close(model, beta, 0.5)


def _factors(model: Model, node: Node) -> Iterator[tuple[str, str, Product]]:
    """Yield the two values of a product, in both orders, with the product."""
    found = product(model, node)
    if found is not None:
        yield from ((one, other, found) for one, other in _two_ways(found.values))


def _two_ways(values: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return two factors in both orders; nothing for another number of factors."""
    return (values, values[::-1]) if len(values) == 2 else ()


_SLOPE = {"alpha": _SIXTH, "beta": 0.5}

PATTERNS: tuple[Pattern, ...] = (
    silu,
    mish,
    gelu,
    hard_sigmoid,
    hard_swish,
    scaled_tanh,
    soft_relu,
    parametric_relu,
    log_of_shifted,
    square,
    square_root,
    limited,
)

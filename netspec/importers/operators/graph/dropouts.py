"""The patterns of dropout that is written as several operators."""

from __future__ import annotations

from netspec.importers.operators.graph.model import Model, Node
from netspec.importers.operators.graph.patterns import Match, Pattern, Product, is_close, made_by, scaled, shifted

_DIGITS = 12
"""So many digits of 1 - p are those that a person gave; p itself is rounded."""


def drawn_dropout(model: Model, node: Node) -> Match | None:
    """x times random numbers that are 1 with probability p, else 0, divided by p: one for each image, or for each
    channel of each image. The product, or one of its factors, is divided."""
    factor, product, outer = _divided(model, node)
    if product is None or product.op != "Mul" or len(product.inputs) != 2:
        return None
    for x, mask in (product.inputs, product.inputs[::-1]):
        random = scaled(model, mask)
        drawn = made_by(model, random.values[0], "Bernoulli")
        for kept in (Product(1.0, (x,), ()), scaled(model, x)) if drawn is not None else ():
            whole = factor * random.factor * kept.factor
            over = _drawn_for(model, x, mask)
            if drawn is not None and over and is_close(model, whole, 1 / drawn.attributes["probability"]):
                ratio = round(1 - drawn.attributes["probability"], _DIGITS)
                inner = (*outer, *random.inner, drawn, *kept.inner)
                return Match("Dropout", kept.values, inner, {"ratio": ratio, "over": over})
    return None


def _divided(model: Model, node: Node) -> tuple[float, Node | None, tuple[Node, ...]]:
    """Return a number, the node whose value it multiplies or divides, and that node if it is another than this one."""
    for value, other in (node.inputs, node.inputs[::-1]) if node.op in ("Mul", "Div") and len(node.inputs) == 2 else ():
        number, inner = model.number(other), model.producers.get(value)
        if number and inner is not None and (node.op == "Mul" or other == node.inputs[1]):
            return number if node.op == "Mul" else 1 / number, inner, (inner,)
    return 1.0, node, ()


def rounded_down(model: Model, node: Node) -> Match | None:
    """The whole part of p plus uniform random numbers from 0 to 1: 1 with probability p, else 0."""
    sum_ = shifted(model, add := made_by(model, node.inputs[0], "Add")) if node.op == "Floor" else None
    drawn = made_by(model, sum_[0], "RandomUniform") if sum_ is not None else None
    if sum_ is None or add is None or drawn is None or not 0 < sum_[1] < 1:
        return None
    return Match("Bernoulli", (), (add, drawn), {"probability": sum_[1]})


def _drawn_for(model: Model, x: str, drawn: str) -> str:
    """Return what has a random number each, ``images`` or ``channels``; ``""`` if it is something else."""
    whole, own = model.shapes.get(x, ()), model.shapes.get(drawn, ())
    if len(whole) != len(own) or own[:1] != whole[:1] or any(size > 1 for size in own[2:]):
        return ""
    return "images" if own[1:2] == (1,) else "channels" if own[1:2] == whole[1:2] else ""


PATTERNS: tuple[Pattern, ...] = (rounded_down, drawn_dropout)

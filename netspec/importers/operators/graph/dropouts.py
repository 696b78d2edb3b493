"""The patterns of dropout that is written as several operators."""

from __future__ import annotations

from netspec.importers.operators.graph.model import Model, Node
from netspec.importers.operators.graph.patterns import Match, Pattern, is_close, made_by

_DIGITS = 12
"""So many digits of 1 - p are those that a person gave; p itself is rounded."""


def drawn_dropout(model: Model, node: Node) -> Match | None:
    """x times random numbers that are 1 with probability p, else 0, divided by p: one for each image, or for each
    channel of each image."""
    if node.op != "Mul" or len(node.inputs) != 2:
        return None
    for x, factor in (node.inputs, node.inputs[::-1]):
        divided = made_by(model, factor, "Div")
        drawn = made_by(model, divided.inputs[0] if divided is not None else factor, "Bernoulli")
        if drawn is None:
            continue
        kept = drawn.attributes["probability"]
        divisor = model.number(divided.inputs[1]) if divided is not None else 1.0
        over = _drawn_for(model, x, drawn.outputs[0])
        if over and is_close(model, divisor, kept):
            inner = (drawn,) if divided is None else (divided, drawn)
            return Match("Dropout", (x,), inner, {"ratio": round(1 - kept, _DIGITS), "over": over})
    return None


def _drawn_for(model: Model, x: str, drawn: str) -> str:
    """Return what has a random number each, ``images`` or ``channels``; ``""`` if it is something else."""
    whole, own = model.shapes.get(x, ()), model.shapes.get(drawn, ())
    if len(whole) != len(own) or own[:1] != whole[:1] or any(size > 1 for size in own[2:]):
        return ""
    return "images" if own[1:2] == (1,) else "channels" if own[1:2] == whole[1:2] else ""


PATTERNS: tuple[Pattern, ...] = (drawn_dropout,)

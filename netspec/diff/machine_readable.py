"""A comparison as JSON. Names do not change, but new ones may be added.

    {"a": {"file": "specs/alexnet.net", "net": "alexnet"}, "b": {...},
     "same": false,
     "function": "same" | "scores" | "other",
     "layers": [{"a": "conv1", "b": "conv1",
                 "differences": [DIFFERENCE, ...],
                 "type": {"a": "conv", "b": "conv"}, "output": {"a": [96, 55, 55], "b": [96, 55, 55]},
                 "units": {"a": 290400, "b": 290400}, "weights": ..., "biases": ..., "parameters": ...,
                 "connections": ..., "activation_bytes": ...}, ...],
     "orders": [{"layers": [{"a": "conv5", "b": "conv5"}, {"a": "pool5", "b": "pool5"}],
                 "a": ["conv5", "relu", "pool5"], "b": ["conv5", "pool5", "relu"],
                 "effect": EFFECT, "note": "..."}, ...],
     "settings": [{"setting": "train", ...DIFFERENCE}, ...],
     "misfits": [{"a": "conv2", "b": "conv2"}, ...],
     "total": {"units": {"a": 659272, "b": 659272}, "weights": ..., ... as a layer's},
     "not_compared": ["preparation" | "training" | "testing" | "placement", ...]}

    DIFFERENCE: {"kind": "added" | "removed" | "renamed" | "replaced" | "moved" | "changed", "key": "init" | null,
                 "a": "gaussian(0.01)", "b": "gaussian(0.03)", "effect": EFFECT, "note": "..."}
    EFFECT: "function" | "output" | "training" | "testing" | "placement" | "nothing"

``layers`` lists the layers that differ in themselves or only in shape or cost. If one network lacks a layer, its name,
type, output and numbers are ``null`` on that side. Values are texts as in a spec; ``a`` or ``b`` is ``null`` if there
is no value. ``key`` is set for ``changed`` only, and is ``null`` for ``gpus``. ``orders`` combines the differences of
two layers in ``neuron``. ``misfits`` lists layers whose weights have different shapes or connection tables. Bytes are
those of one image in float32. ``not_compared`` lists what one of the files does not state. The effects are explained at
``netspec.diff.model.Effect``.
"""

from __future__ import annotations

import json
from typing import Any

from netspec.diff.model import Costs, Difference, LayerDifference, NetDifference, Side

_COSTS = ("units", "weights", "biases", "parameters", "connections", "activation_bytes")


def to_json(difference: NetDifference, files: tuple[str, str]) -> str:
    """Return the comparison of two files as JSON text."""
    return json.dumps(as_dict(difference, files), indent=1)


def as_dict(difference: NetDifference, files: tuple[str, str]) -> dict[str, Any]:
    """Return the comparison of two files as plain data."""
    return {
        **_sides(*({"file": file, "net": net} for file, net in zip(files, difference.names, strict=True))),
        "same": difference.same,
        "function": difference.function,
        "layers": [_layer(layer) for layer in difference.layers],
        "orders": [
            {
                "layers": [_sides(*names) for names in order.layers],
                "a": list(order.a),
                "b": list(order.b),
                "effect": order.effect,
                "note": order.note,
            }
            for order in difference.orders
        ],
        "settings": [{"setting": s.setting, **_difference(s.difference)} for s in difference.settings],
        "misfits": [_sides(*names) for names in difference.misfits],
        "total": _costs(*difference.totals),
        "not_compared": list(difference.not_compared),
    }


def _layer(layer: LayerDifference) -> dict[str, Any]:
    a, b = layer.a, layer.b
    return {
        **_sides(a and a.name, b and b.name),
        "differences": [_difference(d) for d in layer.differences],
        "type": _sides(a and a.type, b and b.type),
        "output": _sides(_shape(a), _shape(b)),
        **_costs(a.costs if a else None, b.costs if b else None),
    }


def _difference(d: Difference) -> dict[str, Any]:
    return {
        "kind": d.kind,
        "key": d.key or None,
        **_sides(d.a or None, d.b or None),
        "effect": d.effect,
        "note": d.note,
    }


def _costs(a: Costs | None, b: Costs | None) -> dict[str, Any]:
    return {name: _sides(a and getattr(a, name), b and getattr(b, name)) for name in _COSTS}


def _shape(side: Side | None) -> list[int] | None:
    return list(side.output) if side else None


def _sides(a: object, b: object) -> dict[str, Any]:
    return {"a": a, "b": b}

"""A comparison as text: the rows of its tables, and a summary with one line for each aspect."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.diff.model import Difference, Effect, LayerDifference, NetDifference, Numbers, Order, Side
from netspec.units import count, percent, size

Row = tuple[str, str, str]
_HELD = 4
"""Bytes of a parameter in float32."""


@dataclass
class _Told:
    """A row of the table: a difference, and all layers that have it."""

    layers: list[str]
    text: str
    effect: Effect


def rows(found: NetDifference) -> tuple[Row, ...]:
    """Return rows of layers, difference and effect, with one row for a difference that several layers have."""
    told: dict[object, _Told] = {}
    ordered = {(name, side): order for order in found.orders for pair in order.layers for side, name in enumerate(pair)}
    for layer in found.layers:
        for d in layer.differences:
            order = ordered.get((layer.a.name, 0)) if d.key == "neuron" and layer.a else None
            if order is not None:
                text = _with_note(f"order: {', '.join(order.a)} -> {', '.join(order.b)}", order.note)
                told.setdefault(order, _Told([_ends(order)], text, order.effect))
                continue
            same = (d.kind, d.key, d.a, d.b, d.effect, d.note) if d.kind != "renamed" else (d.kind, d.effect, d.note)
            told.setdefault(same, _Told([], _words(d), d.effect)).layers.append(layer.name)
    for setting in found.settings:
        d = setting.difference
        told[setting.setting, d.key] = _Told([setting.setting], _words(d), d.effect)
    return tuple((", ".join(t.layers), t.text, t.effect) for t in told.values())


def cost_rows(found: NetDifference) -> tuple[tuple[str, str, str, str, str], ...]:
    """Return rows of layer, output, parameters, connections and activations of one image, where these differ."""
    return tuple(_cost_row(layer) for layer in found.layers if layer.costs_differ)


def summary(found: NetDifference) -> tuple[str, ...]:
    """Return one line for each aspect of the networks."""
    a, b = found.totals
    return (
        f"function: {_function(found)}",
        f"weights: {_fit(found)}",
        *(f"{effect}: {keys}" for effect in _ASPECTS if (keys := _keys(found, effect))),
        f"parameters: {_change(a.parameters, b.parameters)}",
        f"connections: {_change(a.connections, b.connections)}",
        f"memory: parameters {_bytes(a.parameters * _HELD, b.parameters * _HELD)}; "
        f"activations of one image {_bytes(a.activation_bytes, b.activation_bytes)}",
    )


_ASPECTS: tuple[Effect, ...] = ("training", "testing", "placement")


def _words(d: Difference) -> str:
    match d.kind:
        case "added":
            text = f"added: {d.b}"
        case "removed":
            text = f"removed: {d.a}"
        case "renamed":
            text = "renamed"
        case "replaced":
            text = f"replaced: {d.a} -> {d.b}"
        case "moved":
            text = " -> ".join(f"behind {above}" if above else "first" for above in (d.a, d.b))
            text = f"moved: {text}"
        case "changed":
            text = f"{d.key}: {d.a} -> {d.b}" if d.key else f"{d.a} -> {d.b}"
    return _with_note(text, d.note)


def _with_note(text: str, note: str) -> str:
    return f"{text} ({note})" if note else text


def _ends(order: Order) -> str:
    return ", ".join(" = ".join(dict.fromkeys(pair)) for pair in order.layers)


def _function(found: NetDifference) -> str:
    match found.function:
        case "same":
            return "the same"
        case "scores":
            return "the same class scores, another output"
        case "other":
            return "another one" if found.misfits else "another one; the same weights give other class scores"


def _fit(found: NetDifference) -> str:
    """Describe whether the weights of one network fit the other."""
    other = [" = ".join(dict.fromkeys((x, y))) for x, y in found.misfits if x and y]
    first = [x for x, y in found.misfits if x and not y]
    second = [y for x, y in found.misfits if y and not x]
    told = (("of other shapes or tables in", other), ("only in the first:", first), ("only in the second:", second))
    return "; ".join(f"{what} {', '.join(names)}" for what, names in told if names) or "of the same shapes"


def _keys(found: NetDifference, effect: Effect) -> str:
    """The keys of all differences with this effect."""
    told = [d.key or d.kind for layer in found.layers for d in layer.differences if d.effect == effect]
    told += [s.difference.key or s.setting for s in found.settings if s.difference.effect == effect]
    return ", ".join(dict.fromkeys(told))


def _change(a: int, b: int) -> str:
    if a == b:
        return f"{count(a)}, the same"
    sign = "+" if b > a else "-"
    share = f", {sign}{percent(abs(b - a), a)}" if a else ""
    return f"{count(a)} -> {count(b)} ({sign}{count(abs(b - a))}{share})"


def _bytes(a: int, b: int) -> str:
    if a == b:
        return f"{size(a)}, the same"
    if size(a) == size(b):
        return f"{count(a)} -> {count(b)} bytes"
    return f"{size(a)} -> {size(b)}"


def _cost_row(layer: LayerDifference) -> tuple[str, str, str, str, str]:
    a, b = layer.a, layer.b
    p, q = a.numbers if a else Numbers(), b.numbers if b else Numbers()
    return (
        layer.name,
        _arrow(_shape(a), _shape(b)),
        _arrow(count(p.parameters), count(q.parameters)),
        _arrow(count(p.connections), count(q.connections)),
        _arrow(size(p.activation_bytes), size(q.activation_bytes)),
    )


def _arrow(a: str, b: str) -> str:
    """``a -> b``, or an empty text if they are equal."""
    return "" if a == b else f"{a} -> {b}"


def _shape(side: Side | None) -> str:
    return str(side.output) if side else "none"

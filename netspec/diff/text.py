"""A comparison as text: the rows of its tables, and a summary with one line for each aspect."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from netspec.diff.model import Costs, Difference, Effect, LayerDifference, NetDifference, Order, Side
from netspec.formatting import format_bytes, format_count, format_percent

Row = tuple[str, str, str]
CHANGES = ("layer", "difference", "changes")
"""The headings of ``rows``."""

COSTS = ("layer", "output", "parameters", "connections", "activations")
"""The headings of ``cost_rows``."""

_BYTES_PER_PARAMETER = 4
"""Bytes of a parameter in float32."""

_PLACE = ", after "
"""What stands between an added or removed layer and its place."""

_SAME_VALUES = "the same values, in another order or joined in other steps"

_MANY = 4
"""The largest number of layers whose places and inputs are told one by one."""

_MAX_NAMES = 12
_MAX_NAMES_WITHOUT_EFFECT = 8
"""The longest lists of layers that are written in full. Of longer ones, the first layers are named."""


@dataclass
class _Line:
    """A row of the table: a difference, and all layers that have it."""

    layers: list[str]
    text: str
    effect: Effect


def rows(difference: NetDifference) -> tuple[Row, ...]:
    """Return rows of layers, difference and effect, with one row for a difference that several layers have."""
    lines: dict[object, _Line] = {}
    order_of = {
        (name, side): order for order in difference.orders for pair in order.layers for side, name in enumerate(pair)
    }
    common = Counter(_without_place(d) for layer in difference.layers for d in layer.differences)
    for layer in difference.layers:
        for d in layer.differences:
            order = order_of.get((layer.a.name, 0)) if d.key == "neuron" and layer.a else None
            if order is not None:
                text = _with_note(f"order: {', '.join(order.a)} -> {', '.join(order.b)}", order.note)
                lines.setdefault(order, _Line([_ends(order)], text, order.effect))
                continue
            key, text = _row_of(d, many=common[_without_place(d)] > _MANY)
            lines.setdefault(key, _Line([], text, d.effect)).layers.append(layer.name)
    for setting in difference.settings:
        d = setting.difference
        lines[setting.setting, d.key] = _Line([setting.setting], _describe(d), d.effect)
    return tuple((_list(line.layers, line.effect), line.text, line.effect) for line in lines.values())


def _row_of(d: Difference, *, many: bool) -> tuple[object, str]:
    """Return what the differences of one row have in common, and its text.

    If ``many`` layers differ in this way, where each of them stands and what it reads is not written.
    """
    if d.kind == "renamed":
        return (d.kind, d.effect, d.note), _describe(d)
    if many:
        d = _without_place(d)
    text = f"inputs: {_SAME_VALUES}" if d.note == _SAME_VALUES else _describe(d)
    return (d.kind, d.key, d.a, d.b, d.effect, d.note), text


def _without_place(d: Difference) -> Difference:
    """Leave out the place of an added or removed layer, and the names of inputs that stand for the same values."""
    if d.kind in ("added", "removed"):
        return replace(d, a=d.a.partition(_PLACE)[0], b=d.b.partition(_PLACE)[0])
    if d.kind == "changed" and d.key == "inputs" and d.effect == "nothing":
        return replace(d, a="", b="", note=_SAME_VALUES)
    return d


def _list(names: list[str], effect: Effect = "function") -> str:
    """Name the layers of a row, or the first ones of many."""
    longest = _MAX_NAMES_WITHOUT_EFFECT if effect == "nothing" else _MAX_NAMES
    if len(names) <= longest:
        return ", ".join(names)
    return f"{', '.join(names[: longest - 1])} and {len(names) - longest + 1} others"


def cost_rows(difference: NetDifference) -> tuple[tuple[str, str, str, str, str], ...]:
    """Return rows of layer, output, parameters, connections and activations of one image, where these differ."""
    return tuple(_cost_row(layer) for layer in difference.layers if layer.costs_differ)


def summary(difference: NetDifference) -> tuple[str, ...]:
    """Return one line for each aspect of the networks."""
    a, b = difference.totals
    return (
        f"function: {_describe_function(difference)}",
        f"weights: {_weights_fit(difference)}",
        *(f"{effect}: {keys}" for effect in _ASPECTS if (keys := _keys(difference, effect))),
        f"parameters: {_change(a.parameters, b.parameters)}",
        f"connections: {_change(a.connections, b.connections)}",
        f"memory: parameters {_bytes(a.parameters * _BYTES_PER_PARAMETER, b.parameters * _BYTES_PER_PARAMETER)}; "
        f"activations of one image {_bytes(a.activation_bytes, b.activation_bytes)}",
        *not_compared(difference),
    )


def not_compared(difference: NetDifference) -> tuple[str, ...]:
    """Return a line on what was not compared, if there is anything."""
    if not difference.not_compared:
        return ()
    words = {"preparation": "preparation of images", "placement": "placement on GPUs"}
    aspects = ", ".join(words.get(aspect, aspect) for aspect in difference.not_compared)
    return (f"not compared, because one of the files does not state it: {aspects}",)


_ASPECTS: tuple[Effect, ...] = ("training", "testing", "placement")


def _describe(d: Difference) -> str:
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
            text = " -> ".join(f"after {above}" if above else "first" for above in (d.a, d.b))
            text = f"moved: {text}"
        case "changed":
            text = f"{d.key}: {d.a} -> {d.b}" if d.key else f"{d.a} -> {d.b}"
    return _with_note(text, d.note)


def _with_note(text: str, note: str) -> str:
    return f"{text} ({note})" if note else text


def _ends(order: Order) -> str:
    return ", ".join(" = ".join(dict.fromkeys(pair)) for pair in order.layers)


def _describe_function(difference: NetDifference) -> str:
    match difference.function:
        case "same":
            return "the same"
        case "scores":
            return "the same class scores, another output"
        case "other":
            return "another one" if difference.misfits else "another one; the same weights give other class scores"


def _weights_fit(difference: NetDifference) -> str:
    """Describe whether the weights of one network fit the other."""
    differing = [" = ".join(dict.fromkeys((x, y))) for x, y in difference.misfits if x and y]
    first = [x for x, y in difference.misfits if x and not y]
    second = [y for x, y in difference.misfits if y and not x]
    parts = (
        ("of other shapes or tables in", differing),
        ("only in the first:", first),
        ("only in the second:", second),
    )
    return "; ".join(f"{what} {_list(names)}" for what, names in parts if names) or "of the same shapes"


def _keys(difference: NetDifference, effect: Effect) -> str:
    """The keys of all differences with this effect."""
    keys = [d.key or d.kind for layer in difference.layers for d in layer.differences if d.effect == effect]
    keys += [s.difference.key or s.setting for s in difference.settings if s.difference.effect == effect]
    return ", ".join(dict.fromkeys(keys))


def _change(a: int, b: int) -> str:
    if a == b:
        return f"{format_count(a)}, the same"
    sign = "+" if b > a else "-"
    share = f", {sign}{format_percent(abs(b - a), a)}" if a else ""
    return f"{format_count(a)} -> {format_count(b)} ({sign}{format_count(abs(b - a))}{share})"


def _bytes(a: int, b: int) -> str:
    if a == b:
        return f"{format_bytes(a)}, the same"
    if format_bytes(a) == format_bytes(b):
        return f"{format_count(a)} -> {format_count(b)} bytes"
    return f"{format_bytes(a)} -> {format_bytes(b)}"


def _cost_row(layer: LayerDifference) -> tuple[str, str, str, str, str]:
    a, b = layer.a, layer.b
    p, q = a.costs if a else Costs(), b.costs if b else Costs()
    return (
        layer.name,
        _arrow(_shape(a), _shape(b)),
        _arrow(format_count(p.parameters), format_count(q.parameters)),
        _arrow(format_count(p.connections), format_count(q.connections)),
        _arrow(format_bytes(p.activation_bytes), format_bytes(q.activation_bytes)),
    )


def _arrow(a: str, b: str) -> str:
    """``a -> b``, or an empty text if they are equal."""
    return "" if a == b else f"{a} -> {b}"


def _shape(side: Side | None) -> str:
    return str(side.output) if side else "none"

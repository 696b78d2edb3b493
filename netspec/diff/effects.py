"""Find out what a changed key changes, by giving an operation the other network's value of the key."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import replace

from netspec.diff.facts import fields_of, main_nodes
from netspec.diff.model import Effect
from netspec.diff.normal_form import Signature, signature
from netspec.ir.fault import Fault
from netspec.ir.graph import Graph, Layer, Node
from netspec.ir.ops import Conv, Dropout, Local, Lrn, MapNorm, Op, window_of
from netspec.ir.window import Window
from netspec.keys import texts

Pair = tuple[Graph, Layer, Graph, Layer]
"""A layer in each of two networks, with the graphs."""


def computing_keys(pair: Pair, keys: Collection[str]) -> frozenset[str]:
    """Return those of ``keys``, in which a layer differs, that change what the layer computes.

    A key does so if one network's operation would compute something else, or be impossible, with the other's value. If
    the keys only do so together, all of them are returned.
    """
    nodes = _nodes(pair)
    if all(_signature(g, n) == _signature(h, m) for (g, n), (h, m) in nodes):
        return frozenset()
    single = {
        key for key in keys if any(_changes_result(p, q, [key]) or _changes_result(q, p, [key]) for p, q in nodes)
    }
    only_together = not single and any(_changes_result(p, q, keys) or _changes_result(q, p, keys) for p, q in nodes)
    return frozenset(keys if only_together else single)


def explanation(pair: Pair, key: str, effect: Effect) -> str:
    """Return an explanation of a changed key, if there is one: conventions, effective padding, or dropout's factor."""
    ((g, n), (h, m)), *_ = _nodes(pair)
    if key == "alpha" and isinstance(n.op, Lrn | MapNorm) and isinstance(m.op, Lrn | MapNorm):
        return _convention(n.op, m.op)
    if key in ("pad", "rounding") and effect != "nothing" and isinstance(n.op, Conv | Local):
        return _padding((g, n), (h, m))
    if key in ("rate", "scaling") and isinstance(n.op, Dropout) and isinstance(m.op, Dropout):
        return factor_note(n.op, m.op)
    return ""


def factor_note(a: Op | None, b: Op | None) -> str:
    """Describe dropout's factor outside training if it differs. ``None`` stands for a missing layer."""
    before, after = _factor(a), _factor(b)
    return "" if before == after else f"outside training: times {before} -> times {after}"


def _factor(op: Op | None) -> str:
    return texts.number(1 - op.rate if isinstance(op, Dropout) and op.scaling == "test" else 1)


def _nodes(pair: Pair) -> list[tuple[tuple[Graph, Node], tuple[Graph, Node]]]:
    a, layer_a, b, layer_b = pair
    nodes = zip(main_nodes(a, layer_a), main_nodes(b, layer_b), strict=False)
    return [((a, n), (b, m)) for n, m in nodes]


def _signature(graph: Graph, node: Node) -> Signature:
    return signature(node.op, graph.shapes(node))


def _changes_result(own: tuple[Graph, Node], other: tuple[Graph, Node], keys: Collection[str]) -> bool:
    graph, node = own
    changed = node.op
    for key in keys:
        changed = _with_key_of(changed, other[1].op, key)
    try:
        return _signature(graph, node) != signature(changed, graph.shapes(node))
    except Fault:
        return True


def _with_key_of(op: Op, other: Op, key: str) -> Op:
    """Return ``op`` with the value that ``other`` has for a key."""
    window = window_of(op)
    other_window = window_of(other)
    if window is not None and other_window is not None and key in {f.name for f in dataclasses.fields(Window)}:
        changed = replace(window, **{key: getattr(other_window, key)})
        return replace(op, window=changed)  # type: ignore[call-arg]  # what has a window has this field
    fields = ("groups",) if key == "reads" else fields_of(op, key)
    if not set(fields) <= {f.name for f in dataclasses.fields(op)}:
        return op
    return replace(op, **{field: getattr(other, field) for field in fields})


def _convention(a: Lrn | MapNorm, b: Lrn | MapNorm) -> str:
    """Explain how two values of alpha are related, if they express the same value in the two conventions."""
    window, other_window = (op.size if isinstance(op, Lrn) else op.size**2 for op in (a, b))
    if window != other_window and texts.number(a.alpha * window) == texts.number(b.alpha * other_window):
        return f"the same scale, {texts.number(a.alpha * window)}, over windows of {window} and {other_window}"
    large, small = max(a.alpha, b.alpha), min(a.alpha, b.alpha)
    if window == other_window > 1 and small > 0 and texts.number(large / small) == texts.number(window):
        return f"{texts.number(small)} = {texts.number(large)} / {window}, the window's size"
    return ""


def _padding(a: tuple[Graph, Node], b: tuple[Graph, Node]) -> str:
    """Describe the zeros that two convolutions really read, if they differ."""
    before, after = _effective(*a), _effective(*b)
    return "" if before == after else f"zeros read: {before} -> {after}"


def _effective(graph: Graph, node: Node) -> str:
    window = window_of(node.op)
    (x,) = graph.shapes(node)
    return texts.pad(window.effective_pad(x.height, x.width)) if window else ""

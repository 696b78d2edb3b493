"""Compare two networks: how they differ, which differences change what they compute, and how their costs differ."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import replace

from netspec.diff.ends import end_differences
from netspec.diff.layers import layer_differences
from netspec.diff.matched import Matched, match
from netspec.diff.model import (
    EFFECTS,
    Costs,
    Difference,
    Effect,
    LayerDifference,
    NetDifference,
    Order,
    SettingDifference,
    gravest,
)
from netspec.diff.order import orders
from netspec.diff.settings import setting_differences
from netspec.ir.graph import Graph
from netspec.ir.settings import ASPECTS
from netspec.net import Net

__all__ = [
    "EFFECTS",
    "Difference",
    "Effect",
    "LayerDifference",
    "NetDifference",
    "Order",
    "SettingDifference",
    "compare",
]


def compare(a: Net, b: Net) -> NetDifference:
    """Compare the graphs of two networks. Writing out a default value makes no difference.

    What the file of one of them cannot state (``Net.unstated``) is not compared.
    """
    unstated = {*a.unstated, *b.unstated}
    if "preparation" in unstated:
        b = replace(b, graph=replace(b.graph, preprocessing=a.graph.preprocessing))
    matched = match(a, b)
    layers = layer_differences(matched)
    settings = (*end_differences(matched, layers), *setting_differences(a.graph, b.graph))
    whole = matched.verdict.whole
    from_layers = gravest(*(d.effect for layer in layers for d in layer.differences))
    if gravest(whole, from_layers) != from_layers:
        layers = tuple(_with_placement_effect(layer, whole) for layer in layers)
    return NetDifference(
        (a.name, b.name),
        tuple(_stated(layers, unstated)),
        orders(matched, layers),
        tuple(setting for setting in settings if setting.difference.effect not in unstated),
        "same" if whole == "nothing" else "scores" if whole == "output" else "other",
        tuple(_misfits(matched)),
        (_total(a), _total(b)),
        tuple(aspect for aspect in ASPECTS if aspect in unstated),
    )


def _stated(layers: Iterable[LayerDifference], unstated: Collection[str]) -> Iterable[LayerDifference]:
    """Yield the differences of layers without those whose effect is on what is unstated."""
    for layer in layers:
        kept = replace(layer, differences=tuple(d for d in layer.differences if d.effect not in unstated))
        if kept.differences or (layer.a and layer.b and layer.costs_differ):
            yield kept


def _with_placement_effect(layer: LayerDifference, effect: Effect) -> LayerDifference:
    """Give ``effect`` to a layer's placement: it may change how layers below are divided, and so what they compute."""
    changed = (replace(d, effect=effect) if d.effect == "placement" else d for d in layer.differences)
    return replace(layer, differences=tuple(changed))


def _misfits(matched: Matched) -> Iterable[tuple[str | None, str | None]]:
    """Yield the pairs of layers whose own parameters differ in shape or connection table, including unpaired layers."""
    for x, y in matched.in_order():
        if _parameter_forms(matched.graphs[0], x) != _parameter_forms(matched.graphs[1], y):
            yield x, y


def _parameter_forms(graph: Graph, layer: str | None) -> dict[str, object]:
    """The shapes and connection tables of a layer's own parameters, by their names without the layer's."""
    own = graph.parameters_of(layer) if layer else ()
    return {p.key.removeprefix(f"{layer}."): (p.shape, p.table if p.size < math.prod(p.shape) else None) for p in own}


def _total(net: Net) -> Costs:
    total = net.total
    activations = sum(n.activation_bytes(1) for n in net.layers.values())
    return Costs(total.units, total.weights, total.biases, total.connections, activations)

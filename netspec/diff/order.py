"""Find neurons that moved along a path: conv, relu, pool in one network and conv, pool, relu in the other."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.diff.matched import Matched
from netspec.diff.model import Difference, LayerDifference, Order, gravest
from netspec.ir.graph import Graph
from netspec.ir.ops import MaxPool


def orders(matched: Matched, layers: Sequence[LayerDifference]) -> tuple[Order, ...]:
    """Return the cases where one layer lost the neuron that another one gained, on a path without branches."""
    changed = [
        (layer.a.name, layer.b.name, d)
        for layer in layers
        for d in layer.differences
        if layer.a and layer.b and d.key == "neuron"
    ]
    result = []
    used: set[str] = set()
    for x, y, change in changed:
        if x in used:
            continue
        for p, q, other_change in changed:
            opposite = (change.a, change.b) == (other_change.b, other_change.a) and "linear" in (change.a, change.b)
            if p in used or not opposite:
                continue
            paths = _path(matched.graphs[0], x, p), _path(matched.graphs[1], y, q)
            if paths[0] and paths[1] and [matched.pairs.get(name) for name in paths[0]] == list(paths[1]):
                result.append(_order(matched, paths, (change, other_change)))
                used |= {x, p}
                break
    return tuple(result)


def _path(graph: Graph, start: str, end: str) -> tuple[str, ...]:
    """The path from one layer to another, including both, where each is the only input of the next. Empty if none."""
    path = [end]
    while path[-1] != start:
        inputs = graph.layers[path[-1]].inputs
        if len(inputs) != 1:
            return ()
        path.append(inputs[0])
    return tuple(reversed(path)) if len(path) > 1 else ()


def _order(
    matched: Matched, paths: tuple[tuple[str, ...], tuple[str, ...]], changes: tuple[Difference, Difference]
) -> Order:
    """Describe the two orders. ``changes`` are the differences of the path's first and last layer."""
    first, last = changes
    neuron = first.a if first.b == "linear" else first.b
    a, b = (
        (path[0], neuron, *path[1:]) if neuron_here != "linear" else (*path, neuron)
        for path, neuron_here in zip(paths, (first.a, first.b), strict=True)
    )
    effect = gravest(first.effect, last.effect)
    pools = all(_is_max_pool(matched.graphs[0], name) for name in paths[0][1:])
    note = f"max pooling commutes with {neuron}" if effect == "nothing" and pools else ""
    ends = (paths[0][0], paths[1][0]), (paths[0][-1], paths[1][-1])
    return Order(ends, tuple(a), tuple(b), effect, note)


def _is_max_pool(graph: Graph, layer: str) -> bool:
    return isinstance(graph.nodes[graph.layers[layer].nodes[0]].op, MaxPool)

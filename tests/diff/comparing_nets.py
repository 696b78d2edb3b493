"""Helpers that compare short specs, and list the differences in a form suited to assertions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from netspec import backend
from netspec.diff import Difference, NetDifference, compare
from netspec.ir.graph import Graph
from netspec.ir.ops import Loss
from netspec.net import Net, load_source, loads
from netspec.source import Source

OPPOSITE = {"added": "removed", "removed": "added"}


def diff(a: str, b: str) -> NetDifference:
    """Compare two specs given as text."""
    return compare(loads(a, "a.net"), loads(b, "b.net"))


def load_with_changes(text: str, changes: Sequence[str]) -> Net:
    """Load a spec with changes to its keys (``layer.key=value``)."""
    return load_source(Source("a.net", text), None, changes)


def difference_lines(comparison: NetDifference) -> list[str]:
    """List the differences as lines, such as ``conv1 init: gaussian(0.01) -> he, training``."""
    return [
        *(f"{layer.name} {line_of(d)}" for layer in comparison.layers for d in layer.differences),
        *(f"{s.setting} {line_of(s.difference)}" for s in comparison.settings),
    ]


def line_of(d: Difference) -> str:
    """One difference without its note."""
    return f"{d.key or d.kind}: {d.a} -> {d.b}, {d.effect}"


def changed_keys(comparison: NetDifference) -> dict[tuple[str, str], tuple[str, str]]:
    """Map the changed keys of layers and settings to their two values."""
    layers = {(x.name, d.key or d.kind): (d.a, d.b) for x in comparison.layers for d in x.differences}
    return layers | {(s.setting, s.difference.key): (s.difference.a, s.difference.b) for s in comparison.settings}


def all_facts(comparison: NetDifference, *, mirrored: bool = False) -> set[tuple[object, ...]]:
    """All differences as tuples; ``mirrored`` gives those expected of the comparison in the other direction."""
    differences: list[tuple[str | None, str | None, Difference]] = [
        (x.a and x.a.name, x.b and x.b.name, d) for x in comparison.layers for d in x.differences
    ]
    differences += [(s.setting, s.setting, s.difference) for s in comparison.settings]
    if not mirrored:
        return {(x, y, d.kind, d.key, d.a, d.b, d.effect) for x, y, d in differences}
    return {(y, x, OPPOSITE.get(d.kind, d.kind), d.key, d.b, d.a, d.effect) for x, y, d in differences}


def same_outputs(a: Graph, b: Graph) -> bool:
    """Whether two networks compute the same on random images and weights, assigned in the order of their parameters."""
    rng = np.random.default_rng(3)
    weights = [rng.normal(0.1, 0.4, p.shape) for p in a.parameters.values()]
    x = rng.normal(0.0, 2.0, (3, *a.input.output))
    outputs = [_output(graph, weights, x) for graph in (a, b)]
    return outputs[0].shape == outputs[1].shape and np.allclose(*outputs, rtol=1e-9, atol=1e-12)


def _output(graph: Graph, parameters: Sequence[NDArray[np.float64]], x: NDArray[np.float64]) -> NDArray[np.float64]:
    shapes = {key: p.shape for key, p in graph.parameters.items()}
    weights = {key: x.reshape(shape) for (key, shape), x in zip(shapes.items(), parameters, strict=True)}
    node = graph.scores if isinstance(graph.output.op, Loss) else graph.output
    labels = np.zeros(len(x), dtype=np.int64)
    values = backend.load("reference").run(graph, weights, x, labels=labels).values
    result: NDArray[np.float64] = values[node.name]
    return result

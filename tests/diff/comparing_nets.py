"""Comparing short specs, and what the comparison says in a form that tests can read."""

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

MIRRORED = {"added": "removed", "removed": "added"}


def diff(a: str, b: str) -> NetDifference:
    """Two specs' differences."""
    return compare(loads(a, "a.net"), loads(b, "b.net"))


def changed(text: str, changes: Sequence[str]) -> Net:
    """A spec with keys that are given other values."""
    return load_source(Source("a.net", text), None, changes)


def told(found: NetDifference) -> list[str]:
    """Every difference in a line: ``conv1 init: gaussian(0.01) -> he, training``."""
    return [
        *(f"{layer.name} {line(d)}" for layer in found.layers for d in layer.differences),
        *(f"{s.setting} {line(s.difference)}" for s in found.settings),
    ]


def line(d: Difference) -> str:
    """One difference without its note."""
    return f"{d.key or d.kind}: {d.a} -> {d.b}, {d.effect}"


def keys(found: NetDifference) -> dict[tuple[str, str], tuple[str, str]]:
    """The changed keys of layers and settings, and their values."""
    layers = {(x.name, d.key or d.kind): (d.a, d.b) for x in found.layers for d in x.differences}
    return layers | {(s.setting, s.difference.key): (s.difference.a, s.difference.b) for s in found.settings}


def facts(found: NetDifference, *, mirrored: bool = False) -> set[tuple[object, ...]]:
    """All that is said, as it is or as it should be said of the networks the other way round."""
    every: list[tuple[str | None, str | None, Difference]] = [
        (x.a and x.a.name, x.b and x.b.name, d) for x in found.layers for d in x.differences
    ]
    every += [(s.setting, s.setting, s.difference) for s in found.settings]
    if not mirrored:
        return {(x, y, d.kind, d.key, d.a, d.b, d.effect) for x, y, d in every}
    return {(y, x, MIRRORED.get(d.kind, d.kind), d.key, d.b, d.a, d.effect) for x, y, d in every}


def same_outputs(a: Graph, b: Graph) -> bool:
    """Whether two networks compute the same of the same weights, in the order of their parameters, and images."""
    rng = np.random.default_rng(3)
    drawn = [rng.normal(0.1, 0.4, p.shape) for p in a.parameters.values()]
    x = rng.normal(0.0, 2.0, (3, *a.input.output))
    outputs = [_output(graph, drawn, x) for graph in (a, b)]
    return outputs[0].shape == outputs[1].shape and np.allclose(*outputs, rtol=1e-9, atol=1e-12)


def _output(graph: Graph, drawn: Sequence[NDArray[np.float64]], x: NDArray[np.float64]) -> NDArray[np.float64]:
    weights = dict(zip(graph.parameters, drawn, strict=True))
    node = graph.scores if isinstance(graph.output.op, Loss) else graph.output
    labels = np.zeros(len(x), dtype=np.int64)
    values = backend.load("reference").run(graph, weights, x, labels=labels).values
    result: NDArray[np.float64] = values[node.name]
    return result

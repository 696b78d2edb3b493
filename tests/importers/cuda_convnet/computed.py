"""Run imported networks on the reference backend."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from netspec import backend
from netspec.ir.graph import Graph

Array = npt.NDArray[np.float64]


def values(graph: Graph, parameters: dict[str, Array] | None = None) -> dict[str, Array]:
    """Return the value of every operation on two fixed images."""
    images = np.random.default_rng(1).normal(size=(2, *graph.input.output))
    reference = backend.load("reference")
    weights = parameters if parameters is not None else random_parameters(graph)
    result: dict[str, Array] = reference.run(graph, weights, images).values
    return result


def random_parameters(graph: Graph) -> dict[str, Array]:
    """Random values for all parameters of a graph."""
    random = np.random.default_rng(2)
    return {key: random.normal(size=p.shape) * 0.3 for key, p in graph.parameters.items()}

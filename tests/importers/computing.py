"""What imported networks compute, by the reference."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from layerfiles import SHAPE

from netspec import backend
from netspec.ir.graph import Graph

Array = npt.NDArray[np.float64]


def values(graph: Graph, parameters: dict[str, Array] | None = None) -> dict[str, Array]:
    """Every operation's value on two fixed images."""
    images = np.random.default_rng(1).normal(size=(2, *SHAPE))
    reference = backend.load("reference")
    given = parameters if parameters is not None else drawn(graph)
    made: dict[str, Array] = reference.run(graph, given, images).values
    return made


def drawn(graph: Graph) -> dict[str, Array]:
    """Parameters by the graph's distributions."""
    random = np.random.default_rng(2)
    return {key: random.normal(size=p.shape) * 0.3 for key, p in graph.parameters.items()}

"""A graph as an ONNX file, for inference: built with onnx's own helpers and numpy, without torch.

Finding out what a spec can be compiled to imports this package, so that onnx and numpy are imported only when one of
its functions is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from netspec.ir.graph import Graph
from netspec.ir.ops import Op

if TYPE_CHECKING:
    from onnx import ModelProto

    from .site import Emission, Floats

__all__ = ["emissions", "initial_values", "model"]


def model(graph: Graph, weights: Mapping[str, Floats], *, spec: str, losses: bool = False) -> ModelProto:
    """The ONNX model of a network outside training; see ``assembly.py``."""
    from .assembly import model as make

    return make(graph, weights, spec=spec, losses=losses)


def initial_values(graph: Graph, seed: int) -> dict[str, Floats]:
    """Every parameter's initial values by its key, float32, as the ``pytorch`` backend draws them."""
    from .initial import initial_values as drawn

    return drawn(graph, seed)


def emissions() -> Mapping[type[Op], Emission]:
    """What writes each operation but the input."""
    from .ops import EMISSIONS

    return EMISSIONS

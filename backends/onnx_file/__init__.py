"""Compile a graph to an ONNX model for inference, with onnx's helpers and numpy. torch is not needed.

netspec imports this package whenever it lists its compile targets, so onnx and numpy are imported inside the functions
that use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from netspec.ir.graph import Graph

if TYPE_CHECKING:
    from onnx import ModelProto

    from .site import Floats

__all__ = ["initial_values", "model"]


def model(graph: Graph, weights: Mapping[str, Floats], *, spec: str, losses: bool = False) -> ModelProto:
    """Return the ONNX model of a network in evaluation mode; see ``assembly.model``."""
    from .assembly import model as build

    return build(graph, weights, spec=spec, losses=losses)


def initial_values(graph: Graph, seed: int) -> dict[str, Floats]:
    """Return the initial float32 values of every parameter by key, equal to those that the ``pytorch`` backend draws.

    They agree up to the last digits of float32; see ``initial.py``.
    """
    from . import initial

    return initial.initial_values(graph, seed)

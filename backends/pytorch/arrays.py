"""Give a network the values of arrays, as importers read them from other programs' networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from numpy.typing import NDArray

from netspec.formatting import listed
from netspec.ir.graph import Graph
from netspec.passes.torch_names import attributes, renamed

from .network import Network, module

_COUNT = "num_batches_tracked"
_LISTED = 3


def module_with(graph: Graph, arrays: Mapping[str, Callable[[], NDArray[Any]]]) -> Network:
    """Return the module of a graph with the values of all its parameters and running statistics.

    ``arrays`` has functions that return them, by layer and name, ``conv1.weight``, in netspec's layout. If any of them
    is in float64, so is the module.

    Raises
    ------
    ValueError
        The names or shapes are not those of the graph.
    """
    names = attributes(graph)
    tensors = {renamed(key, names): torch.from_numpy(read().copy()) for key, read in arrays.items()}
    network = module(graph)
    expected = {key: tuple(t.shape) for key, t in network.state_dict().items() if not key.endswith(_COUNT)}
    actual = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    if wrong := [key for key in {**expected, **actual} if expected.get(key) != actual.get(key)]:
        key = wrong[0]
        first = f"{key} is {_written(expected.get(key))} in the network and {_written(actual.get(key))} in the model"
        others = f"; other tensors differ too: {listed(wrong[1:], _LISTED)}" if wrong[1:] else ""
        raise ValueError(f"the model's weights are not those of {graph.name}: {first}{others}")
    if any(tensor.dtype == torch.float64 for tensor in tensors.values()):
        network.double()
    network.load_state_dict(tensors, strict=False)  # the counts of batches are not read
    return network


def _written(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else "x".join(map(str, shape)) or "a number"

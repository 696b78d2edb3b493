"""Matching the tensors of a file by their order with those of a network, which have other names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest

from torch import Tensor

from netspec.formatting import plural
from netspec.ir.graph import Graph
from netspec.train.errors import TrainError
from netspec.train.learning.objective import build
from netspec.train.runs.saved import shape_text
from netspec.train.tensors.weights import Weights

COUNTER = "num_batches_tracked"
"""The role of torch's counter of the batches that a batch normalisation has seen. Files from before torch 0.4.1 have
none; it changes nothing where ``momentum`` is a number, as in all networks here."""


@dataclass(frozen=True, slots=True)
class Matched:
    """Weights under a network's names, and the pairs of names of layers, the network's first."""

    weights: Weights
    layers: tuple[tuple[str, str], ...]


def by_order(graph: Graph, weights: Weights) -> Matched:
    """Return the weights of a file under the names of a network's tensors.

    The file must have as many tensors as the network, in the same order, of the same shapes and roles (the last part of
    a name, such as ``weight`` or ``running_mean``). A counter of batches that the file does not have is 0.

    Raises
    ------
    TrainError
        The file's tensors have no order, or are others; the message says which is the first.
    """
    if not ordered(weights):
        raise TrainError(
            f"{weights.path} has its tensors sorted by name, as every .safetensors file, so their order says nothing",
            "a file that torch.save wrote (.pth) has them in the order of the network",
        )
    expected = build(graph, 0, "cpu").module.state_dict()
    pairs = list(zip_longest(uncounted(expected), uncounted(weights.tensors)))
    for number, (ours, theirs) in enumerate(pairs, 1):
        if ours is None or theirs is None or not alike(ours, expected[ours], theirs, weights.tensors[theirs]):
            sought = f"{ours} ({shape_text(expected[ours])})" if ours else "nothing more"
            found = f"{theirs} ({shape_text(weights.tensors[theirs])})" if theirs else "nothing more"
            raise TrainError(
                f"the tensors of {weights.path} are not those of {graph.name} in their order",
                f"tensor {number}: {graph.name} has {sought} where the file has {found}",
                *([f"{plural(number - 1, 'tensor')} before it can be matched"] if number > 1 else []),
            )
    names = {ours: theirs for ours, theirs in pairs if ours and theirs}
    layers = {_owner(ours): _owner(theirs) for ours, theirs in names.items()}
    counters = {key: f"{layers[_owner(key)]}.{COUNTER}" for key in expected if _role(key) == COUNTER}
    tensors = {ours: weights.tensors[theirs] for ours, theirs in names.items()}
    tensors |= {ours: weights.tensors.get(theirs, expected[ours]) for ours, theirs in counters.items()}
    return Matched(replace(weights, tensors=tensors), tuple(layers.items()))


def ordered(weights: Weights) -> bool:
    """Whether the order of a file's tensors is the order of the network that they were saved from."""
    return weights.path.suffix != ".safetensors"


def alike(ours: str, our_tensor: Tensor, theirs: str, their_tensor: Tensor) -> bool:
    """Whether two tensors have the same role and shape."""
    return _role(ours) == _role(theirs) and our_tensor.shape == their_tensor.shape


def uncounted(tensors: Mapping[str, Tensor]) -> list[str]:
    """Return the names of all tensors but the counters of batches."""
    return [key for key in tensors if _role(key) != COUNTER]


def _role(key: str) -> str:
    return key.rpartition(".")[2]


def _owner(key: str) -> str:
    return key.rpartition(".")[0]

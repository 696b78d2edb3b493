"""Weights that torchvision published, in a graph's own layout.

torchvision keeps AlexNet as ``features`` (convolutions at 0, 3, 6, 8, 10) and ``classifier`` (matrix products at 1, 4,
6), and numbers the layers without weights in between. Both layouts have the layers in the same order, the tensors in
the same shapes, and read the last maps channel by channel, so that only the keys differ:

=====================  ==========================
torchvision            alexnet-torchvision.net
=====================  ==========================
``features.0``         ``conv1``
``features.3``         ``conv2``
``features.6``         ``conv3``
``features.8``         ``conv4``
``features.10``        ``conv5``
``classifier.1``       ``fc6``
``classifier.4``       ``fc7``
``classifier.6``       ``fc8``
=====================  ==========================
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from netspec.ir.graph import Graph
from netspec.passes.torch_names import attributes, state_key


def from_torchvision(graph: Graph, state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A ``state_dict`` for the graph's module, from one whose weight layers stand in the same order.

    Raises
    ------
    ValueError
        The two differ in the number of tensors, or two that should correspond in shape or in role.
    """
    names = attributes(graph)
    parameters = list(graph.parameters.values())
    if len(parameters) != len(state_dict):
        raise ValueError(f"{graph.name} has {len(parameters)} parameters, the file has {len(state_dict)}")
    result: dict[str, Tensor] = {}
    for parameter, (key, tensor) in zip(parameters, state_dict.items(), strict=True):
        if key.rpartition(".")[2] != parameter.role or tuple(tensor.shape) != parameter.shape:
            raise ValueError(
                f"{parameter.key} has shape {_by(parameter.shape)}, {key} in its place has {_by(tensor.shape)}"
            )
        result[state_key(parameter, names)] = tensor
    return result


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))

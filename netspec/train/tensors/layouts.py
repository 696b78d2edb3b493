"""The three layouts of a network's weights in a file.

``merged``
    One tensor per parameter, as in checkpoints: the GPU groups of a layer are concatenated along the axis of its
    filters, outputs or channels. This is the first, except for a deconv's weights if each group reads all channels.
``groups``
    One tensor per GPU group for each layer that the spec splits: ``conv1.weight`` becomes ``conv1.0.weight`` and
    ``conv1.1.weight``, with the group's number after the layer's name. Other layers are unchanged, and so are single
    numbers: the batch counter of a batch normalisation, a slope that all channels share.
``torchvision``
    The keys of torchvision's alexnet, for a network that computes the same function.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from netspec import backend
from netspec.ir.graph import Graph
from netspec.passes.torch_names import attributes, axes_of
from netspec.train.errors import TrainError

Layout = Literal["groups", "merged", "torchvision"]

Tensors = Mapping[str, Tensor]


def split_layers(graph: Graph, weights: Tensors) -> tuple[str, ...]:
    """Return the layers, by their names in the module, that have tensors and are split over the GPU groups."""
    names = attributes(graph)
    owners = {key.partition(".")[0] for key in weights}
    return tuple(
        names[layer.name]
        for layer in graph.layers.values()
        if graph.groups > 1 and layer.placement.split and names[layer.name] in owners
    )


def to_layout(graph: Graph, weights: Tensors, layout: Layout) -> dict[str, Tensor]:
    """Convert a module's ``state_dict`` to a layout. The results are the same tensors, or views of them.

    Raises
    ------
    TrainError
        The layout is ``torchvision``, and the network is not torchvision's alexnet.
    """
    if layout == "torchvision":
        try:
            theirs: dict[str, Tensor] = backend.load("pytorch").to_torchvision(graph, weights)
        except ValueError as problem:
            raise TrainError(f"{graph.name} is not torchvision's alexnet", str(problem)) from problem
        return theirs
    if layout == "merged":
        return dict(weights)
    split, axes = split_layers(graph, weights), axes_of(graph)
    result = {}
    for key, tensor in weights.items():
        layer, _, rest = key.partition(".")
        if layer not in split or tensor.numel() == 1:
            result[key] = tensor
            continue
        for group, part in enumerate(tensor.chunk(graph.groups, axes.get(key, 0))):
            result[f"{layer}.{group}.{rest}"] = part
    return result


def merged(tensors: Tensors, groups: int, split: Sequence[str], axes: Mapping[str, int]) -> dict[str, Tensor]:
    """Convert tensors in the ``groups`` layout to the merged one; the inverse of ``to_layout``.

    ``axes`` are those along which the merged tensors are divided (see ``axes_of``).

    Raises
    ------
    TrainError
        A group's part is missing, or the parts do not fit together.
    """
    result: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        layer, _, rest = key.partition(".")
        number, _, rest = rest.partition(".")
        if layer not in split or not number.isdecimal():
            result[key] = tensor
            continue
        if f"{layer}.{rest}" in result:
            continue
        keys = [f"{layer}.{group}.{rest}" for group in range(groups)]
        if any(other not in tensors for other in keys):
            raise TrainError(f"{key}: the parts of {layer} should be {', '.join(keys)}")
        try:
            result[f"{layer}.{rest}"] = torch.cat([tensors[other] for other in keys], axes.get(f"{layer}.{rest}", 0))
        except RuntimeError as problem:
            raise TrainError(f"the parts of {layer}.{rest} do not fit together: {problem}") from problem
    return result


def from_torchvision(graph: Graph, tensors: Tensors) -> dict[str, Tensor]:
    """Rename tensors from torchvision's keys to those of the graph's module.

    Keys that do not belong to alexnet are kept. Shapes are not checked here.

    Raises
    ------
    TrainError
        The graph's layers with weights are not those of alexnet.
    """
    try:
        keys: dict[str, str] = backend.load("pytorch").torchvision_keys(graph)
    except ValueError as problem:
        raise TrainError("the file has torchvision's layers, and the network has others", str(problem)) from problem
    return {keys.get(key, key): tensor for key, tensor in tensors.items()}


def looks_like_torchvision(graph: Graph, tensors: Tensors) -> bool:
    """Whether the keys are those of torchvision's alexnet, possibly with further ``features.N`` and ``classifier.N``.

    False if the graph itself has layers called ``features`` or ``classifier``.
    """
    own = {"features", "classifier"} & set(attributes(graph).values())
    theirs: tuple[str, ...] = backend.load("pytorch").ALEXNET
    others = {key.partition(".")[0] for key in tensors} - {"features", "classifier"}
    return not own and not others and all(f"{layer}.weight" in tensors for layer in theirs)

"""Drawing a layer's activations for an image: feature maps, or a vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from netspec import backend
from netspec.diagnostics.nearest import nearest
from netspec.ir.graph import Graph
from netspec.ir.ops import Loss
from netspec.passes.phases import phases
from netspec.passes.torch_names import attributes
from netspec.train.drawing.tiles import across, from_zero, own_range, sheet
from netspec.train.errors import RequestError
from netspec.train.learning.objective import Objective


@dataclass(frozen=True, slots=True)
class Activations:
    """A layer's activations for one image, by GPU group: (channels, height, width) each; (features, 1, 1) for
    vectors."""

    groups: tuple[NDArray[np.float32], ...]

    @property
    def maps(self) -> int:
        return sum(len(group) for group in self.groups)

    @property
    def silent(self) -> int:
        """The number of maps (or features of a vector) that are zero or less everywhere."""
        return sum(int((group.max(axis=(1, 2)) <= 0).sum()) for group in self.groups)


def activations_of(objective: Objective, images: Tensor, layer: str) -> Activations:
    """Return the activations of a layer for one prepared image (1, channels, height, width).

    Raises
    ------
    RequestError
        There is no such layer, it is a loss, or the output does not depend on it.
    """
    graph = objective.graph
    layers = computed(graph)
    if layer not in layers:
        near = nearest(layer, layers)
        raise RequestError(
            f"--activations {layer}: {graph.name} computes no layer of this name for an image",
            f"did you mean {near}?" if near else f"layers: {', '.join(layers)}",
        )
    values: list[Tensor] = []

    def store(module: Any, arguments: Any, value: Tensor) -> None:
        values.append(value.detach().float().cpu().clone())

    child = objective.module.get_submodule(attributes(graph)[layer])
    handle = child.register_forward_hook(store)
    try:
        with torch.no_grad():
            objective.module(images)
            if not values:  # only the class scores depend on the layer, not the output
                backend.load("pytorch").class_scores(objective.module, images)
    finally:
        handle.remove()
    value = values[0][0].numpy()
    value = value if value.ndim == 3 else value.reshape(-1, 1, 1)
    split = graph.layers[layer].placement.split and graph.groups > 1
    return Activations(tuple(np.split(value, graph.groups)) if split else (value,))


def computed(graph: Graph) -> list[str]:
    """Return the layers computed for a single image, in file order: without losses and layers that nothing reads."""
    parts = phases(graph)
    names = {layer.name for layer in (*parts.trunk, *parts.tail)}
    return [
        name
        for name, layer in graph.layers.items()
        if name in names and not isinstance(graph.nodes[layer.nodes[-1]].op, Loss)
    ]


def draw_activations(activations: Activations) -> Image.Image:
    """Draw the activations, with the blocks of the groups below each other.

    Each map is a tile from black (zero and less) to white (its maximum). A vector is one tile with a pixel for each
    feature, row by row, scaled to its own range.
    """
    if activations.groups[0].shape[1:] == (1, 1):
        features = len(activations.groups[0])
        width = across(features) if features <= 256 else int(np.ceil(np.sqrt(features)))
        rows = -(-features // width)
        tiles = []
        for group in activations.groups:
            padded = np.full(rows * width, group.min(), np.float32)
            padded[:features] = group[:, 0, 0]
            tiles.append(own_range(padded.reshape(1, rows, width), (1, 2)))
        return sheet(tiles, 1)
    columns = max(across(len(group)) for group in activations.groups)
    return sheet([from_zero(group) for group in activations.groups], columns)

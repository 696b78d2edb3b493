"""Drawing a convolution's kernels by GPU group, as in figure 3 of Krizhevsky et al. (2012)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from netspec.diagnostics.nearest import nearest
from netspec.ir.graph import Graph, Parameter
from netspec.ir.ops import Conv
from netspec.passes.torch_names import state_keys
from netspec.train.drawing.tiles import Tiles, across, own_range, sheet
from netspec.train.errors import RequestError, TrainError

Real = NDArray[np.float32]

RANDOM_COLOUR = 2 / 3
"""The expected measure of ``colour`` for a kernel of independent random weights: two of the three axes are not grey."""


@dataclass(frozen=True, slots=True)
class Block:
    """The kernels of one GPU group: (kernels, channels, height, width), in RGB order. ``input`` is the index of the
    layer's input that they are applied to."""

    group: int
    input: int
    kernels: Real


@dataclass(frozen=True, slots=True)
class Colour:
    """How colour-specific the kernels of a block are: the measure of ``each`` kernel (0 to 1) that is not all zero."""

    each: NDArray[np.float64]

    @property
    def mean(self) -> float:
        return float(self.each.mean()) if len(self.each) else 0.0

    @property
    def more_than_chance(self) -> int:
        """The number of kernels with more colour than random weights have on average."""
        return int((self.each > RANDOM_COLOUR).sum())


def convolutions(graph: Graph) -> list[str]:
    """Return the names of the layers that have kernels of their own, in file order."""
    return list(dict.fromkeys(p.layer for p in _kernels(graph)))


def blocks_of(graph: Graph, weights: Mapping[str, Tensor], layer: str | None) -> tuple[str, list[Block]]:
    """Return the name of a layer and its kernels by GPU group. If ``layer`` is ``None``, use the first convolution.

    Raises
    ------
    RequestError
        There is no such layer, or it is not a convolution with kernels of its own.
    TrainError
        The network has no convolution.
    """
    layers = convolutions(graph)
    if not layers:
        raise TrainError(f"{graph.name} has no convolution")
    name = layer if layer is not None else layers[0]
    if name not in layers:
        near = nearest(name, layers)
        problem = "no convolution with kernels of its own" if name in graph.layers else "no layer of this name"
        raise RequestError(
            f"--layer {name}: {problem} in {graph.name}",
            f"did you mean {near}?" if near else f"layers with kernels: {', '.join(layers)}",
        )
    keys = state_keys(graph)
    groups = graph.groups if graph.layers[name].placement.split else 1
    blocks = []
    for index, parameter in enumerate(p for p in _kernels(graph) if p.layer == name):
        tensor: Real = weights[keys[parameter.key]].float().numpy()
        if graph.preprocessing.order == "bgr" and tensor.shape[1] == 3:
            tensor = tensor[:, ::-1]
        blocks += [Block(group, index, part) for group, part in enumerate(np.split(tensor, groups))]
    return name, blocks


def draw_kernels(blocks: list[Block]) -> Image.Image:
    """Draw the blocks below each other.

    Kernels of three channels are colour tiles side by side; those of one channel are grey tiles side by side. Of other
    kernels, each channel is a grey tile and each kernel a row. Each tile is scaled to its own range.
    """
    channels = blocks[0].kernels.shape[1]
    if channels in (1, 3):
        columns = max(across(len(block.kernels)) for block in blocks)
    else:
        columns = channels
    return sheet([_tiles(block.kernels) for block in blocks], columns)


def colour(block: Block) -> Colour | None:
    """Return how colour-specific kernels are, or ``None`` unless they read red, green and blue.

    The measure of a kernel with the weights (r, g, b) at each pixel p is the share of its energy that is not on the
    grey axis, 1 - sum_p (r + g + b)^2 / 3 / sum_p (r^2 + g^2 + b^2). It is 0 if the three planes are equal and 1 if
    they cancel at every pixel. It is undefined for kernels of zeros, which are left out.
    """
    if block.kernels.shape[1] != 3:
        return None
    w = block.kernels.astype(np.float64)
    energy = (w**2).sum(axis=(1, 2, 3))
    grey = (w.sum(axis=1) ** 2).sum(axis=(1, 2)) / 3
    alive = energy > 0
    return Colour(1 - grey[alive] / energy[alive])


def _kernels(graph: Graph) -> list[Parameter]:
    """Return the parameters that are kernels of convolutions."""
    used = {node.params[0] for node in graph.nodes.values() if isinstance(node.op, Conv) and node.params}
    return [p for p in graph.parameters.values() if p.key in used and p.role == "weight"]


def _tiles(kernels: Real) -> Tiles:
    channels, height, width = kernels.shape[1:]
    if channels == 3:
        return own_range(kernels.transpose(0, 2, 3, 1), (1, 2, 3))
    return own_range(kernels.reshape(-1, height, width), (1, 2))

"""A convolution's kernels as pictures, by GPU group, as in figure 3 of Krizhevsky et al. (2012)."""

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
from netspec.passes.torch_names import attributes, state_key
from netspec.train.drawing.tiles import Tiles, across, own_range, sheet
from netspec.train.errors import RequestError, TrainError

Real = NDArray[np.float32]

BY_CHANCE = 2 / 3
"""The expected colour of a kernel whose weights are drawn independently: two of the three axes are not grey."""


@dataclass(frozen=True, slots=True)
class Block:
    """The kernels of one GPU group: (kernels, channels, height, width), red first. ``input`` counts the values that the
    layer reads, where it reads several."""

    group: int
    input: int
    kernels: Real


@dataclass(frozen=True, slots=True)
class Colour:
    """How colour-specific the kernels of a block are: ``each`` kernel's measure (0 to 1), none where all are zero."""

    group: int
    each: NDArray[np.float64]

    @property
    def mean(self) -> float:
        return float(self.each.mean()) if len(self.each) else 0.0

    @property
    def more_than_chance(self) -> int:
        """Kernels with more colour than weights at random have on average."""
        return int((self.each > BY_CHANCE).sum())


def convolutions(graph: Graph) -> list[str]:
    """The layers that have kernels of their own, in file order."""
    return list(dict.fromkeys(p.layer for p in _kernels(graph)))


def blocks_of(graph: Graph, weights: Mapping[str, Tensor], layer: str | None) -> tuple[str, list[Block]]:
    """The name of a layer (``None``: the first convolution) and its kernels by GPU group.

    Raises
    ------
    RequestError
        There is no such layer, or it is no convolution with kernels of its own.
    TrainError
        The network has no convolution.
    """
    known = convolutions(graph)
    if not known:
        raise TrainError(f"{graph.name} has no convolution")
    name = layer if layer is not None else known[0]
    if name not in known:
        near = nearest(name, known)
        what = "no convolution with kernels of its own" if name in graph.layers else "no layer of this name"
        raise RequestError(
            f"--layer {name}: {what} in {graph.name}",
            f"did you mean {near}?" if near else f"layers with kernels: {', '.join(known)}",
        )
    names = attributes(graph)
    groups = graph.groups if graph.layers[name].placement.split else 1
    found = []
    for index, parameter in enumerate(p for p in _kernels(graph) if p.layer == name):
        tensor: Real = weights[state_key(parameter, names)].float().numpy()
        if graph.preprocessing.order == "bgr" and tensor.shape[1] == 3:
            tensor = tensor[:, ::-1]
        found += [Block(group, index, part) for group, part in enumerate(np.split(tensor, groups))]
    return name, found


def picture(blocks: list[Block]) -> Image.Image:
    """The blocks below each other. Kernels of three channels are pictures in colour, side by side; of others, each
    channel is a grey tile, and of more than one channel a kernel is a row. Every tile has its own range."""
    channels = blocks[0].kernels.shape[1]
    if channels in (1, 3):
        columns = max(across(len(block.kernels)) for block in blocks)
    else:
        columns = channels
    return sheet([_tiles(block.kernels) for block in blocks], columns)


def colour(block: Block) -> Colour | None:
    """How colour-specific kernels are; ``None`` unless they read red, green and blue.

    The measure of a kernel with the weight w_p = (r, g, b) at each pixel p is the share of its energy that is not on
    the grey axis, 1 - sum_p (r + g + b)^2 / 3 / sum_p (r^2 + g^2 + b^2): 0 where the three planes are equal, 1 where
    they cancel at every pixel. Kernels of zeros have none and are left out.
    """
    if block.kernels.shape[1] != 3:
        return None
    w = block.kernels.astype(np.float64)
    energy = (w**2).sum(axis=(1, 2, 3))
    grey = (w.sum(axis=1) ** 2).sum(axis=(1, 2)) / 3
    alive = energy > 0
    return Colour(block.group, 1 - grey[alive] / energy[alive])


def _kernels(graph: Graph) -> list[Parameter]:
    """The parameters that are convolutions' kernels."""
    used = {node.params[0] for node in graph.nodes.values() if isinstance(node.op, Conv) and node.params}
    return [p for p in graph.parameters.values() if p.key in used and p.role == "weight"]


def _tiles(kernels: Real) -> Tiles:
    channels, height, width = kernels.shape[1:]
    if channels == 3:
        return own_range(kernels.transpose(0, 2, 3, 1), (1, 2, 3))
    return own_range(kernels.reshape(-1, height, width), (1, 2))

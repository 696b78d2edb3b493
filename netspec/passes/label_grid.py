"""The labels of a dense network with losses: the pixels whose classes they are, and those that each loss compares.

The scores of an auxiliary loss may stand at fewer pixels than those of the main one, or at others. The labels of an
image are the classes of a grid that has the pixels of all of them, and of as few others as a grid can have; each loss
takes its own. Usually all scores stand at the same pixels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from netspec.ir.graph import Graph, Node
from netspec.ir.ops import CrossEntropy
from netspec.passes.score_grid import NoGrid, ScoreGrid, score_grid

Slices = tuple[slice, slice]
"""Rows and columns of the labels."""


@dataclass(frozen=True, slots=True)
class Labels:
    """``grid`` are the pixels of the image whose classes are the labels. ``scores`` are those labels that the class
    scores are compared with, and ``losses`` those of each loss, by its layer; ``None``: all."""

    grid: ScoreGrid
    scores: Slices | None
    losses: Mapping[str, Slices | None]


def pixel_losses(graph: Graph) -> tuple[Node, ...]:
    """Return the losses that compare maps of scores with masks, in the order of the spec."""
    return tuple(n for n in graph.losses if isinstance(n.op, CrossEntropy) and graph.shapes(n)[0].is_image)


def labels_are_masks(graph: Graph) -> bool:
    """Whether labels are the classes of pixels. Losses of maps that are no scores leave an image its one class."""
    return graph.is_dense and (not graph.losses or bool(pixel_losses(graph)))


def grids_of_losses(graph: Graph) -> dict[str, ScoreGrid]:
    """Return where the scores stand that each loss of pixels reads, by its layer. Raises ``NoGrid``."""
    return {node.layer: score_grid(graph, graph.nodes[node.inputs[0]]) for node in pixel_losses(graph)}


def label_grid(graph: Graph) -> Labels:
    """Return which pixels are the labels of a dense network. Raises ``NoGrid``."""
    scores, losses = score_grid(graph), grids_of_losses(graph)
    every = (scores, *losses.values())
    top, down, rows = _common([(grid.top, grid.down, grid.rows) for grid in every])
    left, across, columns = _common([(grid.left, grid.across, grid.columns) for grid in every])
    whole = ScoreGrid(rows, columns, down, across, top, left)
    return Labels(whole, _within(scores, whole), {layer: _within(grid, whole) for layer, grid in losses.items()})


def label_sizes(graph: Graph) -> tuple[int, int]:
    """Return how many rows and columns the labels of a dense network have: those of the class scores without losses, or
    if it is not known where the scores stand. Raises ``NoGrid`` if losses then read maps of different sizes."""
    scores = graph.scores.output
    try:
        grid = label_grid(graph).grid if graph.losses else None
    except NoGrid:
        if {graph.shapes(node)[0][1:] for node in pixel_losses(graph)} != {scores[1:]}:
            raise
        grid = None
    return (grid.rows, grid.columns) if grid is not None else (scores.height, scores.width)


def labels_of_losses(graph: Graph) -> Mapping[str, Slices | None]:
    """Return which labels each loss of pixels compares its scores with; all (``None``) if it is not known where the
    scores stand, so that the network cannot be trained on masks of images."""
    try:
        return label_grid(graph).losses if graph.is_dense and graph.losses else {}
    except NoGrid:
        return {}


def _common(axes: list[tuple[int, int, int]]) -> tuple[int, int, int]:
    """Return the axis with the pixels of all ``axes``: its first pixel, how far they are apart, and how many there
    are."""
    first = min(start for start, _, _ in axes)
    last = max(start + apart * (count - 1) for start, apart, count in axes)
    apart = math.gcd(*(start - first for start, _, _ in axes), *(apart for _, apart, count in axes if count > 1)) or 1
    return first, apart, (last - first) // apart + 1


def _within(grid: ScoreGrid, whole: ScoreGrid) -> Slices | None:
    """Return the places of a grid's pixels among those of ``whole``, which has them; ``None`` for all of these."""
    if (grid.rows, grid.columns) == (whole.rows, whole.columns):
        return None
    rows = _places(grid.top - whole.top, grid.down, grid.rows, whole.down)
    return rows, _places(grid.left - whole.left, grid.across, grid.columns, whole.across)


def _places(first: int, apart: int, count: int, unit: int) -> slice:
    start, step = first // unit, max(apart // unit, 1)
    return slice(start, start + step * (count - 1) + 1, step)

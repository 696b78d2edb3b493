"""What a network learns from the labels of its images: a class for each image, or, if it is dense, for each pixel.

A training chooses its ``Task`` once (``task_of``), and then asks it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netspec.ir.graph import Graph
from netspec.ir.shape import Shape
from netspec.passes.label_grid import Slices, grids_of_losses, label_grid, label_sizes, labels_are_masks
from netspec.passes.score_grid import ScoreGrid, score_grid
from netspec.train.data.batches.augment import Choices
from netspec.train.data.batches.loader import Batch
from netspec.train.data.batches.masks import labels_of_masks
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.batches.sharing import Sharing
from netspec.train.learning.pixels import PixelEvaluation, PixelTotals
from netspec.train.learning.validation import Evaluation, ImageEvaluation, ImageTotals, Totals

FEW = 0.1
"""With scores for a smaller share of the pixels of a crop, a warning says so. U-Net's are for 46 % of them."""

MEASURES = (*ImageEvaluation.measures, *PixelEvaluation.measures)
"""All that evaluations measure, of images and of pixels."""


class Task(Protocol):
    """What is learnt: the labels of a batch, and how an evaluation counts. ``notes`` and ``warnings`` are lines for the
    user, and ``nothing_counted`` says why an evaluation has no result."""

    @property
    def notes(self) -> tuple[str, ...]: ...

    @property
    def warnings(self) -> tuple[str, ...]: ...

    @property
    def nothing_counted(self) -> str: ...

    def labels(self, batch: Batch, choices: Choices, prepare: Preparation, sharing: Sharing) -> NDArray[Any]:
        """Return the labels of a whole batch (see ``Objective``), given the choices with which this process prepares
        its images."""
        ...

    def totals(self) -> Totals:
        """Return counts at the beginning of an evaluation."""
        ...

    def evaluation(self, found: Mapping[str, Any]) -> Evaluation:
        """Return the evaluation that a checkpoint holds."""
        ...


class ImageTask:
    """A class for each image."""

    notes = ()
    warnings = ()
    nothing_counted = "none of the validation images can be read"

    def labels(self, batch: Batch, choices: Choices, prepare: Preparation, sharing: Sharing) -> NDArray[np.int64]:
        return batch.labels

    def totals(self) -> ImageTotals:
        return ImageTotals()

    def evaluation(self, found: Mapping[str, Any]) -> ImageEvaluation:
        return ImageEvaluation(**found)


@dataclass(frozen=True, slots=True)
class PixelTask:
    """A class for each pixel of ``grid``, of which the class scores have those in ``scores`` (see ``label_grid``).
    ``classes`` are the names of the classes, and ``notes`` say where the scores stand."""

    grid: ScoreGrid
    scores: Slices | None
    classes: tuple[str, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def nothing_counted(self) -> str:
        return f"{ImageTask.nothing_counted}, or none of their pixels is labelled"

    def labels(self, batch: Batch, choices: Choices, prepare: Preparation, sharing: Sharing) -> NDArray[np.uint8]:
        own = labels_of_masks(batch.pixels[:, -1], choices, self.grid, prepare.size, prepare.pad)
        return sharing.whole(own, batch.rows, len(batch.labels))

    def totals(self) -> PixelTotals:
        return PixelTotals(self.classes, self.scores)

    def evaluation(self, found: Mapping[str, Any]) -> PixelEvaluation:
        return PixelEvaluation(**found)


def task_of(graph: Graph, classes: Sequence[str]) -> Task:
    """Return what a graph learns. ``classes`` are the names of the classes."""
    if not graph.is_dense:
        return ImageTask()
    labels, grid = label_grid(graph), score_grid(graph)
    others = {layer: own for layer, own in grids_of_losses(graph).items() if own != grid}
    notes = (f"labels: a class for each of {grid}", *(f"labels of {layer}: {own}" for layer, own in others.items()))
    return PixelTask(labels.grid, labels.scores, tuple(classes), notes, tuple(_few_scores(grid, graph.input.output)))


def _few_scores(grid: ScoreGrid, size: Shape) -> Iterator[str]:
    """Yield a warning if few pixels of a crop have scores."""
    share = grid.share_of(size)
    if share < FEW:
        yield (
            f"only {grid.rows} x {grid.columns} of the {size.height} x {size.width} pixels of a crop have scores: "
            f"{100 * share:.2g} % of it is learnt and validated; larger crops (--input) have more"
        )


def made_up_labels(graph: Graph, count: int) -> Tensor:
    """Return labels for ``count`` images that cycle through the classes, for measuring a network's speed."""
    classes = graph.scores.output.channels
    if not labels_are_masks(graph):
        return torch.arange(count) % classes
    sizes = label_sizes(graph)
    return (torch.arange(count * math.prod(sizes)) % classes).byte().view(count, *sizes)

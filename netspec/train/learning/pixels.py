"""Evaluating a dense network: the loss, and how many pixels get the right class.

The intersection over union (IoU) of a class is the number of pixels that have it and get it, divided by the number of
those that have it or get it: Everingham et al., The Pascal visual object classes challenge: a retrospective (2015),
section 4.1. Their mean is over the classes that at least one pixel has or gets. Unlabelled pixels do not count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netspec import backend
from netspec.passes.label_grid import Slices
from netspec.passes.score_grid import UNLABELLED
from netspec.train.learning.objective import Objective
from netspec.train.learning.validation import Accuracy, Evaluation


@dataclass(frozen=True, slots=True)
class PixelEvaluation(Evaluation):
    """The result on ``pixels`` labelled pixels: the fraction (0 to 1) of them that got the right class, the mean of the
    classes' IoU (0 to 1), and each class's own by its name; ``None`` for classes that no pixel has or gets."""

    measures = Accuracy("pixels_right", "pixels right", "pixels"), Accuracy("mean_iou", "mean IoU", "1 - mean IoU")

    pixels: int
    pixels_right: float
    mean_iou: float
    iou: Mapping[str, float | None]

    @property
    def details(self) -> dict[str, Any]:
        return {"iou": dict(self.iou), "val_pixels": self.pixels}


def pixel_evaluation(
    confusion: NDArray[np.int64], loss: float, images: int, classes: Sequence[str]
) -> PixelEvaluation | None:
    """Return the evaluation of some images; ``None`` if none of their pixels is labelled.

    ``confusion`` has the number of pixels of each right class (row) that got each class (column), in a last column also
    of those that got none, and ``loss`` is the sum of their losses.
    """
    pixels, right = int(confusion.sum()), confusion.diagonal()
    if not pixels:
        return None
    iou = intersection_over_union(confusion)
    return PixelEvaluation(
        images=images,
        loss=loss / pixels,
        pixels=pixels,
        pixels_right=int(right.sum()) / pixels,
        mean_iou=mean_iou(iou),
        iou=dict(zip(classes, iou, strict=True)),
    )


def intersection_over_union(confusion: NDArray[np.int64]) -> list[float | None]:
    """Return the IoU of each class, 0 to 1; ``None`` for classes that no pixel has or gets. A column after those of the
    classes counts pixels that got none."""
    right = confusion.diagonal()
    union = confusion.sum(axis=0)[: len(right)] + confusion.sum(axis=1) - right
    return [float(r / u) if u else None for r, u in zip(right, union, strict=True)]


def mean_iou(iou: Sequence[float | None]) -> float:
    """Return the mean of the IoU of the classes that have one, of which there is at least one."""
    occurring = [x for x in iou if x is not None]
    return sum(occurring) / len(occurring)


class PixelTotals:
    """Counts of pixels by their right class and the class that they got, and the sum of the losses of the class scores.
    They get the class with the best score, or none if that is not finite. Processes that share an evaluation add up
    theirs at its end. ``grid`` are the labels that the scores are compared with; ``None``: all."""

    def __init__(self, classes: Sequence[str], grid: Slices | None = None) -> None:
        self.images = 0
        self._classes, self._grid = classes, grid
        self._confusion: Tensor | int = 0
        self._loss: Tensor | float = 0.0

    def add(self, objective: Objective, x: Tensor, labels: Tensor) -> None:
        """See ``Totals``."""
        pytorch, (scores, own) = backend.load("pytorch"), objective.counted(x, labels)
        own = pytorch.on_grid(own, self._grid)
        best, predicted = scores.max(dim=1)  # NaN if one of them is
        none = len(self._classes)
        predicted = torch.where(best.isfinite(), predicted, none)
        self._confusion = self._confusion + confusion_of(predicted, own, none, none + 1)
        losses: Tensor = pytorch.pixel_losses(scores, own)
        self._loss = self._loss + losses.sum(dtype=torch.float64)
        self.images += len(labels)

    def result(self, objective: Objective) -> PixelEvaluation | None:
        """See ``Totals``."""
        if not (isinstance(self._confusion, Tensor) and isinstance(self._loss, Tensor)):
            return None  # no batch
        confusion, loss = objective.summed(self._confusion), objective.summed(self._loss)
        return pixel_evaluation(confusion.cpu().numpy(), float(loss), self.images, self._classes)


def confusion_of(predicted: Tensor, labels: Tensor, classes: int, answers: int | None = None) -> Tensor:
    """Return how many labelled pixels of each right class (row) got each class (column): (classes, answers), int64.

    ``predicted`` are class numbers, int64, below ``answers``, by default the number of the classes; ``labels`` are
    masks of the same shape, uint8.
    """
    answers = answers or classes
    labelled = labels != UNLABELLED
    pairs = labels[labelled].long() * answers + predicted[labelled]
    return torch.bincount(pairs, minlength=classes * answers).view(classes, answers)

"""The outcome of a test of trained networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from netspec.train.evaluation.mistakes import Mistakes
from netspec.train.evaluation.views import protocol
from netspec.train.learning.validation import hits, predicted_classes

SplitName = Literal["validation", "train", "all"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a test. ``images`` = ``used`` + ``unreadable``.

    ``confusion`` has shape (classes, classes), with a row for each right class and a column for each predicted one.
    ``five`` counts, for each class, its images with a hit among the five best. ``loss`` is the mean of -ln of the right
    class's predicted probability. ``views`` and ``distinct`` are the numbers of views and distinct views of each
    network.
    """

    source: str
    split: SplitName
    classes: tuple[str, ...]
    images: int
    used: int
    unreadable: int
    loss: float
    confusion: NDArray[np.int64]
    five: NDArray[np.int64]
    views: tuple[int, ...]
    distinct: tuple[int, ...]
    mistakes: Mistakes

    @property
    def per_class(self) -> NDArray[np.int64]:
        """The number of tested images of each class."""
        total: NDArray[np.int64] = self.confusion.sum(axis=1)
        return total

    @property
    def top1(self) -> float:
        return int(np.trace(self.confusion)) / self.used

    @property
    def top5(self) -> float:
        return int(self.five.sum()) / self.used

    @property
    def protocol(self) -> str:
        """A description of the views, and the number of networks averaged."""
        descriptions = list(dict.fromkeys(protocol(n, d) for n, d in zip(self.views, self.distinct, strict=True)))
        description = descriptions[0] if len(descriptions) == 1 else "each network's own views"
        return description if len(self.views) == 1 else f"mean softmax of {len(self.views)} networks, {description}"

    def confusions(self) -> list[tuple[int, int, int]]:
        """Return the confusions as (right class, predicted class, images), the most frequent first."""
        rows, columns = np.nonzero(self.confusion)
        pairs = [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if row != column]
        confusions = [(row, column, int(self.confusion[row, column])) for row, column in pairs]
        return sorted(confusions, key=lambda confusion: -confusion[2])  # stable: then by right class and predicted one


class RunningTotals:
    """Accumulates predictions: the confusion matrix, the top-5 hits, and the sum of the losses in nats."""

    def __init__(self, classes: int) -> None:
        self.confusion = np.zeros((classes, classes), np.int64)
        self.five = np.zeros(classes, np.int64)
        self.loss = 0.0

    @property
    def used(self) -> int:
        """The number of images counted."""
        return int(self.confusion.sum())

    def add(self, right_classes: NDArray[np.int64], predicted: torch.Tensor) -> None:
        """Count some images, given their right classes and the log-probabilities predicted, (images, classes)."""
        truth = torch.from_numpy(right_classes)
        np.add.at(self.confusion, (right_classes, predicted_classes(predicted, truth).numpy()), 1)
        np.add.at(self.five, right_classes[hits(predicted, truth)[1].numpy()], 1)
        self.loss -= float(predicted.gather(1, truth[:, None]).sum())

"""The outcome of a test of trained networks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from netspec.formatting import format_count, format_percent
from netspec.train.evaluation.mistakes import Mistakes
from netspec.train.evaluation.tested import SplitName
from netspec.train.evaluation.views import protocol
from netspec.train.learning.validation import hits, predicted_classes


@dataclass(frozen=True, slots=True)
class Counted(ABC):
    """What a test of trained networks has counted on the ``images`` of a source, of which ``used`` could be read.

    ``confusion`` has shape (classes, classes), with a row for each right class and a column for each predicted one: how
    many images, or pixels. ``loss`` is the mean of -ln of the right class's predicted probability.
    """

    source: str
    split: SplitName
    classes: tuple[str, ...]
    images: int
    used: int
    loss: float
    confusion: NDArray[np.int64]

    counted: ClassVar[str]
    """What is counted: ``images``, or ``pixels``."""

    class_columns: ClassVar[tuple[str, ...]]
    """The headings of the columns of ``class_row``."""

    mistake_columns: ClassVar[tuple[str, ...]]
    """The names of the columns of ``mistake_rows``."""

    @property
    @abstractmethod
    def protocol(self) -> str:
        """What the networks saw of each image, and how many are averaged."""

    @property
    def full_protocol(self) -> str:
        """The protocol, with what else is to be known of the numbers."""
        return self.protocol

    @property
    @abstractmethod
    def summary(self) -> str:
        """The results in words, without the loss."""

    @property
    @abstractmethod
    def numbers(self) -> dict[str, float]:
        """The same results, by their names in JSON."""

    def views_of(self, network: int) -> dict[str, int]:
        """Return a network's numbers of views by their names in JSON; none if it saw one part of each image."""
        return {}

    @abstractmethod
    def class_numbers(self) -> list[dict[str, Any]]:
        """Return the name and the results of each class, by their names in JSON."""

    @abstractmethod
    def class_row(self, number: int) -> tuple[str, ...]:
        """Return the results of a class as texts."""

    @abstractmethod
    def class_score(self, number: int) -> float | None:
        """Return a class's result that tells the worst classes, 0 to 1; ``None`` for a class that was not tested."""

    @abstractmethod
    def mistake_rows(self) -> Iterator[tuple[str | int | float, ...]]:
        """Yield a row for each image that was wrongly classified, the worst one first."""

    @property
    @abstractmethod
    def headline(self) -> str:
        """The main result and on how many it was measured, in words."""

    @property
    def unreadable(self) -> int:
        return self.images - self.used

    @property
    def per_class(self) -> NDArray[np.int64]:
        """The number of tested images, or pixels, of each class."""
        total: NDArray[np.int64] = self.confusion.sum(axis=1)
        return total

    @property
    def per_class_right(self) -> NDArray[np.int64]:
        """How many images, or pixels, of each class got it."""
        right: NDArray[np.int64] = self.confusion.diagonal()
        return right

    def _right_in_percent(self, number: int) -> str:
        of_class = int(self.per_class[number])
        return format_percent(int(self.per_class_right[number]), of_class) if of_class else "-"

    def confusions(self) -> list[tuple[int, int, int]]:
        """Return the confusions as (right class, predicted class, count), the most frequent first."""
        rows, columns = np.nonzero(self.confusion)
        pairs = [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if row != column]
        confusions = [(row, column, int(self.confusion[row, column])) for row, column in pairs]
        return sorted(confusions, key=lambda confusion: -confusion[2])  # stable: then by right class and predicted one


@dataclass(frozen=True, slots=True)
class Outcome(Counted):
    """The outcome of a test of networks that give each image a class.

    ``five`` counts, for each class, its images with a hit among the five best. ``views`` and ``distinct`` are the
    numbers of views and distinct views of each network.
    """

    five: NDArray[np.int64]
    views: tuple[int, ...]
    distinct: tuple[int, ...]
    mistakes: Mistakes

    counted = "images"
    class_columns = ("n", "top-1")
    mistake_columns = ("image", "right", "answer", "answer_probability", "right_probability", "right_rank")

    @property
    def summary(self) -> str:
        return f"top-1 {100 * self.top1:.2f} %, top-5 {100 * self.top5:.2f} %"

    @property
    def numbers(self) -> dict[str, float]:
        return {"top1": self.top1, "top5": self.top5}

    def views_of(self, network: int) -> dict[str, int]:
        return {"views": self.views[network], "distinct_views": self.distinct[network]}

    def class_numbers(self) -> list[dict[str, Any]]:
        counts = zip(self.classes, self.per_class, self.per_class_right, self.five, strict=True)
        return [
            {
                "class": name,
                "n": int(n),
                "top1": int(first) / int(n) if n else None,
                "top5": int(five) / int(n) if n else None,
            }
            for name, n, first, five in counts
        ]

    def class_row(self, number: int) -> tuple[str, ...]:
        return format_count(int(self.per_class[number])), self._right_in_percent(number)

    def class_score(self, number: int) -> float | None:
        of_class = int(self.per_class[number])
        return int(self.per_class_right[number]) / of_class if of_class else None

    def mistake_rows(self) -> Iterator[tuple[str | int | float, ...]]:
        for mistake in self.mistakes:
            yield (
                self.mistakes.name(mistake),
                self.classes[mistake.right],
                self.classes[mistake.answer],
                mistake.answer_share,
                mistake.right_share,
                mistake.rank,
            )

    @property
    def headline(self) -> str:
        return f"top-1 {100 * self.top1:.1f} % of {format_count(self.used)} images"

    @property
    def top1(self) -> float:
        return int(np.trace(self.confusion)) / self.used

    @property
    def top5(self) -> float:
        return int(self.five.sum()) / self.used

    @property
    def protocol(self) -> str:
        descriptions = list(dict.fromkeys(protocol(n, d) for n, d in zip(self.views, self.distinct, strict=True)))
        description = descriptions[0] if len(descriptions) == 1 else "each network's own views"
        return description if len(self.views) == 1 else f"mean softmax of {len(self.views)} networks, {description}"


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

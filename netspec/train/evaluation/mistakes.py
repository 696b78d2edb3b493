"""The images that trained networks classify wrongly."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from netspec.train.counter_rng import Indices
from netspec.train.data.splits import Labels, Pixels, Split
from netspec.train.learning.validation import predicted_classes

_ROW = np.dtype(
    [
        *((field, np.int64) for field in ("split", "index", "right", "answer", "rank")),
        *((field, np.float64) for field in ("log_answer", "log_right")),
    ]
)


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrongly classified image: the number of its split and its index there, the right class and the predicted one
    (``answer``), their probabilities (0 to 1), and the rank of the right class, at least 2.

    The rank is the number of classes that are at least as probable as the right one, itself included.
    """

    split: int
    index: int
    right: int
    answer: int
    rank: int
    answer_share: float
    right_share: float


class Mistakes:
    """The wrongly classified images of a test. Iterating over them yields the most confident mistakes first.

    Parameters
    ----------
    splits:
        The splits that are tested.
    peak:
        The pixel value of full brightness in their images.
    """

    def __init__(self, splits: Sequence[Split], peak: int) -> None:
        self.peak = peak
        self._splits = splits
        self._rows: list[NDArray[np.void]] = []

    def __len__(self) -> int:
        return sum(map(len, self._rows))

    def __iter__(self) -> Iterator[Mistake]:
        """Yield the mistakes in descending order of the answer's probability, equal ones in the order of the images."""
        rows = np.concatenate([np.empty(0, _ROW), *self._rows])
        # Logarithms tell probabilities apart that are so close to 1 that they are the same number.
        for row in rows[np.argsort(-rows["log_answer"], kind="stable")]:
            split, index, right, answer, rank, log_answer, log_right = row.item()
            yield Mistake(split, index, right, answer, rank, math.exp(log_answer), math.exp(log_right))

    def add(self, split: int, indices: Indices, right_classes: Labels, predicted: torch.Tensor) -> None:
        """Add the mistakes among some images of a split, given the images' indices, their right classes and the
        log-probabilities predicted, (images, classes)."""
        truth = torch.from_numpy(right_classes)
        answers = predicted_classes(predicted, truth)
        wrong = answers != truth
        log_probabilities, truth, answers = predicted[wrong], truth[wrong, None], answers[wrong, None]
        log_right = log_probabilities.gather(1, truth)
        rows = np.empty(len(truth), _ROW)
        rows["split"], rows["index"] = split, indices[wrong.numpy()]
        rows["right"], rows["answer"] = truth[:, 0], answers[:, 0]
        rows["log_right"], rows["log_answer"] = log_right[:, 0], log_probabilities.gather(1, answers)[:, 0]
        rows["rank"] = (log_probabilities >= log_right).sum(dim=1)
        self._rows.append(rows)

    def name(self, mistake: Mistake) -> str:
        """Return the name of the image; see ``Split.name``."""
        return self._splits[mistake.split].name(mistake.index)

    def read(self, mistake: Mistake) -> Pixels:
        """Return the stored image, (channels, height, width). Raises ``Unreadable`` and ``TrainError``."""
        return self._splits[mistake.split].read(mistake.index)

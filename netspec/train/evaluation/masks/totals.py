"""What a test of dense networks has counted so far."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netspec.passes.score_grid import UNLABELLED
from netspec.train.data.splits import Pixels
from netspec.train.evaluation.masks.outcome import Drawn, ImageResult, Worst
from netspec.train.learning.pixels import confusion_of, intersection_over_union, mean_iou

Confusion = NDArray[np.int64]


class Totals:
    """Pixels by right and predicted class, the sum of their losses in nats, and the result of each image."""

    def __init__(self, classes: int) -> None:
        self.confusion: Confusion = np.zeros((classes, classes), np.int64)
        self.loss = 0.0
        self.images = 0
        self.results: list[ImageResult] = []
        self.worst = Worst()

    def add(self, predicted: Tensor, labels: Tensor, seen: Pixels, names: Sequence[str]) -> None:
        """Count some images, given the log-probabilities predicted, (N, classes, rows, columns), their labels, (N,
        rows, columns), the part of them that the scores belong to, and their names."""
        answers = predicted.argmax(dim=1)
        self.add_losses(predicted.transpose(0, 1), labels)
        masks, guesses = labels.cpu().numpy(), answers.byte().cpu().numpy()
        for number, name in enumerate(names):
            confusion = confusion_of(answers[number], labels[number], len(self.confusion)).cpu().numpy()
            result = self.add_image(name, confusion)
            if result is not None:
                self.worst.add(Drawn(result, seen[number].copy(), masks[number].copy(), guesses[number].copy()))

    def add_losses(self, predicted: Tensor, labels: Tensor) -> None:
        """Count the losses of some pixels, given the log-probabilities predicted, (classes, ...), and their labels."""
        labelled = labels != UNLABELLED
        right = predicted.gather(0, torch.where(labelled, labels, 0).long()[None])[0]
        self.loss -= float(right[labelled].sum(dtype=torch.float64))

    def add_image(self, name: str, confusion: Confusion) -> ImageResult | None:
        """Count an image. Return its result if it is one of the worst so far, whose masks are kept."""
        self.images += 1
        self.confusion += confusion
        if not confusion.any():
            return None
        mean = mean_iou(intersection_over_union(confusion))
        result = ImageResult(name, int(confusion.sum()), int(confusion.trace()), mean)
        self.results.append(result)
        return result if self.worst.takes(result) else None

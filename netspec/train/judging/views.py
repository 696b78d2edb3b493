"""What of an image is looked at when a network is tested, and what the network says of it.

One view is the centre crop. Ten views are the four corner crops and the centre one, and their mirror images, whose
softmax outputs are averaged: Krizhevsky et al. (2012), section 4.1.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from netspec.ir.graph import Graph
from netspec.ir.ops import Softmax
from netspec.ir.shape import Shape
from netspec.passes.crops import centre_crop, five_crops
from netspec.train.data.batches.augment import Choices
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.picture import Frame, Pixels
from netspec.train.learning.objective import Objective
from netspec.train.learning.validation import PROTOCOL


@dataclass(frozen=True, slots=True)
class View:
    """One crop, by its upper left corner, mirrored or not, and its share in the average."""

    top: int
    left: int
    mirror: bool
    share: float


def views(number: int, frame: Frame, size: Shape) -> tuple[View, ...]:
    """The distinct views among 1 or 10 of a stored frame, for a network that reads ``size``.

    Where the frame is the crop itself, the five places are one: ten views are then two, the picture and its mirror
    image, with a half each.
    """
    down, right = frame.height - size.height, frame.width - size.width
    if number == 1:
        return (View(*centre_crop(down, right), mirror=False, share=1.0),)
    places = Counter(five_crops(down, right))
    return tuple(
        View(*place, mirror=mirror, share=times / 10) for mirror in (False, True) for place, times in places.items()
    )


def protocol(number: int, distinct: int) -> str:
    """The views in words, for whoever reads a result."""
    if number == 1:
        return PROTOCOL
    words = "mean softmax of 10 views (corners, centre, mirror images)"
    if distinct < number:
        words += f", of which {distinct} are distinct: the stored pictures leave no room for more crops"
    return words


@dataclass(frozen=True, slots=True)
class Predictor:
    """A network that looks at stored pictures through views. ``seed``: of what it draws outside training too."""

    objective: Objective
    prepare: Preparation
    views: tuple[View, ...]
    seed: int = 0

    def __call__(self, pictures: Pixels, first: int = 0) -> Tensor:
        """The logarithms of the predicted shares of the classes, (N, classes), float64, on the CPU.

        ``pictures`` are (N, channels, height, width), as stored; the first of them is the ``first``-th that is tested.
        The shares are the mean over the views of the softmax of the class scores. They are kept as logarithms, so that
        a loss is a number however sure a wrong answer is.
        """
        total: Tensor | None = None
        with torch.no_grad():
            for number, view in enumerate(self.views):
                self.objective.draw_tested(self.seed, first, len(pictures), number)
                images = prepared(self.prepare, pictures, view)
                seen = _log_shares(self.objective, images) + math.log(view.share)
                total = seen if total is None else torch.logaddexp(total, seen)
        assert total is not None  # there is always a view
        return total.cpu()


def prepared(prepare: Preparation, pictures: Pixels, view: View) -> Tensor:
    """Stored pictures as the network reads them, through one view."""
    count, channels = pictures.shape[:2]
    places = (np.full(count, view.top), np.full(count, view.left), np.full(count, view.mirror))
    return prepare(pictures, Choices(*places, np.zeros((count, channels))))


def mean_of(predictions: list[Tensor]) -> Tensor:
    """The logarithm of the mean of several networks' predicted shares, of which ``predictions`` are the logarithms."""
    total = predictions[0]
    for prediction in predictions[1:]:
        total = torch.logaddexp(total, prediction)
    return total - math.log(len(predictions))


def gives_shares(graph: Graph) -> bool:
    """Whether the class scores are a softmax already (a loss of the file reads it)."""
    return isinstance(graph.scores.op, Softmax)


def _log_shares(objective: Objective, images: Tensor) -> Tensor:
    scores = objective.scores(images).double()
    return scores.log() if gives_shares(objective.graph) else scores.log_softmax(dim=1)

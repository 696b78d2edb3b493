"""The views of an image in a test, and the prediction averaged over them.

A single view is the centre crop. Ten views are the four corner crops, the centre crop and their mirror images, whose
softmax outputs are averaged: Krizhevsky et al. (2012), section 4.1.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from netspec.ir.graph import Graph
from netspec.ir.ops import Softmax
from netspec.ir.settings import Views
from netspec.ir.shape import Shape
from netspec.ir.views import unfit_views
from netspec.passes.crops import centre_crop, five_crops
from netspec.train.data.batches.augment import Choices
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.splits import Frame, Pixels
from netspec.train.errors import TrainError
from netspec.train.learning.objective import Objective
from netspec.train.learning.validation import PROTOCOL


@dataclass(frozen=True, slots=True)
class View:
    """A crop, given by its upper left corner, mirrored or not, and its weight (``share``) in the average."""

    top: int
    left: int
    mirror: bool
    share: float


def views(number: int, frame: Frame, size: Shape) -> tuple[View, ...]:
    """Return the distinct views among 1 or 10 views of a stored frame, for a network that reads ``size``.

    If the frame has the size of the crop, the five positions coincide and only two of the ten views are distinct, the
    image and its mirror image, each with a share of one half.
    """
    down, right = frame.height - size.height, frame.width - size.width
    if number == 1:
        return (View(*centre_crop(down, right), mirror=False, share=1.0),)
    places = Counter(five_crops(down, right))
    return tuple(
        View(*place, mirror=mirror, share=times / 10) for mirror in (False, True) for place, times in places.items()
    )


def views_of_images(wanted: Views | None, graph: Graph) -> Literal[1, 10]:
    """Return how many views of an image a network sees that gives it one class: as ``wanted``, or, if that is ``None``,
    as its spec says. Raises ``TrainError`` if that is all of the image."""
    chosen = _fitting(wanted, graph)
    assert chosen != "whole"
    return chosen


def views_of_masks(wanted: Views | None, graph: Graph) -> Literal[1, "whole"]:
    """Return what a dense network sees of an image: as ``wanted``, or, if that is ``None``, as its spec says. Raises
    ``TrainError`` if that are ten views."""
    chosen = _fitting(wanted, graph)
    assert chosen != 10
    return chosen


def _fitting(wanted: Views | None, graph: Graph) -> Views:
    chosen = wanted or graph.test.views
    if unfit := unfit_views(chosen, graph):
        raise TrainError(*unfit)
    return chosen


def protocol(number: int, distinct: int) -> str:
    """Return a description of the views."""
    if number == 1:
        return PROTOCOL
    description = "mean softmax of 10 views (corners, centre, mirror images)"
    if distinct < number:
        description += f", of which {distinct} are distinct: the stored images leave no room for more crops"
    return description


@dataclass(frozen=True, slots=True)
class Predictor:
    """A network that predicts the classes of stored images through views. ``seed`` is that of random choices outside
    training."""

    objective: Objective
    prepare: Preparation
    views: tuple[View, ...]
    seed: int = 0

    def __call__(self, pixels: Pixels, first: int = 0) -> Tensor:
        """Return the predicted log-probabilities of the classes, (N, classes), in float64 on the CPU.

        ``pixels`` are stored images, (N, channels, height, width), the first of which is number ``first`` of all
        tested images. The probabilities are the mean over the views of the softmax of the class scores. Their
        logarithms are computed directly, so that the loss stays finite even if the right class's probability
        underflows.
        """
        total: Tensor | None = None
        with torch.no_grad():
            for number, view in enumerate(self.views):
                self.objective.set_evaluation_random_state(self.seed, first, len(pixels), number)
                images = prepared(self.prepare, pixels, view)
                of_view = log_probabilities(self.objective, images) + math.log(view.share)
                total = of_view if total is None else torch.logaddexp(total, of_view)
        assert total is not None  # there is at least one view
        return total.cpu()


def prepared(prepare: Preparation, pixels: Pixels, view: View) -> Tensor:
    """Prepare stored images for the network, through one view."""
    count, channels = pixels.shape[:2]
    places = (np.full(count, view.top), np.full(count, view.left), np.full(count, view.mirror))
    return prepare(pixels, Choices(*places, np.zeros((count, channels))))


def mean_of(predictions: list[Tensor]) -> Tensor:
    """Return the log of the mean of several networks' predicted probabilities, given their logs."""
    total = predictions[0]
    for prediction in predictions[1:]:
        total = torch.logaddexp(total, prediction)
    return total - math.log(len(predictions))


def scores_are_probabilities(graph: Graph) -> bool:
    """Whether the class scores are the output of a softmax already, because a loss of the spec reads it."""
    return isinstance(graph.scores.op, Softmax)


def log_probabilities(objective: Objective, images: Tensor) -> Tensor:
    """Return the log-probabilities of the classes of prepared images, or of their pixels, in float64: (N, classes), or
    (N, classes, rows, columns)."""
    scores = objective.scores(images).double()
    return scores.log() if scores_are_probabilities(objective.graph) else scores.log_softmax(dim=1)

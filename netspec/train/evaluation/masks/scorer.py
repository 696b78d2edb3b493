"""Dense networks that see whole images: the scores of each pixel of an image, in the image's own size.

An image is scaled until it covers the stored size, as for training, and crops of the input's size cover all of it (see
``tiling``). The scores are then interpolated at the pixels of the image itself, and only there does a pixel get the
class with the best one. ``predict`` and ``eval`` both ask ``strips``, so that they find the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from netspec.train.data.batches.augment import central
from netspec.train.data.cut import Cut
from netspec.train.data.sources.decode import covering, planes_of
from netspec.train.data.splits import Frame, Pixels
from netspec.train.errors import TrainError
from netspec.train.evaluation.masks.resampling import centres, interpolated
from netspec.train.evaluation.masks.tiling import tiling
from netspec.train.evaluation.views import mean_of, scores_are_probabilities
from netspec.train.requirements import require_grid
from netspec.train.runs.saved import Saved

WHOLE = "whole images, in overlapping crops"
"""The name of what a network sees of an image."""

TILES = 4
"""The most crops that a network sees at a time."""

AT_A_TIME = 2**22
"""The most scores that are computed in the size of an image at a time, unless a single row has more."""

LEAST_LOG = float(np.log(np.finfo(np.float32).smallest_subnormal))
"""What counts as the logarithm of a probability that is 0 in float32; scores in between could not be interpolated."""


class Scorer:
    """A trained dense network that gives scores to all pixels of images.

    Parameters
    ----------
    frame, peak:
        The size that images are stored in for the network, and their value of full brightness.
    batch:
        The most crops that the network is to see at a time, if these are fewer than ``TILES``.

    Raises
    ------
    TrainError
        It is not known where the scores of the network stand, or it needs the statistics of training images and has
        none.
    """

    def __init__(self, run: Saved, frame: Frame, peak: int, batch: int, device: str) -> None:
        self.frame = frame
        self._tiles = min(TILES, batch)
        self._run = run
        self._grid = require_grid(run.graph)
        self._objective = run.objective(device)
        self._are_probabilities = scores_are_probabilities(self._objective.graph)
        self._prepare = run.preparation(frame, peak, device).for_crops()

    def scores(self, pixels: Pixels, name: str) -> Tensor:
        """Return the scores of each pixel, float32, (classes, height, width), of an image of at least the stored size,
        uint8 (channels, height, width). The softmax of the scores are the probabilities.

        Raises
        ------
        TrainError
            The scores of the image of this ``name`` are NaN.
        """
        size = self._run.graph.input.output
        tiles = tiling(pixels.shape[1], pixels.shape[2], size, self._grid)
        return tiles.join(maps for some in self._of_crops(tiles.crops(pixels), name) for maps in some)

    def _of_crops(self, crops: Pixels, name: str) -> Iterator[Tensor]:
        size = self._run.graph.input.output
        for start in range(0, len(crops), self._tiles):
            some = crops[start : start + self._tiles]
            with torch.no_grad():
                self._objective.set_evaluation_random_state(self._run.seed, start, len(some))
                scores = self._objective.scores(self._prepare(some, central(len(some), self._prepare.frame, size)))
            if bool(scores.isnan().any()):
                raise TrainError(f"the class scores of {name} are not numbers (NaN)", "the run's weights diverged")
            yield scores.log().clamp(min=LEAST_LOG) if self._are_probabilities else scores


def scaled_whole(image: Image.Image, frame: Frame, name: str) -> Pixels:
    """Return all of a decoded image (see ``decoded_side``), scaled to cover a frame: uint8, (channels, height, width).
    Raises ``Unreadable``, with the ``name`` to show to the user."""
    scaled = covering(image.height, image.width, frame).scaled
    assert scaled is not None
    return planes_of(image, Cut(0, 0, *scaled, scaled), name)


def strips(scores: Sequence[Tensor], size: tuple[int, int]) -> Iterator[tuple[slice, Tensor]]:
    """Yield the rows of an image of a height and width, some at a time, with the log-probabilities of the classes of
    their pixels: float32, (classes, rows, width).

    ``scores`` are those of the networks, (classes, height, width) of the image as each of them reads it. The
    probabilities are the mean over the networks of the softmax of the interpolated scores.
    """
    height, width = size
    step = max(1, AT_A_TIME // (len(scores[0]) * width))
    for start in range(0, height, step):
        rows = slice(start, min(start + step, height))
        yield rows, mean_of([_at_size(maps, size, rows).log_softmax(dim=0) for maps in scores])


def best(predicted: Tensor) -> Tensor:
    """Return the class with the highest log-probability of each pixel, (rows, columns), the first of several."""
    return predicted.max(dim=0).indices  # three times as fast as argmax on a CPU


def _at_size(maps: Tensor, size: tuple[int, int], rows: slice) -> Tensor:
    down, across = (centres(own, there) for own, there in zip(size, maps.shape[1:], strict=True))
    return interpolated(maps, down.part(rows), across)

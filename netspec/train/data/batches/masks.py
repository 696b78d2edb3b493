"""The labels of dense networks: the classes of the pixels that their scores belong to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netspec.ir.shape import Shape
from netspec.passes.score_grid import UNLABELLED, ScoreGrid
from netspec.train.data.batches.augment import Choices

Masks = NDArray[np.uint8]


def labels_of_masks(masks: Masks, choices: Choices, grid: ScoreGrid, size: Shape, pad: int = 0) -> Masks:
    """Return the labels of N images: (N, rows, columns) of the grid, the classes of its pixels.

    Parameters
    ----------
    masks:
        The masks of the stored images, (N, height, width).
    choices:
        Those with which the images are prepared. Crops and mirrors move the masks, and nothing else changes them.
    size:
        The shape of the network's input.
    pad:
        The number of pixels that are put on each side of a stored image. They are unlabelled.
    """
    if pad:
        masks = np.pad(masks, ((0, 0), (pad, pad), (pad, pad)), constant_values=UNLABELLED)
    labels = np.empty((len(masks), grid.rows, grid.columns), np.uint8)
    for mask, top, left, mirrored, out in zip(masks, choices.top, choices.left, choices.mirror, labels, strict=True):
        crop = mask[top : top + size.height, left : left + size.width]
        out[:] = (crop[:, ::-1] if mirrored else crop)[grid.slices]
    return labels

"""Erasing a part of each image: cutout (DeVries & Taylor 2017) and random erasing (Zhong et al. 2017)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from netspec.ir.settings import Cutout, RandomErasing
from netspec.ir.shape import Shape
from netspec.passes import purposes
from netspec.train import counter_rng
from netspec.train.counter_rng import Indices
from netspec.train.data.rectangles import rectangles


def draw_boxes(erase: Cutout | RandomErasing, seed: int, epoch: int, indices: Indices, size: Shape) -> Indices:
    """Draw what is erased of some images of an epoch: the first row and column of each box, and those after its last,
    (N, 4). An image of which nothing is erased has an empty box."""
    rows = counter_rng.uniform(seed, epoch, indices, purposes.ERASED_ROW)
    columns = counter_rng.uniform(seed, epoch, indices, purposes.ERASED_COLUMN)
    if isinstance(erase, Cutout):
        first = np.stack([rows * size.height, columns * size.width], axis=1).astype(np.int64) - erase.length // 2
        corners = np.concatenate([first, first + erase.length], axis=1)
        return corners.clip(0, [size.height, size.width] * 2)
    boxes = np.zeros((len(indices), 4), np.int64)
    drawn = counter_rng.uniform(seed, epoch, indices, purposes.ERASES) < erase.p
    for number in drawn.nonzero()[0].tolist():
        height, width = _rectangle(erase, seed, epoch, int(indices[number]), size)
        top = int(rows[number] * (size.height - height + 1))
        left = int(columns[number] * (size.width - width + 1))
        if height:
            boxes[number] = top, left, top + height, left + width
    return boxes


def _rectangle(erase: RandomErasing, seed: int, epoch: int, index: int, size: Shape) -> tuple[int, int]:
    """Draw the height and width of what is erased, as torchvision does (``rectangles``); 0 and 0 if no try gives a
    rectangle that is smaller than the image."""
    numbers = purposes.ERASED_AREA + np.arange(2 * purposes.TRIES)
    draws = counter_rng.uniform(seed, epoch, np.array([index]), numbers).tolist()
    areas, ratios = (erase.min_area, erase.max_area), (erase.min_aspect, erase.max_aspect)
    for height, width in rectangles(draws, size.height * size.width, areas, ratios):
        if height < size.height and width < size.width:
            return height, width
    return 0, 0


def erase_boxes(x: Tensor, boxes: Tensor) -> None:
    """Set the boxes of images (N, channels, height, width), which are on the same device, to 0 in place."""
    rows = torch.arange(x.shape[2], device=x.device)[None, :, None]
    columns = torch.arange(x.shape[3], device=x.device)[None, None, :]
    top, left, bottom, right = (edge[:, None, None] for edge in boxes.unbind(1))
    inside = (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
    x.masked_fill_(inside[:, None], 0.0)

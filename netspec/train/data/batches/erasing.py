"""Erasing a part of each image: cutout (DeVries & Taylor 2017) and random erasing (Zhong et al. 2017)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from netspec.ir.settings import Cutout, RandomErasing
from netspec.ir.shape import Shape
from netspec.passes import purposes
from netspec.train import counter_rng
from netspec.train.counter_rng import Indices
from netspec.train.data.batches.transfer import to_device
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


@dataclass(frozen=True, slots=True)
class Filler:
    """Draws what erased parts of some images of an epoch become: as many numbers as they have, or one for each channel
    (``each`` or not)."""

    seed: int
    epoch: int
    indices: Indices
    each: bool

    def __getitem__(self, some: slice) -> Filler:
        """Return the filler of a slice of the images."""
        return replace(self, indices=self.indices[some])

    def numbers(self, slot: int, channels: int, height: int, width: int) -> Tensor:
        """Draw numbers of the standard normal distribution (Box and Muller, 1958) for a box of an image: float32,
        (channels, height, width) or (channels, 1, 1)."""
        shape = (channels, height, width) if self.each else (channels, 1, 1)
        purpose = purposes.ERASED_WITH + np.arange(2 * math.prod(shape))
        drawn = counter_rng.uniform(self.seed, self.epoch, self.indices[slot : slot + 1], purpose)
        # with torch, as in programs: numpy's logarithms and cosines may differ in the last bit
        first, second = torch.from_numpy(drawn).view(2, *shape)
        return ((-2 * torch.log1p(-first)).sqrt() * torch.cos(2 * math.pi * second)).float()


def filler(erase: Cutout | RandomErasing | None, seed: int, epoch: int, indices: Indices) -> Filler | None:
    """Return what draws the numbers that erased parts become, ``None`` if they become 0."""
    if erase is None or erase.fill == "zeros":
        return None
    return Filler(seed, epoch, indices, erase.fill == "noise")


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


def fill_boxes(x: Tensor, boxes: Indices, filler: Filler, std: float) -> None:
    """Set the boxes of images (N, channels, height, width) to the numbers of the filler, times ``std``, in place. The
    numbers go to the images' device in one copy."""
    filled: list[Tensor] = []
    drawn: list[Tensor] = []
    for slot, (top, left, bottom, right) in enumerate(boxes.tolist()):
        if top < bottom and left < right:
            filled.append(x[slot, :, top:bottom, left:right])
            drawn.append(filler.numbers(slot, *filled[-1].shape) * std)
    if not drawn:
        return
    numbers = to_device(torch.cat([each.flatten() for each in drawn]).numpy(), x.device)
    for box, each, own in zip(filled, drawn, torch.split(numbers, [each.numel() for each in drawn]), strict=True):
        box.copy_(own.view(each.shape))


def erase_boxes(x: Tensor, boxes: Tensor) -> None:
    """Set the boxes of images (N, channels, height, width), which are on the same device, to 0 in place."""
    rows = torch.arange(x.shape[2], device=x.device)[None, :, None]
    columns = torch.arange(x.shape[3], device=x.device)[None, None, :]
    top, left, bottom, right = (edge[:, None, None] for edge in boxes.unbind(1))
    inside = (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
    x.masked_fill_(inside[:, None], 0.0)

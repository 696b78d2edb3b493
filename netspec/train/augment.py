"""From stored pixels to what the network reads: scale, mean, crop, mirror and colour shift, a batch at a time.

The random choices are drawn on the CPU, for each image from (seed, epoch, place); the pixels are computed on the
training device, the same from the same choices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netspec.ir.settings import Augment, Preprocessing
from netspec.ir.shape import Shape
from netspec.train import chance
from netspec.train.chance import Places
from netspec.train.data.picture import Frame, Pixels
from netspec.train.statistics import Statistics


@dataclass(frozen=True, slots=True)
class Choices:
    """For each of N images: the crop's upper left corner, whether it is mirrored, and how far its colours are shifted
    along each principal component (N, channels), in standard deviations."""

    top: Places
    left: Places
    mirror: NDArray[np.bool_]
    shift: NDArray[np.float64]


def choose(seed: int, epoch: int, places: Places, frame: Frame, size: Shape, augment: Augment) -> Choices:
    """The choices for some images of an epoch. All corners at which the crop fits are equally likely."""
    top = chance.uniform(seed, epoch, places, chance.TOP) * (frame.height - size.height + 1)
    left = chance.uniform(seed, epoch, places, chance.LEFT) * (frame.width - size.width + 1)
    mirror = chance.uniform(seed, epoch, places, chance.MIRROR) < 0.5
    shift = np.zeros((len(places), frame.channels))
    if augment.colour:
        for channel in range(frame.channels):
            shift[:, channel] = chance.normal(seed, epoch, places, chance.COLOUR + 2 * channel) * augment.colour
    return Choices(top.astype(np.int64), left.astype(np.int64), mirror & (augment.flip == "horizontal"), shift)


def central(count: int, frame: Frame, size: Shape) -> Choices:
    """The central crop, without mirror and shift: what validation sees."""
    top = np.full(count, (frame.height - size.height) // 2)
    left = np.full(count, (frame.width - size.width) // 2)
    return Choices(top, left, np.zeros(count, np.bool_), np.zeros((count, frame.channels)))


class Preparation:
    """What the spec's input line says about the numbers, with the training images' statistics put in.

    Parameters
    ----------
    preprocessing:
        Range, kind of mean, channel order.
    statistics:
        Of the training images; may be ``None`` where there is neither a mean nor a colour shift.
    peak:
        The stored value of full brightness.
    """

    def __init__(
        self,
        preprocessing: Preprocessing,
        statistics: Statistics | None,
        frame: Frame,
        size: Shape,
        peak: int,
        device: torch.device,
    ) -> None:
        self._frame = frame
        self._size = size
        self._device = device
        self._scale = preprocessing.range / peak
        self._reverse = preprocessing.order == "bgr" and frame.channels == 3
        mean = np.zeros((frame.channels, 1, 1))
        axes = np.zeros((frame.channels, frame.channels))
        if statistics is not None:
            axes = statistics.axes
            if preprocessing.mean == "image":
                mean = statistics.mean
            elif preprocessing.mean == "channel":
                mean = statistics.channel_mean[:, None, None]
        self.mean = torch.tensor(mean * self._scale, dtype=torch.float32, device=device)
        """What is subtracted, in the network's range: (channels, 1, 1), or a whole stored frame; red first."""
        self.axes = torch.tensor(axes * self._scale, dtype=torch.float64)
        """The colours' principal components times their standard deviations, in the network's range; red first."""

    def __call__(self, pictures: Pixels, choices: Choices) -> Tensor:
        """Stored pictures as the network reads them: float32, shape (N, channels, height, width) of its input.

        The mean image is subtracted before cropping, so every pixel loses the mean of its own place.
        """
        x = torch.from_numpy(pictures)
        if self._device.type == "cuda":
            x = x.pin_memory().to(self._device, non_blocking=True)
        x = self._crop(x, choices).float().mul_(self._scale)
        whole_frame = self.mean.shape[1:] != (1, 1)
        x -= self._crop(self.mean.expand(len(x), -1, -1, -1), choices) if whole_frame else self.mean
        mirrored = torch.from_numpy(choices.mirror.nonzero()[0]).to(self._device)
        if len(mirrored):
            x[mirrored] = x[mirrored].flip(3)
        if choices.shift.any():
            shift = torch.from_numpy(choices.shift) @ self.axes.T
            x += shift.float().to(self._device)[:, :, None, None]
        return x.flip(1) if self._reverse else x

    def _crop(self, x: Tensor, choices: Choices) -> Tensor:
        """The windows of the input's size at the chosen corners of frames (N, channels, height, width)."""
        height, width = self._size.height, self._size.width
        if x.shape[2:] == (height, width):
            return x
        windows = x.unfold(2, height, 1).unfold(3, width, 1)
        top, left = (torch.from_numpy(corner).to(self._device) for corner in (choices.top, choices.left))
        return windows[torch.arange(len(x), device=self._device), :, top, left]

"""How the images of an epoch are varied: crops, mirror images and colour shifts, drawn by chance for each image from
(seed, epoch, place)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netspec.ir.settings import Augment
from netspec.ir.shape import Shape
from netspec.train import chance
from netspec.train.chance import Places
from netspec.train.data.picture import Frame


@dataclass(frozen=True, slots=True)
class Choices:
    """For each of N images: the crop's upper left corner, whether it is mirrored, and how far its colours are shifted
    along each principal component (N, channels), in standard deviations."""

    top: Places
    left: Places
    mirror: NDArray[np.bool_]
    shift: NDArray[np.float64]

    def __getitem__(self, some: slice) -> Choices:
        """The choices of some of the images."""
        return Choices(self.top[some], self.left[some], self.mirror[some], self.shift[some])


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

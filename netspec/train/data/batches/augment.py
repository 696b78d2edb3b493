"""Random augmentation: crops, mirroring, changes of colours and erasing, drawn for each image as a function of (seed,
epoch, index)."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from netspec.ir.settings import Augment
from netspec.ir.shape import Shape
from netspec.passes import purposes
from netspec.train import counter_rng
from netspec.train.counter_rng import Indices
from netspec.train.data.batches.erasing import Filler, draw_boxes, filler
from netspec.train.data.batches.jitter import Jitters, draw_jitters
from netspec.train.data.batches.policy import Operations, draw_operations
from netspec.train.data.splits import Frame


@dataclass(frozen=True, slots=True)
class Choices:
    """The augmentation of N images: each crop's upper left corner, whether it is mirrored, the colour shift along each
    principal component in standard deviations, (N, channels), other changes of the colours, if there are any, and the
    boxes of the crop that are erased, if there are any, (N, 4); see ``erasing.draw_boxes``. The ``filler`` draws what
    they become, if it is not 0. ``operations`` are done on each crop before it is mirrored."""

    top: Indices
    left: Indices
    mirror: NDArray[np.bool_]
    shift: NDArray[np.float64]
    jitters: Jitters | None = None
    erased: Indices | None = None
    filler: Filler | None = None
    operations: Operations | None = None

    def __getitem__(self, some: slice) -> Choices:
        """Return the choices for a slice of the images."""
        choices = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: choice[some] for name, choice in choices.items() if choice is not None})


def choose(seed: int, epoch: int, indices: Indices, frame: Frame, size: Shape, augment: Augment) -> Choices:
    """Draw the choices for some images of an epoch. All corners at which the crop fits are equally likely."""
    top = counter_rng.uniform(seed, epoch, indices, purposes.TOP) * (frame.height - size.height + 1)
    left = counter_rng.uniform(seed, epoch, indices, purposes.LEFT) * (frame.width - size.width + 1)
    mirror = counter_rng.uniform(seed, epoch, indices, purposes.MIRROR) < 0.5
    shift = np.zeros((len(indices), frame.channels))
    if augment.colour:
        for channel in range(frame.channels):
            shift[:, channel] = counter_rng.normal(seed, epoch, indices, purposes.COLOUR + 2 * channel) * augment.colour
    jitters = draw_jitters(augment.jitter, seed, epoch, indices, frame.channels) if augment.jitter else None
    erased = draw_boxes(augment.erase, seed, epoch, indices, size) if augment.erase else None
    mirror &= augment.flip == "horizontal"
    filling = filler(augment.erase, seed, epoch, indices)
    operations = draw_operations(augment.policy, seed, epoch, indices) if augment.policy else None
    corners = top.astype(np.int64), left.astype(np.int64)
    return Choices(*corners, mirror, shift, jitters, erased, filling, operations)


def central(count: int, frame: Frame, size: Shape) -> Choices:
    """Return the choices for validation: the central crop, neither mirrored nor shifted."""
    top = np.full(count, (frame.height - size.height) // 2)
    left = np.full(count, (frame.width - size.width) // 2)
    return Choices(top, left, np.zeros(count, np.bool_), np.zeros((count, frame.channels)))

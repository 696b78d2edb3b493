"""Synthetic images with visible classes: each class has its own colour, and stripes of its own angle and width.

Phase, contrast, brightness and noise vary between the images of a class, so that a network must learn what they share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netspec.train.data.splits import Data, Frame, Labels, Pixels

SYNTHETIC = "synthetic"
"""The name of these images as a source, and of those with masks."""

MIN_TRAIN = 1024
"""The minimum number of training images. There are two per class if that is more."""

VALIDATION = 256

MEASURED = 512
"""The number of training images on which mean and colours are measured; few, so that trying out a network is quick.

The first images are representative: classes alternate, and the first classes of any number of them are evenly spread
in colour, angle and width.
"""

# The steps of a three-dimensional low-discrepancy sequence (powers of 1/g, where g^4 = g + 1). Classes with consecutive
# numbers differ widely in colour, angle and width, and so do the first few of any number of classes.
_COLOUR, _ANGLE, _WIDTH = 0.8191725134, 0.6710436067, 0.5497004779


def open_synthetic(frame: Frame, classes: int, seed: int) -> Data:
    """Open synthetic images for a network with this number of classes; the same seed gives the same images."""
    train = max(MIN_TRAIN, 2 * classes)
    return Data(
        source=SYNTHETIC,
        classes=tuple(f"texture {number}" for number in range(classes)),
        frame=frame,
        train=Textures(frame, classes, train, (seed, 0), "train"),
        validation=Textures(frame, classes, VALIDATION, (seed, 1), "val"),
        sample=range(min(MEASURED, train)),
    )


@dataclass(frozen=True)
class Textures:
    """A split of textures, generated on demand. Image i is of class i modulo ``classes``. ``split`` names the split."""

    frame: Frame
    classes: int
    count: int
    seed: tuple[int, int]
    split: str = "train"

    @property
    def labels(self) -> Labels:
        return np.arange(self.count, dtype=np.int64) % self.classes

    def name(self, index: int) -> str:
        """See ``Split.name``."""
        return f"{self.split}[{index}]"

    def read(self, index: int) -> Pixels:
        """See ``Split.read``. The image depends only on the seed and ``index``."""
        return self.of_class(index % self.classes, np.random.default_rng((*self.seed, index)))

    def of_class(self, kind: int, rng: np.random.Generator) -> Pixels:
        """Return an image of a class, (channels, height, width), with random numbers from ``rng``."""
        stripes = _stripes(kind, self.frame, phase=rng.uniform(0, 2 * math.pi))
        contrast, brightness = rng.uniform(0.25, 0.45), rng.uniform(0.4, 0.6)
        # In place from here on, since allocating an array for each operation takes longer than the operation.
        image = _shades(kind, self.frame.channels)[:, None, None] * (0.5 + 0.5 * stripes)
        image += 0.25 * stripes
        image *= contrast
        image += brightness
        image *= 255
        image += rng.integers(-24, 25, image.shape, np.int16)
        pixels: Pixels = image.clip(0, 255, out=image).astype(np.uint8)
        return pixels


def _stripes(kind: int, frame: Frame, phase: float) -> NDArray[np.float32]:
    """Return a sine wave from -1 to 1, (height, width), with 1.5 to 6 periods along the shorter side; fewer if a period
    would have less than 4 pixels."""
    side = min(frame.height, frame.width)
    angle = math.pi * (kind * _ANGLE % 1)
    max_periods = max(1.5, min(6.0, side / 4))
    pitch = 2 * math.pi * (1.5 + (max_periods - 1.5) * (kind * _WIDTH % 1)) / side
    across = np.arange(frame.width, dtype=np.float32) * np.float32(pitch * math.cos(angle))
    down = np.arange(frame.height, dtype=np.float32) * np.float32(pitch * math.sin(angle)) + np.float32(phase)
    # sin(a + b) by the addition theorem: two outer products instead of a sine for each pixel.
    return np.outer(np.sin(down), np.cos(across)) + np.outer(np.cos(down), np.sin(across))


def _shades(kind: int, channels: int) -> NDArray[np.float32]:
    """Return the brightness of each channel for this class, from -1 to 1; three channels give a hue."""
    hue = 2 * math.pi * (kind * _COLOUR % 1)
    return np.cos(hue + 2 * math.pi * np.arange(channels) / max(3, channels)).astype(np.float32)

"""Synthetic images with masks: shapes on a background, each with the texture of its class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netspec.passes.score_grid import UNLABELLED
from netspec.train.data.sources.synthetic import MEASURED, SYNTHETIC, VALIDATION, Textures
from netspec.train.data.splits import Data, Frame, Labels, Pixels

TRAIN = 1024
"""The number of training images."""

SHAPES = 3
"""The number of shapes in an image; later ones may cover earlier ones."""


def open_synthetic_masks(frame: Frame, classes: int, seed: int) -> Data:
    """Open synthetic images with masks for a network with this number of classes; the same seed gives the same
    images."""
    return Data(
        source=SYNTHETIC,
        classes=tuple(f"texture {number}" for number in range(classes)),
        frame=frame,
        train=Scenes(frame, classes, TRAIN, (seed, 2), "train"),
        validation=Scenes(frame, classes, VALIDATION, (seed, 3), "val"),
        sample=range(MEASURED),
        masks=True,
    )


@dataclass(frozen=True)
class Scenes(Textures):
    """A split of images of several textures, with masks, generated on demand.

    A background has the texture of a class, and ellipses and rectangles on it those of others. The pixels on the edge
    of a shape are unlabelled, as those on the edges of objects in Pascal VOC's masks.
    """

    @property
    def labels(self) -> Labels:
        """Zeros: an image has no class of its own."""
        return np.zeros(self.count, np.int64)

    def read(self, index: int) -> Pixels:
        """See ``Split.read``. Image and mask depend only on the seed and ``index``."""
        rng = np.random.default_rng((*self.seed, index))
        kinds = rng.integers(self.classes, size=1 + SHAPES)
        image = self.of_class(int(kinds[0]), rng)
        mask = np.full((self.frame.height, self.frame.width), kinds[0], np.uint8)
        for kind in kinds[1:]:
            inside = _shape(self.frame, rng)
            texture = self.of_class(int(kind), rng)
            edge = inside & ~_eroded(inside)
            image[:, inside] = texture[:, inside]
            mask[inside] = kind
            mask[edge] = UNLABELLED
        return np.concatenate([image, mask[None]])


def _shape(frame: Frame, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return the pixels of an ellipse or rectangle of a random place and size, (height, width)."""
    down, across = (
        (np.arange(size) + 0.5 - rng.uniform(0, size)) / (size * rng.uniform(0.15, 0.35))
        for size in (frame.height, frame.width)
    )
    if rng.integers(2):
        inside: NDArray[np.bool_] = down[:, None] ** 2 + across**2 < 1
    else:
        inside = (np.abs(down) < 1)[:, None] & (np.abs(across) < 1)
    return inside


def _eroded(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of a shape whose neighbours above, below, left and right are in the shape too, or outside the
    image."""
    wide = np.pad(inside, 1, constant_values=True)
    kept: NDArray[np.bool_] = wide[:-2, 1:-1] & wide[2:, 1:-1] & wide[1:-1, :-2] & wide[1:-1, 2:]
    return kept

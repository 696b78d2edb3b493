"""The size of stored images, the positions of the crops used in tests, and how the crops of a training are drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass

from netspec.ir.graph import Graph
from netspec.ir.settings import ASPECTS_OF_CROPS

Place = tuple[int, int]
"""The row and column of a crop's upper left pixel."""


def stored_size(graph: Graph) -> tuple[int, int]:
    """Return the height and width to which images are scaled before the network's input is cropped from them.

    The aspect ratio is that of the input. The shorter side is given by ``test from=``, else by ``augment from=`` (the
    mean of its two numbers), and by default is that of the input.
    """
    size = graph.input.output.height, graph.input.output.width
    return _scaled(size, graph.test.resize or graph.augment.resize or min(size))


def _scaled(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return the height and width with the aspect ratio of ``size`` and this shorter side."""
    height, width = size
    return round(height * side / min(size)), round(width * side / min(size))


@dataclass(frozen=True, slots=True)
class DrawnCrops:
    """How crops of drawn sizes are cut from training images, and resized to the network's input.

    ``size`` is the height and width of the input. If ``areas`` is ``None``, the shorter side of each image is first
    scaled to a whole number from ``sides``, the least and the greatest, and the crop is cut from it; if the two are
    equal, from its central part with the input's aspect ratio, as the crops of images that are stored in one size. An
    image that is smaller than the input becomes the upper left part of its crop, and the rest is padding. With
    ``areas``, a crop has a share of the image's area from these, and a ratio of width to height from ``aspects``.
    """

    size: tuple[int, int]
    sides: tuple[int, int]
    areas: tuple[float, float] | None = None
    aspects: tuple[float, float] = ASPECTS_OF_CROPS

    @property
    def from_whole_images(self) -> bool:
        """Whether crops may be anywhere in an image, not only in its central part with the input's aspect ratio."""
        return self.areas is not None or self.sides[0] < self.sides[1]

    @property
    def pads(self) -> bool:
        """Whether some images are scaled to less than the input, and padded."""
        return self.areas is None and self.sides[0] < min(self.size)

    @property
    def least_side(self) -> int:
        """The shorter side that an image of a source needs, so that no crop is enlarged beyond what the spec draws."""
        return self.sides[1]

    def scaled(self, side: int) -> tuple[int, int]:
        """Return the height and width of the central part of an image whose shorter side is scaled to this, with the
        input's aspect ratio."""
        return _scaled(self.size, side)

    @property
    def decoded_side(self) -> int:
        """The least side to which a JPEG decoder may scale an image down: twice the greatest side that is drawn, or as
        many pixels as the smallest crop needs to have at least those of the input."""
        if self.areas is None:
            return 2 * max(self.scaled(self.sides[1]))
        elongation = max(1.0, self.aspects[1], 1 / self.aspects[0])
        return math.ceil(max(self.size) * math.sqrt(elongation / self.areas[0]))


def drawn_crops(graph: Graph) -> DrawnCrops | None:
    """Return how the crops of a training are drawn; ``None`` if all are cut from images as validation reads them."""
    size, augment = graph.input.output, graph.augment
    if not size.is_image:
        return None
    own = augment.resize or min(size.height, size.width)
    tested = graph.test.resize or own
    if augment.areas is not None:
        return DrawnCrops((size.height, size.width), (tested, tested), augment.areas, augment.aspects)
    if augment.sides is not None:
        return DrawnCrops((size.height, size.width), augment.sides)
    return DrawnCrops((size.height, size.width), (own, own)) if tested != own else None


def centre_crop(down: int, right: int) -> Place:
    """Return the centre crop of an image that is ``down`` pixels higher and ``right`` pixels wider than the crop."""
    return down // 2, right // 2


def five_crops(down: int, right: int) -> tuple[Place, ...]:
    """Return the four corner crops and the centre crop. Together with their mirror images they are the ten views of
    Krizhevsky et al. (2012), section 4.1. Some or all coincide if the image is hardly larger than the crop."""
    return (0, 0), (0, right), (down, 0), (down, right), centre_crop(down, right)

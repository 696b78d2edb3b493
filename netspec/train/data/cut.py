"""Parts of images: where they lie, and the same parts of masks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netspec.passes.score_grid import UNLABELLED
from netspec.train.data.splits import Pixels


class Cut(NamedTuple):
    """A part of an image that becomes a crop: its upper left corner, and its size; in pixels of the image, or of the
    image scaled to ``scaled``, (height, width)."""

    top: int
    left: int
    height: int
    width: int
    scaled: tuple[int, int] | None = None


def nearest(mask: Pixels, cut: Cut, image: tuple[int, int], size: tuple[int, int]) -> Pixels:
    """Return the part of a mask that belongs to a part of its image, resized to ``size``, a height and a width.

    ``image`` is the height and width of the image. They differ from the mask's if the image has been decoded at a
    smaller scale. Each pixel of the result gets the class of the mask's pixel in which its centre lies, as with
    ``nearest-exact`` of PyTorch's ``interpolate``, so that classes are never mixed.

    >>> nearest(np.arange(4, dtype=np.uint8)[None], Cut(0, 0, 1, 4), (1, 4), (1, 2))
    array([[1, 3]], dtype=uint8)
    """
    height, width = cut.scaled if cut.scaled is not None else image
    rows = _nearest(cut.top, cut.height, height, size[0], mask.shape[0])
    columns = _nearest(cut.left, cut.width, width, size[1], mask.shape[1])
    part: Pixels = mask[rows[:, None], columns]
    return part


def padded(planes: Pixels, size: tuple[int, int], colour: Pixels | None, *, masks: bool) -> Pixels:
    """Return the planes of a crop with padding on the right and below, up to a height and width, as torchvision's
    references (``pad_if_smaller`` in ``segmentation/transforms.py``) and DeepLab's code for TensorFlow put it.

    ``colour`` is that of the padding, of the shape of the crop or (channels, 1, 1); ``None`` for black. With ``masks``,
    the last plane is a mask, and unlabelled there.

    >>> padded(np.ones((2, 1, 1), np.uint8), (1, 2), None, masks=True).tolist()
    [[[1, 0]], [[1, 255]]]
    """
    if planes.shape[1:] == size:
        return planes
    larger = np.full((len(planes), *size), UNLABELLED, np.uint8)
    larger[: len(planes) - masks] = 0 if colour is None else colour
    larger[:, : planes.shape[1], : planes.shape[2]] = planes
    return larger


def _nearest(start: int, length: int, whole: int, count: int, pixels: int) -> NDArray[np.int64]:
    """Return the pixels of a line, numbers below ``pixels``, in which the centres of ``count`` equal parts of a stretch
    lie: ``length`` from ``start`` on, where the whole line is ``whole`` long. Centres on an edge are in the pixel after
    it. The arithmetic is of whole numbers, and exact."""
    centres = 2 * start * count + (2 * np.arange(count, dtype=np.int64) + 1) * length
    return centres * pixels // (2 * count * whole)

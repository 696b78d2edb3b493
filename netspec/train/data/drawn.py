"""Crops of drawn sizes: which part of an image each one is, and the split that cuts them from another split's images.

They are cut and resized with Pillow as soon as an image is read, in the threads that read, since only there is all of
the image. The draws are functions of the seed, the epoch and the image's index alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netspec.passes import purposes
from netspec.passes.crops import DrawnCrops, centre_crop
from netspec.train import counter_rng
from netspec.train.data.cut import Cut, nearest, padded
from netspec.train.data.rectangles import rectangles
from netspec.train.data.splits import CachedSplit, Data, Frame, Labels, Pixels, Split, as_planes
from netspec.train.errors import TrainError


@runtime_checkable
class WholeImages(Split, Protocol):
    """A split whose ``read`` scales and crops image files, which can also be decoded whole."""

    def decode(self, index: int, side: int) -> Image.Image:
        """Decode an image upright, in mode L or RGB. A JPEG file may be scaled down on the way, to no less than
        ``side``. Raises ``Unreadable``."""
        ...


@runtime_checkable
class WholeMasks(WholeImages, Protocol):
    """A split of image files whose images have masks."""

    def mask(self, index: int) -> Pixels:
        """Return the mask of an image, (height, width), which may be larger than the image decoded. Raises
        ``Unreadable``."""
        ...


def cut_of(crops: DrawnCrops, seed: int, epoch: int, index: int, height: int, width: int) -> Cut:
    """Draw the part of an image of this height and width that becomes its crop in an epoch.

    Of an image that is scaled to less than the crop, it is all there is.
    """
    draws = _Draws(seed, epoch, index)
    if crops.areas is not None:
        return _share_of_area(crops, draws, height, width)
    low, high = crops.sides
    centre = crops.scaled(low + int(draws(purposes.SIDE)[0] * (high - low + 1)))
    scale = max(centre[0] / height, centre[1] / width)
    scaled = max(centre[0], round(height * scale)), max(centre[1], round(width * scale))
    kept = scaled if crops.from_whole_images else centre
    part = min(kept[0], crops.size[0]), min(kept[1], crops.size[1])
    top, left = centre_crop(scaled[0] - kept[0], scaled[1] - kept[1])
    down, right = (draws.below(kept[i] - part[i] + 1, (purposes.TOP, purposes.LEFT)[i]) for i in (0, 1))
    return Cut(top + down, left + right, *part, scaled)


class _Draws:
    """The random numbers of an image in an epoch."""

    def __init__(self, seed: int, epoch: int, index: int) -> None:
        self._of = seed, epoch, np.array([index])

    def __call__(self, *purposes: int) -> list[float]:
        """Return a number in [0, 1) for each purpose."""
        numbers: list[float] = counter_rng.uniform(*self._of, np.array(purposes)).tolist()
        return numbers

    def below(self, count: int, purpose: int) -> int:
        """Return a whole number from 0 to ``count`` - 1."""
        return int(self(purpose)[0] * count)


def _share_of_area(crops: DrawnCrops, draws: _Draws, height: int, width: int) -> Cut:
    """Draw a crop with a share of the image's area and a ratio of width to height, anywhere where it fits, or a central
    one if no try fits, as torchvision does (``rectangles``)."""
    assert crops.areas is not None
    top, left, *tries = draws(purposes.TOP, purposes.LEFT, *range(purposes.AREA, purposes.AREA + 2 * purposes.TRIES))
    for columns, rows in rectangles(tries, height * width, crops.areas, crops.aspects):
        if 0 < rows <= height and 0 < columns <= width:
            return Cut(int(top * (height - rows + 1)), int(left * (width - columns + 1)), rows, columns)
    rows, columns, (narrow, wide) = height, width, crops.aspects
    if width / height < narrow:
        rows = max(1, round(width / narrow))
    elif width / height > wide:
        columns = max(1, round(height * wide))
    return Cut(*centre_crop(height - rows, width - columns), rows, columns)


def resized(image: Image.Image, cut: Cut, size: tuple[int, int]) -> Image.Image:
    """Return a part of an image, resized to a height and width, with Pillow's bilinear filter."""
    width_first = size[1], size[0]
    if cut.scaled is None:
        part = image.crop((cut.left, cut.top, cut.left + cut.width, cut.top + cut.height))
        return part.resize(width_first, Image.Resampling.BILINEAR)
    down, right = image.height / cut.scaled[0], image.width / cut.scaled[1]
    box = (cut.left * right, cut.top * down, (cut.left + cut.width) * right, (cut.top + cut.height) * down)
    return image.resize(width_first, Image.Resampling.BILINEAR, box, reducing_gap=3.0)


def resized_planes(pixels: Pixels, cut: Cut, size: tuple[int, int], *, masks: bool) -> Pixels:
    """Return a part of stored pixels, (channels, height, width), resized like ``resized``; with ``masks``, the last
    plane is a mask, and resized like ``nearest``."""
    image, mask = (pixels[:-1], pixels[-1:]) if masks else (pixels, pixels[:0])
    planes = [np.asarray(resized(Image.fromarray(plane), cut, size)) for plane in image]
    return np.stack([*planes, *(nearest(plane, cut, plane.shape, size) for plane in mask)])


@dataclass(frozen=True, slots=True)
class CutSplit:
    """Parts of the images of a split, resized to a height and width, as a split.

    ``cut`` returns the part, given an image's index, height and width. Image files are decoded whole, large JPEG files
    to no less than ``decoded_side``. With ``masks``, images have masks, of which the same parts are taken. Parts of
    scaled images that are smaller than ``size`` are padded with ``padding``, see ``cut.padded``.
    """

    split: Split
    size: tuple[int, int]
    cut: Callable[[int, int, int], Cut]
    decoded_side: int = 0
    masks: bool = False
    padding: Pixels | None = None

    @property
    def labels(self) -> Labels:
        return self.split.labels

    def name(self, index: int) -> str:
        """See ``Split.name``."""
        return self.split.name(index)

    def read(self, index: int) -> Pixels:
        """See ``Split.read``."""
        return np.array(padded(self._part(index), self.size, self.padding, masks=self.masks), order="C")

    def _part(self, index: int) -> Pixels:
        """Return the part of an image, in the size of a crop or, if the image is smaller, without its padding."""
        if not isinstance(self.split, WholeImages):
            pixels = self.split.read(index)
            cut = self.cut(index, *pixels.shape[1:])
            return resized_planes(pixels, cut, self._size_of(cut), masks=self.masks)
        image = self.split.decode(index, self.decoded_side)
        cut = self.cut(index, image.height, image.width)
        planes = as_planes(resized(image, cut, self._size_of(cut)))
        if isinstance(self.split, WholeMasks):
            mask = nearest(self.split.mask(index), cut, (image.height, image.width), self._size_of(cut))
            planes = np.concatenate([planes, mask[None]])
        return planes

    def _size_of(self, cut: Cut) -> tuple[int, int]:
        return self.size if cut.scaled is None else (cut.height, cut.width)


def crops_of(
    split: Split, crops: DrawnCrops, seed: int, epoch: int, *, masks: bool, padding: Pixels | None = None
) -> CutSplit:
    """Return the crops of the images of a split, which have ``masks`` or not, in an epoch, with this ``padding``."""
    return CutSplit(split, crops.size, partial(cut_of, crops, seed, epoch), crops.decoded_side, masks, padding)


def smaller(split: Split, frame: Frame, *, masks: bool) -> CutSplit:
    """Return the images of a split, which have ``masks`` or not, scaled down to a frame of the same shape."""
    size = frame.height, frame.width
    return CutSplit(split, size, lambda index, height, width: Cut(0, 0, *size, scaled=size), masks=masks)


def training_split(data: Data, crops: DrawnCrops | None, seed: int, epoch: int, padding: Pixels | None = None) -> Split:
    """Return the training images of an epoch: crops of drawn sizes, or without ``crops`` the stored images. ``padding``
    is around crops of small images, see ``Preparation.padding``."""
    if crops is None:
        return data.train
    stored = data.larger if data.larger is not None else data.train
    if not isinstance(stored, CachedSplit):
        return crops_of(stored, crops, seed, epoch, masks=data.masks, padding=padding)
    whole = stored.original if isinstance(stored.original, WholeImages) else stored
    return stored.with_failures_of(crops_of(whole, crops, seed, epoch, masks=data.masks, padding=padding))


def scaled_down(data: Data, frame: Frame, least: Frame) -> Data:
    """Return a source whose images are scaled down to a frame of the same shape up to rounding, with the larger ones
    for crops of drawn sizes. A source of another shape is returned as it is.

    The mean image is scaled too. The spread of the colours stays that of the larger images.

    Raises
    ------
    TrainError
        The images are smaller than ``least``.
    """
    own, size = data.frame, (frame.height, frame.width)
    if own.channels != frame.channels or abs(own.height * frame.width - own.width * frame.height) > max(*size):
        return data
    if own.height < least.height:
        raise TrainError(
            f"the images of {data.source} are {own}, and crops are cut from images of up to {least}",
            "from smaller ones: augment from= and test from=; a pack can have larger ones: "
            f"netspec pack --size {min(least.height, least.width)}",
        )
    if own == frame:
        return data
    statistics = data.statistics
    if statistics is not None:
        statistics = replace(statistics, mean=_smaller_mean(statistics.mean, frame))
    validation = smaller(data.validation, frame, masks=data.masks) if data.validation is not None else None
    train = smaller(data.train, frame, masks=data.masks)
    return replace(data, frame=frame, train=train, validation=validation, statistics=statistics, larger=data.train)


def _smaller_mean(mean: NDArray[np.float64], frame: Frame) -> NDArray[np.float64]:
    size = frame.width, frame.height
    planes = (Image.fromarray(plane.astype(np.float32)) for plane in mean)
    return np.stack([np.asarray(plane.resize(size, Image.Resampling.BILINEAR), np.float64) for plane in planes])

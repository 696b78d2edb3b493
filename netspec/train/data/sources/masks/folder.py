"""Folders of images and masks as a source, with files decoded on demand. See ``listing`` for the accepted layouts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from netspec.train.data.cut import nearest
from netspec.train.data.sources.decode import (
    cover,
    covering,
    decode_whole,
    decoded_side,
    displayed_size,
    require_channels,
)
from netspec.train.data.sources.folder import ImageFiles
from netspec.train.data.sources.listing import Files, Listing
from netspec.train.data.sources.masks.classes import numbered_names, require_classes
from netspec.train.data.sources.masks.colours import Colours, UnknownColour
from netspec.train.data.sources.masks.listing import list_masks
from netspec.train.data.sources.masks.reading import read_mask
from netspec.train.data.splits import Data, Frame, Pixels
from netspec.train.errors import TrainError


def read_pair(image: Path, mask: Path, frame: Frame, colours: Colours | None = None) -> Pixels:
    """Decode an image and its mask, scale both to cover the frame, and crop them at the centre. ``colours`` are those
    of the classes in masks that have colours.

    Returns
    -------
    pixels:
        The planes of the image, as many as the frame has channels, and that of the mask: (channels + 1, height, width).

    Raises
    ------
    Unreadable
        One of the files cannot be decoded, or the mask is none of this image.
    TrainError
        The mask has a colour that is that of no class.
    """
    whole = decode_whole(image, frame.channels, decoded_side(frame))
    pixels = cover(whole, frame, str(image))
    size = frame.height, frame.width
    classes = _classes_in(image, mask, colours)
    part = nearest(classes, covering(whole.height, whole.width, frame), (whole.height, whole.width), size)
    return np.concatenate([pixels, part[None]])


def _classes_in(image: Path, mask: Path, colours: Colours | None) -> Pixels:
    """Return the classes in the mask of an image file. Raises ``Unreadable``; ``TrainError`` for an unknown colour."""
    try:
        return read_mask(mask, displayed_size(image, str(image)), colours)
    except UnknownColour as problem:
        raise TrainError(f"{problem.path}: {problem.reason}", *problem.notes) from problem


@dataclass(frozen=True, slots=True)
class MaskFiles(ImageFiles):
    """A split of image files with masks, decoded on demand. ``classes`` is the number of classes; ``None`` if it is not
    known. ``colours`` are theirs, if the masks have colours. ``labels`` are zeros: an image has no class of its own."""

    classes: int | None
    colours: Colours | None = None

    def read(self, index: int) -> Pixels:
        """See ``read_pair``. Raises ``TrainError`` if the mask has a class that does not exist."""
        mask = self.mask_path(index)
        pixels = read_pair(self.image_path(index), mask, self.frame, self.colours)
        require_classes(mask, pixels[-1], self.classes)
        return pixels

    def mask(self, index: int) -> Pixels:
        """See ``WholeMasks.mask``. Raises ``TrainError`` if the mask has a class that does not exist."""
        mask = self.mask_path(index)
        classes = _classes_in(self.image_path(index), mask, self.colours)
        require_classes(mask, classes, self.classes)
        return classes

    def mask_path(self, index: int) -> Path:
        """Return the file of an image's mask."""
        assert self.files.masks is not None
        return self.files.root / self.files.masks[index]


def as_split(files: Files, listing: Listing, frame: Frame) -> ImageFiles:
    """Return files of a listing as a split, of masks too if they have masks."""
    if files.masks is None:
        return ImageFiles(files, frame)
    return MaskFiles(files, frame, len(listing.classes) or None, listing.colours)


def open_mask_folder(root: Path, frame: Frame, outputs: int | None) -> Data:
    """Open a folder of images with masks. This lists its files but opens none. If no file names the classes, they are
    as many as the ``outputs`` of the network, if there is one.

    Raises
    ------
    TrainError
        See ``list_masks``; or ``frame`` has neither 1 nor 3 channels.
    OSError
        A folder in it cannot be opened.
    """
    require_channels(frame, "the network", "--data synthetic makes images with any number of channels")
    listing = list_masks(root)
    listing = replace(listing, classes=listing.classes or numbered_names(outputs or 0))
    return Data(
        source=str(root),
        classes=listing.classes,
        frame=frame,
        train=as_split(listing.train, listing, frame),
        validation=as_split(listing.validation, listing, frame) if listing.validation is not None else None,
        notes=listing.notes,
        masks=True,
    )

"""Image folders as a source, with files decoded on demand. See ``listing`` for the accepted layouts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from PIL import Image

from netspec.train.data.sources.decode import decode_whole, read_image, require_channels
from netspec.train.data.sources.listing import Files, list_folder
from netspec.train.data.splits import Data, Frame, Labels, Pixels

DEFAULT_FRAME = Frame(3, 256, 256)
"""The stored image size of a folder that is opened without a network: that of the 2012 paper."""


@dataclass(frozen=True, slots=True)
class ImageFiles:
    """A split of image files, decoded on demand."""

    files: Files
    frame: Frame

    @property
    def labels(self) -> Labels:
        return self.files.labels

    def name(self, index: int) -> str:
        """See ``Split.name``."""
        return self.files.path(index)

    def read(self, index: int) -> Pixels:
        """See ``Split.read``."""
        return read_image(self.image_path(index), self.frame)

    def decode(self, index: int, side: int) -> Image.Image:
        """See ``WholeImages.decode``."""
        return decode_whole(self.image_path(index), self.frame.channels, side)

    def image_path(self, index: int) -> Path:
        """Return the file of an image."""
        return self.files.root / self.files.names[index]

    def part(self, start: int, stop: int) -> Self:
        """Return the images from ``start`` to ``stop``, as far as there are any, as a split."""
        return replace(self, files=self.files.at(np.arange(start, min(stop, len(self.labels)))))


def open_folder(root: Path, frame: Frame = DEFAULT_FRAME, *, allow_empty: bool = False) -> Data:
    """Open an image folder. This lists its files but opens none. With ``allow_empty``, classes may have no images.

    Raises
    ------
    TrainError
        See ``list_folder``; or ``frame`` has neither 1 nor 3 channels.
    OSError
        A folder in it cannot be opened.
    """
    require_channels(frame, "the network", "--data synthetic makes images with any number of channels")
    listing = list_folder(root, allow_empty=allow_empty)
    return Data(
        source=str(root),
        classes=listing.classes,
        frame=frame,
        train=ImageFiles(listing.train, frame),
        validation=ImageFiles(listing.validation, frame) if listing.validation is not None else None,
        notes=listing.notes,
    )

"""Reading an image file as pixels: decoding, colour conversion, orientation, and resizing to the stored size."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from netspec.passes.crops import centre_crop
from netspec.train.data.cut import Cut
from netspec.train.data.splits import Frame, Pixels, Unreadable, as_planes
from netspec.train.errors import TrainError

FORMATS = ("JPEG", "PNG")
SUFFIXES = (".jpg", ".jpeg", ".png")

PEAK = 255
"""The pixel value of full brightness in images read from files."""


MAX_PIXELS = 89_478_485
"""Larger images are refused, since decoding them, or scaling them to that, would take more than 256 MB. Pillow warns at
the same limit."""


def require_channels(frame: Frame, network: str, *hints: str) -> None:
    """Raise ``TrainError`` unless image files are read with as many channels as a network needs."""
    if frame.channels not in (1, 3):
        raise TrainError(f"image files have 1 or 3 channels, {network} reads {frame.channels}", *hints)


def read_image(path: Path, frame: Frame) -> Pixels:
    """Decode a JPEG or PNG file, scale it to cover the frame, and crop it at the centre.

    Grey, palette, CMYK and 16-bit images are converted; transparent parts become white; only the first image of an
    animation is used; EXIF orientation is applied.

    Parameters
    ----------
    frame:
        The size of the result, with 1 channel (grey) or 3 (RGB).

    Raises
    ------
    Unreadable
        The file cannot be decoded, for whatever reason.
    """
    return cover(decode_whole(path, frame.channels, decoded_side(frame)), frame, str(path))


def decoded_side(frame: Frame) -> int:
    """Return the least side to which the JPEG decoder may scale down an image that is then scaled to a frame: no less
    than twice the requested size."""
    return 2 * max(frame.height, frame.width)


def cover(image: Image.Image, frame: Frame, name: str) -> Pixels:
    """Return a decoded image, scaled to cover the frame and cropped at the centre (see ``covering``). Raises
    ``Unreadable``, with the ``name`` to show to the user."""
    return planes_of(image, covering(image.height, image.width, frame), name)


def planes_of(image: Image.Image, cut: Cut, name: str) -> Pixels:
    """Return a part of a decoded image that is scaled, (channels, height, width). Raises ``Unreadable``, with the
    ``name`` to show to the user; so it does if the scaled image is too large, as that of a very long and narrow one."""
    assert cut.scaled is not None
    down, right = cut.scaled
    if down * right > MAX_PIXELS:
        raise Unreadable(name, f"scaled to {right} x {down} pixels, which are too many: it is too long and narrow")
    try:
        part = _scaled_part(image, cut)
    except Exception as problem:
        raise Unreadable(name, read_error(problem)) from problem
    return np.array(as_planes(part), order="C")  # a copy: Pillow's array is read-only, about which torch warns


def upright(file: BinaryIO, name: str, channels: int, side: int) -> Image.Image:
    """Decode an open image file, turn it upright and convert it to mode L (1 channel) or RGB (3). The JPEG decoder may
    scale it down by 2, 4 or 8, but to no less than ``side``. Raises ``Unreadable``."""
    try:
        if not file.read(1):
            raise Unreadable(name, "the file is empty")
        file.seek(0)
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Unreadable(name, f"{image.width} x {image.height} pixels are too many to decode safely")
            image.draft(None, (side, side))
            return _colours(ImageOps.exif_transpose(image), channels)
    except Unreadable:
        raise
    except Exception as problem:
        # Pillow's decoders raise many kinds of exceptions for broken files.
        raise Unreadable(name, read_error(problem)) from problem


def decode_whole(path: Path, channels: int, side: int) -> Image.Image:
    """Decode an image file as ``upright`` does. Raises ``Unreadable``."""
    try:
        with path.open("rb") as file:
            return upright(file, str(path), channels, side)
    except OSError as problem:
        raise Unreadable(str(path), read_error(problem)) from problem


def image_size(path: Path) -> tuple[int, int]:
    """Return the width and height in a file's header, before EXIF orientation. Raises ``Unreadable``."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            return image.size
    except Exception as problem:
        raise Unreadable(str(path), read_error(problem)) from problem


def displayed_size(file: Path | BinaryIO, name: str) -> tuple[int, int]:
    """Return the height and width of a file's image as it is displayed: after EXIF orientation. Raises ``Unreadable``,
    with the ``name`` to show to the user."""
    try:
        with Image.open(file, formats=FORMATS) as image:
            turned = image.getexif().get(ExifTags.Base.Orientation) in _TURNED
            return (image.width, image.height) if turned else (image.height, image.width)
    except Exception as problem:
        raise Unreadable(name, read_error(problem)) from problem


_TURNED = (5, 6, 7, 8)  # the orientations of EXIF that exchange rows and columns


def _colours(image: Image.Image, channels: int) -> Image.Image:
    """Convert the image to mode L (1 channel) or RGB (3)."""
    mode = "L" if channels == 1 else "RGB"
    if image.mode.startswith("I"):
        # 16-bit grey: keep the high byte. Pillow's own conversion would clip everything above 255 to white.
        image = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert(mode)


def covering(height: int, width: int, frame: Frame) -> Cut:
    """Return the part of an image of this height and width that is stored: its centre, when the image is scaled to just
    cover the frame (if that is square, by the image's shorter side)."""
    scale = max(frame.height / height, frame.width / width)
    down, right = max(frame.height, round(height * scale)), max(frame.width, round(width * scale))
    return Cut(*centre_crop(down - frame.height, right - frame.width), frame.height, frame.width, (down, right))


def _scaled_part(image: Image.Image, cut: Cut) -> Image.Image:
    assert cut.scaled is not None
    height, width = cut.scaled
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return image.crop((cut.left, cut.top, cut.left + cut.width, cut.top + cut.height))


def read_error(problem: Exception) -> str:
    """Return why an image file cannot be read, in words."""
    if isinstance(problem, UnidentifiedImageError):
        return "its content is neither JPEG nor PNG"
    if isinstance(problem, FileNotFoundError):
        link = problem.filename is not None and Path(problem.filename).is_symlink()
        return "a link to a file that is not there" if link else "the file is no longer there"
    if isinstance(problem, PermissionError):
        return "no permission to read it"
    if isinstance(problem, Image.DecompressionBombError):
        return "too many pixels to decode safely"
    message = problem.strerror if isinstance(problem, OSError) else None  # str() adds errno and file name
    text = message or str(problem).strip() or type(problem).__name__
    return text.splitlines()[0][:200]

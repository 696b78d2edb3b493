"""Reading a mask: a PNG file in which each pixel is the number of a class, or has its colour."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from netspec.train.data.sources.decode import FORMATS, MAX_PIXELS, read_error
from netspec.train.data.sources.masks.colours import Colours, UnknownColour
from netspec.train.data.splits import Pixels, Unreadable

SUFFIX = ".png"

_STEPS = {"L;2": 85, "L;4": 17}
"""What Pillow multiplies grey levels of 2 and 4 bits by, so that the brightest is 255."""

AS_NUMBERS = "save it as a PNG whose pixels are the numbers of classes (a palette image, or grey levels of 8 bits)"

WITH_COLOURS = "or give each class its colour in classes.txt: road 128 64 128"


def read_mask(path: Path, size: tuple[int, int], colours: Colours | None = None) -> Pixels:
    """Read a mask, (height, width): the class of each pixel. A palette is ignored; of 1 bit are the classes 0 and 1.
    If classes have ``colours``, that of each pixel says its class, also if it is in a palette.

    Parameters
    ----------
    size:
        The height and width that it must have: those of its image as it is displayed.

    Raises
    ------
    Unreadable
        The file cannot be decoded, its pixels are not class numbers, or it has another size; ``UnknownColour`` if one
        of them has a colour that is that of no class.
    """
    name = str(path)
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise Unreadable(name, read_error(problem)) from problem
    if not content:
        raise Unreadable(name, "the file is empty")
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            mask = _class_numbers(image, name) if colours is None else _classes_of_colours(image, name, colours)
    except Unreadable:
        raise
    except Exception as problem:  # Pillow's decoders raise many kinds for broken files
        raise Unreadable(name, read_error(problem)) from problem
    if mask.shape != size:
        turned = ": the image is turned by its EXIF orientation, the mask is not" if mask.shape == size[::-1] else ""
        raise Unreadable(
            name,
            f"the mask is {mask.shape[1]} x {mask.shape[0]} pixels, its image {size[1]} x {size[0]}{turned}",
        )
    return mask


def _class_numbers(image: Image.Image, name: str) -> Pixels:
    """Return the numbers in the pixels of an open image."""
    _require_png(image, name)
    if image.mode not in ("P", "L", "1"):
        more = f", {WITH_COLOURS}" if _kind(image) == _KINDS["RGB"] else ""
        raise Unreadable(name, f"the mask {_kind(image)}; {AS_NUMBERS}{more}")
    # Pillow multiplies grey levels of 2 and 4 bits; only how it decodes the file tells them from those of 8 bits.
    step = max((_STEPS.get(str(tile.args), 1) for tile in getattr(image, "tile", ())), default=1)
    return np.array(ImageOps.exif_transpose(image), np.uint8) // step


def _classes_of_colours(image: Image.Image, name: str, colours: Colours) -> Pixels:
    """Return the classes of the colours in the pixels of an open image."""
    _require_png(image, name)
    if image.mode not in ("RGB", "RGBA", "P", "L", "1"):
        raise Unreadable(name, f"the mask {_kind(image)}; save it as a PNG with 8 bits each of red, green and blue")
    if image.mode == "RGBA" and np.asarray(image.getchannel("A")).min() < 255:
        raise Unreadable(name, "the mask has transparent parts beside the colours")
    try:
        return colours.classes_of(np.array(ImageOps.exif_transpose(image).convert("RGB"), np.uint8), name)
    except UnknownColour as problem:
        if image.mode.startswith("RGB"):
            raise
        raise UnknownColour(name, problem.reason, *problem.notes, _OR_NUMBERS.format(file=colours.file)) from problem


_OR_NUMBERS = "if its pixels are the numbers of classes, take the colours out of {file}"
"""For masks with a palette or grey levels, which may be either."""


def _require_png(image: Image.Image, name: str) -> None:
    if image.format != "PNG":
        raise Unreadable(name, f"the mask is a JPEG image, whose compression changes class numbers; {AS_NUMBERS}")
    if image.width * image.height > MAX_PIXELS:
        raise Unreadable(name, f"{image.width} x {image.height} pixels are too many to decode safely")


def _kind(image: Image.Image) -> str:
    """Return what is wrong with the mode of an open image."""
    if image.mode in ("RGB", "RGBA"):
        red, green, blue = (np.asarray(image.getchannel(channel)) for channel in "RGB")
        if red.any() and np.array_equal(red, green) and np.array_equal(red, blue):
            return f"has the same number three times in each pixel ({image.mode}), for red, green and blue"
    return _KINDS.get(image.mode, f"has the mode {image.mode}")


_KINDS = {
    "RGB": "has colours, not class numbers",
    "RGBA": "has colours, not class numbers",
    "LA": "has transparent parts beside the grey levels",
    "PA": "has transparent parts beside the palette",
    "I;16": "has 16 bits per pixel",
    "I": "has 16 bits per pixel",
}

"""Masks as PNG files: palette images whose numbers are the classes, in the colours of Pascal VOC."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image

from netspec.draw.png import encoded
from netspec.train.data.splits import Pixels


@cache
def voc_colours() -> Pixels:
    """Return Pascal VOC's colour of each number from 0 to 255, (256, 3), red, green and blue.

    The bits of a number, three at a time from the lowest, are the bits of red, green and blue from the highest: class 1
    is half-bright red, class 2 green (``VOClabelcolormap.m`` in the development kit). 255 is a light beige.
    """
    numbers = np.arange(256)
    colours = np.zeros((256, 3), np.uint8)
    for place in range(8):
        for channel in range(3):
            colours[:, channel] |= ((numbers >> (3 * place + channel) & 1) << (7 - place)).astype(np.uint8)
    return colours


def mask_png(mask: Pixels) -> bytes:
    """Return a mask (height, width) as a PNG file, with the mark of files that netspec wrote."""
    image = Image.fromarray(mask, "P")
    image.putpalette(voc_colours().tobytes())
    return encoded(image)

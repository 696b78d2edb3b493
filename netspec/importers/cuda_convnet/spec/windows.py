"""The windows of convolutions: their padding, and the channels that they read."""

from __future__ import annotations

import math

from netspec.importers.cuda_convnet.layers.model import ConvInput, Layer


def pads_of(layer: Layer) -> list[tuple[int, int]]:
    """Return the padding before and after each input of a convolution."""
    return [_pad(read, layer.values["side"]) for read in layer.values["reads"]]


def _pad(read: ConvInput, places: int) -> tuple[int, int]:
    """Return the padding before and after an input with so many windows along an axis.

    The original's last window may overhang, as with ``rounding=up``, unless ``modulesX`` requests another number of
    windows.
    """
    before, side = read.padding, read.image.side
    spare = 2 * before + side - read.kernel
    if spare >= 0 and math.ceil(spare / read.stride) + 1 == places:
        return before, before
    return before, read.stride * (places - 1) + read.kernel - side - before


def spread(read: ConvInput) -> int:
    """Return how often an input's channels are repeated for the groups of a random sparse layer."""
    return read.groups * read.depth // read.image.channels


def over_zeros(layer: Layer) -> bool:
    """Whether a convolution has windows that lie completely outside one of its input images."""
    return any(
        read.padding >= read.kernel or read.stride * (layer.values["side"] - 1) - read.padding >= read.image.side
        for read in layer.values["reads"]
    )


def has_uneven_padding(layer: Layer) -> bool:
    """Whether a convolution's paddings cannot be written as one key, since its inputs need different ones per side."""
    pads = pads_of(layer)
    differ = len(pads) > 1 and (len(set(pads)) > 1 or len(pads) == 4)
    return differ and any(before != behind for before, behind in pads)

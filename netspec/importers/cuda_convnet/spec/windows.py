"""The windows of convolutions: their padding, and the channels that they read."""

from __future__ import annotations

import math

from netspec.importers.cuda_convnet.layers.model import Layer


def pad_of(layer: Layer, index: int) -> tuple[int, int]:
    """Return the padding before and after one input of a convolution.

    The original's last window may overhang, as with ``rounding=up``, unless ``modulesX`` requests another number of
    windows.
    """
    image, values = layer.reads[index], layer.values
    assert image is not None
    before, stride, kernel = values["paddings"][index], values["strides"][index], values["kernels"][index]
    spare = 2 * before + image.side - kernel
    if spare >= 0 and math.ceil(spare / stride) + 1 == values["side"]:
        return before, before
    return before, stride * (values["side"] - 1) + kernel - image.side - before


def spreads(layer: Layer) -> tuple[int, ...]:
    """Return how often each input's channels are repeated for the groups of a random sparse layer."""
    values = layer.values
    return tuple(
        groups * depth // image.channels
        for image, groups, depth in zip(layer.reads, values["groups"], values["depths"], strict=True)
        if image is not None
    )


def over_zeros(layer: Layer) -> bool:
    """Whether a convolution has windows that lie completely outside one of its input images."""
    values = layer.values
    return any(
        before >= kernel or stride * (values["side"] - 1) - before >= image.side
        for image, kernel, stride, before in zip(
            layer.reads, values["kernels"], values["strides"], values["paddings"], strict=True
        )
        if image is not None
    )


def has_uneven_padding(layer: Layer) -> bool:
    """Whether a convolution's paddings cannot be written as one key, since its inputs need different ones per side."""
    pads = [pad_of(layer, i) for i in range(len(layer.inputs))]
    differ = len(pads) > 1 and (len(set(pads)) > 1 or len(pads) == 4)
    return differ and any(before != behind for before, behind in pads)

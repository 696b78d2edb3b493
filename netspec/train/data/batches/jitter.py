"""Random changes of brightness, contrast, saturation and hue, as in torchvision's ``ColorJitter`` (the functions of
tensors in ``transforms/_functional_tensor.py``), on pixels from 0 to ``top``.

The functions compute with NumPy for one image, and with torch for several: ``x`` is (..., channels, height, width) and
``xp`` the library. Both do the same operations in the same order, and a mean does not depend on the order of its
terms, so that the results are bit-identical.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netspec.ir.settings import Jitter
from netspec.passes import purposes
from netspec.train import counter_rng
from netspec.train.counter_rng import Indices
from netspec.train.data.batches.transfer import to_device

_GREY = (0.2989, 0.587, 0.114)
"""The weights of red, green and blue."""


@dataclass(frozen=True, slots=True)
class Jitters:
    """The changes of N images: ``order`` has the numbers of the operations that are done first, second, ..., (N, K),
    and ``factors`` their factors by number, (N, 4)."""

    order: NDArray[np.int64]
    factors: NDArray[np.float64]

    def __getitem__(self, some: slice) -> Jitters:
        """Return the changes of a slice of the images."""
        return Jitters(self.order[some], self.factors[some])


def draw_jitters(jitter: Jitter, seed: int, epoch: int, indices: Indices, channels: int) -> Jitters:
    """Draw the changes of some images of an epoch. All orders of the operations are equally likely; a factor is uniform
    between max(0, 1 - b) and 1 + b, the turn of the hue between -b and b. Grey images have no saturation and hue."""
    bounds = [jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue]
    active = np.array([i for i, b in enumerate(bounds) if b and (channels == 3 or i < 2)], np.int64)
    factors = np.empty((len(indices), len(bounds)))
    for i, bound in enumerate(bounds):
        low, high = (-bound, bound) if i == 3 else (max(0.0, 1 - bound), 1 + bound)
        factors[:, i] = low + counter_rng.uniform(seed, epoch, indices, purposes.JITTER + i) * (high - low)
    places = np.empty((len(indices), len(active)))
    for column, i in enumerate(active.tolist()):
        places[:, column] = counter_rng.uniform(seed, epoch, indices, purposes.JITTER_ORDER + i)
    return Jitters(active[places.argsort(axis=1, kind="stable")], factors)


def jitter_image(x: NDArray[np.float32], jitters: Jitters, slot: int, top: float) -> None:
    """Change one image, (channels, height, width), in place."""
    for operation in jitters.order[slot].tolist():
        x[...] = OPERATIONS[operation](np, x, float(jitters.factors[slot, operation]), top)


def jitter_images(x: Tensor, jitters: Jitters, top: float) -> None:
    """Change images, (N, channels, height, width), in place, on their device."""
    for place in range(jitters.order.shape[1]):
        for number, operation in enumerate(OPERATIONS):
            rows = np.flatnonzero(jitters.order[:, place] == number)
            if not len(rows):
                continue
            some, factors = to_device(rows, x.device), to_device(jitters.factors[rows, number], x.device)
            x[some] = operation(torch, x[some], factors[:, None, None, None], top)


def _blend(xp: Any, x: Any, other: Any, factor: Any, top: float) -> Any:
    """Return factor x + (1 - factor) other, within 0 to ``top``."""
    share, rest = factor, 1 - factor
    if xp is torch:
        share, rest = share.float(), rest.float()
    return (x * share + other * rest).clip(0, top)


def brightness(xp: Any, x: Any, factor: Any, top: float) -> Any:
    """Multiply an image."""
    return (x * (factor.float() if xp is torch else factor)).clip(0, top)


def contrast(xp: Any, x: Any, factor: Any, top: float) -> Any:
    """Blend an image with the mean of its grey values."""
    return _blend(xp, x, _mean(xp, _grey(x), top), factor, top)


def saturation(xp: Any, x: Any, factor: Any, top: float) -> Any:
    """Blend an image with its grey values."""
    return _blend(xp, x, _grey(x), factor, top)


def hue(xp: Any, x: Any, turn: Any, top: float) -> Any:
    """Turn the hues by a part of the circle, from -1/2 to 1/2. Maximum and minimum of each pixel stay as they are.

    A channel is high - (high - low) min(max(min(k, 4 - k), 0), 1), with k = (n + h) mod 6, n = 5, 3, 1 for red, green
    and blue, and h the hue in sixths of the circle (the formula of HSV to RGB without cases).
    """
    red, green, blue = x[..., 0, :, :], x[..., 1, :, :], x[..., 2, :, :]
    high, low = xp.maximum(xp.maximum(red, green), blue), xp.minimum(xp.minimum(red, green), blue)
    chroma = high - low
    divisor = chroma + (chroma == 0)
    of_green, of_blue = (blue - red) / divisor + 2, (red - green) / divisor + 4
    sixths = xp.where(high == red, (green - blue) / divisor, xp.where(high == green, of_green, of_blue))
    turned = sixths + ((6 * turn).float()[..., 0] if xp is torch else 6 * turn)
    channels = []
    for n in (5, 3, 1):
        k = turned + n
        k = k - 6 * xp.floor(k * (1 / 6))
        channels.append(high - chroma * xp.minimum(k, 4 - k).clip(0, 1))
    return xp.stack(channels, -3)


OPERATIONS: tuple[Callable[[Any, Any, Any, float], Any], ...] = (brightness, contrast, saturation, hue)
"""``(library, images, factors, top)``, by the numbers of the operations."""


def _grey(x: Any) -> Any:
    """Return the grey values, with an axis for the channel."""
    if x.shape[-3] == 1:
        return x
    red, green, blue = _GREY
    return x[..., 0:1, :, :] * red + x[..., 1:2, :, :] * green + x[..., 2:3, :, :] * blue


def _mean(xp: Any, grey: Any, top: float) -> Any:
    """Return the mean of each image. It is a sum of whole numbers, which has no rounding: 2^-32 of a range of 1."""
    unit = 2.0**32 if top == 1 else 2.0**24
    pixels = grey.shape[-1] * grey.shape[-2]
    if xp is torch:
        total = (grey.double() * unit).round().long().sum((-3, -2, -1), keepdim=True)
        return (total.double() / (unit * pixels)).float()
    total = np.rint(grey.astype(np.float64) * unit).astype(np.int64).sum()
    return np.full((1, 1, 1), float(total) / (unit * pixels), np.float32)

"""TrivialAugment (Müller & Hutter 2021) and RandAugment (Cubuk et al. 2020): operations on images of bytes, with the
names and numbers of torchvision's ``TrivialAugmentWide`` and ``RandAugment``, by Pillow."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

from netspec.ir.settings import POLICY_LEVELS, RandAugment, TrivialAugment
from netspec.passes import purposes
from netspec.train import counter_rng
from netspec.train.counter_rng import Indices
from netspec.train.data.splits import as_planes

Policy = TrivialAugment | RandAugment
Plane = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Operations:
    """The operations of a policy on N images: which ones, by their numbers, how strong they are, and whether in the
    other direction, (N, K) each."""

    policy: Policy
    numbers: NDArray[np.int64]
    levels: NDArray[np.int64]
    reversed: NDArray[np.bool_]

    def __getitem__(self, some: slice) -> Operations:
        """Return the operations on a slice of the images."""
        return Operations(self.policy, self.numbers[some], self.levels[some], self.reversed[some])

    def apply(self, pixels: Plane, slot: int) -> Plane:
        """Return an image, (channels, height, width) with values up to 255 and the channels red, green, blue or grey,
        after its operations."""
        grey = len(pixels) == 1
        image = Image.fromarray(pixels[0] if grey else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
        for number, level, other in zip(self.numbers[slot], self.levels[slot], self.reversed[slot], strict=True):
            name = NAMES[number]
            magnitude = magnitude_of(self.policy, name, int(level), image.size)
            image = OPERATIONS[name](image, -magnitude if other and name in SIGNED else magnitude)
        return as_planes(image)


def draw_operations(policy: Policy, seed: int, epoch: int, indices: Indices) -> Operations:
    """Draw the operations on some images of an epoch."""
    count = policy.count if isinstance(policy, RandAugment) else 1
    drawn = [
        [counter_rng.uniform(seed, epoch, indices, purposes.POLICY + 3 * n + part) for part in range(3)]
        for n in range(count)
    ]
    numbers, levels, signs = (np.stack([each[part] for each in drawn], axis=1) for part in range(3))
    level = (levels * POLICY_LEVELS).astype(np.int64)
    if isinstance(policy, RandAugment):
        level = np.full_like(level, policy.magnitude)
    return Operations(policy, (numbers * len(NAMES)).astype(np.int64), level, signs < 0.5)


def magnitude_of(policy: Policy, name: str, level: int, size: tuple[int, int]) -> float:
    """Return the magnitude of an operation at a level from 0 to 30, for an image of this width and height."""
    wide = isinstance(policy, TrivialAugment)
    match name:
        case "ShearX" | "ShearY":
            return _spaced(0.99 if wide else 0.3)[level]
        case "TranslateX" | "TranslateY":
            side = size[name == "TranslateY"]
            return _spaced(32.0 if wide else 150.0 / 331.0 * side)[level]
        case "Rotate":
            return _spaced(135.0 if wide else 30.0)[level]
        case "Brightness" | "Color" | "Contrast" | "Sharpness":
            return _spaced(0.99 if wide else 0.9)[level]
        case "Posterize":
            return 8 - round(level / ((POLICY_LEVELS - 1) / (6 if wide else 4)))
        case "Solarize":
            return _spaced(0.0, 255.0)[level]
    return 0.0


@lru_cache(maxsize=256)
def _spaced(last: float, first: float = 0.0) -> list[float]:
    """The levels of a magnitude, evenly spaced, in float32 as in torchvision."""
    levels: list[float] = torch.linspace(first, last, POLICY_LEVELS).tolist()
    return levels


def _affine(image: Image.Image, *matrix: float) -> Image.Image:
    return image.transform(image.size, Image.Transform.AFFINE, matrix)


def _angle(slope: float) -> float:
    """The angle of a slope, by way of degrees, as in torchvision, so that it is the same in the last bit."""
    return math.radians(math.degrees(math.atan(slope)))


def _shear_y(image: Image.Image, slope: float) -> Image.Image:
    angle = _angle(slope)
    return _affine(image, 1, 0, 0, math.sin(angle) / math.cos(angle), 1, 0)


OPERATIONS: Mapping[str, Callable[[Image.Image, float], Image.Image]] = {
    "Identity": lambda image, m: image,
    "ShearX": lambda image, m: _affine(image, 1, math.tan(_angle(m)), 0, 0, 1, 0),
    "ShearY": _shear_y,
    "TranslateX": lambda image, m: _affine(image, 1, 0, -int(m), 0, 1, 0),
    "TranslateY": lambda image, m: _affine(image, 1, 0, 0, 0, 1, -int(m)),
    "Rotate": lambda image, m: image.rotate(m),
    "Brightness": lambda image, m: ImageEnhance.Brightness(image).enhance(1 + m),
    "Color": lambda image, m: ImageEnhance.Color(image).enhance(1 + m),
    "Contrast": lambda image, m: ImageEnhance.Contrast(image).enhance(1 + m),
    "Sharpness": lambda image, m: ImageEnhance.Sharpness(image).enhance(1 + m),
    "Posterize": lambda image, m: ImageOps.posterize(image, int(m)),
    "Solarize": lambda image, m: ImageOps.solarize(image, m),  # type: ignore[arg-type]  # as torchvision calls it
    "AutoContrast": lambda image, m: ImageOps.autocontrast(image),
    "Equalize": lambda image, m: ImageOps.equalize(image),
}
NAMES = tuple(OPERATIONS)
SIGNED = frozenset(NAMES[1:10])
"""The operations that have two directions."""

"""What a spec says beside its layers: how images are prepared, and how the network is trained and tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What the numbers of the input are. Pixels are scaled to 0..``range``, then the mean is subtracted.

    ``mean="image"`` is the training images' mean image, ``"channel"`` one number per channel, ``"none"`` nothing.
    """

    range: Literal[255, 1] = 255
    mean: Literal["image", "channel", "none"] = "none"
    order: Literal["rgb", "bgr"] = "rgb"


@dataclass(frozen=True, slots=True)
class Fixed:
    """The learning rate stays as it is."""


@dataclass(frozen=True, slots=True)
class Step:
    """The rate is multiplied by ``factor`` after every ``every`` epochs."""

    factor: float
    every: int


@dataclass(frozen=True, slots=True)
class Steps:
    """The rate is multiplied by ``factor`` at the start of each of these epochs (counted from 0)."""

    epochs: tuple[int, ...]
    factor: float


@dataclass(frozen=True, slots=True)
class Plateau:
    """The rate is multiplied by ``factor``, at most ``times`` times, when validation top-1 error stops improving.

    It has stopped when ``patience`` epochs in a row have not brought it ``threshold`` below its best.
    """

    factor: float
    times: int
    patience: int
    threshold: float


@dataclass(frozen=True, slots=True)
class Exponential:
    """The rate falls smoothly to ``factor`` times itself over the whole run: lr * factor^(progress in 0..1)."""

    factor: float


Schedule = Fixed | Step | Steps | Plateau | Exponential


@dataclass(frozen=True, slots=True)
class Train:
    """Stochastic gradient descent as the 2012 paper has it (section 5).

    v <- momentum v - decay lr w - lr g;  w <- w + v. The numbers are those of parameters that do not say otherwise;
    ``batch`` is the number of images of a step, whatever the device count.
    """

    epochs: int = 10
    batch: int = 128
    lr: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 0.0
    bias_decay: float = 0.0
    schedule: Schedule = Fixed()


@dataclass(frozen=True, slots=True)
class Augment:
    """How training images are varied.

    ``resize`` is the shorter side that images are scaled to before their central square is cut out, ``crop`` the side
    of the random crop from it (``None``: the input's own size), ``flip`` mirrors half of the images,
    ``colour`` is the standard deviation of the paper's shift along the colours' principal components (0: none).
    """

    crop: int | None = None
    resize: int | None = None
    flip: Literal["none", "horizontal"] = "none"
    colour: float = 0.0


@dataclass(frozen=True, slots=True)
class Test:
    """How the network is tested: the centre crop, or the mean of ten views."""

    views: Literal[1, 10] = 1

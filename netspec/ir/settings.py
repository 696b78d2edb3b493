"""The settings of a spec: how images are preprocessed, and how the network is trained and tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from netspec.ir.rules import Clip, Sgd, UpdateRule
from netspec.ir.schedules import Fixed, OwnSchedule, Schedule, Warmup

Aspect = Literal["preparation", "training", "testing", "placement"]
ASPECTS: tuple[Aspect, ...] = ("preparation", "training", "testing", "placement")
"""What a spec states beside the function of a network: how images are prepared, how the network is trained and tested,
and what is on which GPU."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How pixels become the network's input: they are scaled to 0..``range``, ``mean`` is subtracted, and the result is
    divided by ``std``.

    ``mean`` is ``"image"`` (the mean image of the training images), ``"channel"`` (their mean in each channel),
    ``"none"``, or one number per channel. ``std`` is ``"channel"`` (the standard deviation of the training images'
    pixels in each channel), ``"none"``, or one number per channel. Numbers are in this range and channel order.
    """

    range: Literal[255, 1] = 1
    mean: str | tuple[float, ...] = "none"
    order: Literal["rgb", "bgr"] = "rgb"
    std: str | tuple[float, ...] = "none"

    @property
    def measured(self) -> bool:
        """Whether the mean or the standard deviation must be computed from the training images."""
        return self.mean in ("image", "channel") or self.std == "channel"


Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True, slots=True)
class Train:
    """How the network is trained.

    The training ends after ``epochs`` or after ``steps``; the other one is ``None``.
    ``rule`` is the rule by which parameters are updated. ``lr`` and the decays are the values for parameters without
    values of their own. ``bias_schedule`` is the schedule of biases without their own; ``None``: biases follow
    ``schedule``, as the weights do.
    ``batch`` is the number of images in a step on all devices together; ``batch / accumulate`` of them go through the
    network at a time. ``precision="bf16"`` computes under autocast, with weights and updates in float32.
    ``ema`` is the decay of the moving average of the weights with which the network is tested (0: no average).
    ``label_smoothing`` is the share of each target that is spread over all classes. ``class_weights`` are how much an
    image, or a pixel, of each class counts in the cross-entropy (``None``: equally; ``"balanced"``: so that all classes
    of the training images count the same, and a training begins with the numbers of its images). ``clip_gradients``
    limits the gradients before each update (``None``: no limit).
    """

    epochs: int | None = 10
    steps: int | None = None
    batch: int = 128
    rule: UpdateRule = Sgd()
    lr: float = 0.01
    weight_decay: float = 0.0
    bias_decay: float = 0.0
    schedule: Schedule = Fixed()
    bias_schedule: OwnSchedule | None = None
    warmup: Warmup = Warmup()
    accumulate: int = 1
    precision: Precision = "fp32"
    channels_last: bool = False
    ema: float = 0.0
    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] | Literal["balanced"] | None = None
    clip_gradients: Clip | None = None

    def images_at_once(self, batch: int) -> int:
        """Return how many images of a batch go through the network at a time, at most."""
        return -(-batch // self.accumulate)


ASPECTS_OF_CROPS = (3 / 4, 4 / 3)
"""The range of the ratio of width to height of drawn crops: Szegedy et al. (2015), section 6."""


ErasedWith = Literal["zeros", "noise", "colour"]
"""What erased parts of images become: 0, a random number for each number, or one for each channel. The random numbers
are of the normal distribution with the mean 0, after the mean of the images is subtracted."""


@dataclass(frozen=True, slots=True)
class Cutout:
    """A square with sides of ``length`` pixels, around a random pixel of a training image, is erased."""

    length: int
    fill: ErasedWith = "zeros"


@dataclass(frozen=True, slots=True)
class RandomErasing:
    """With the probability ``p``, a rectangle of a training image is erased. Its share of the area and its ratio of
    height to width are drawn from these ranges."""

    p: float = 0.5
    min_area: float = 0.02
    max_area: float = 0.33
    min_aspect: float = 0.3
    max_aspect: float = 3.3
    fill: ErasedWith = "zeros"


POLICY_LEVELS = 31
"""How many strengths an operation of a policy has."""
MOST_OPERATIONS = 10
"""The greatest number of operations that ``RandAugment`` does on an image."""


@dataclass(frozen=True, slots=True)
class TrivialAugment:
    """A random operation of a random strength changes each training image (Müller & Hutter, 2021)."""


@dataclass(frozen=True, slots=True)
class RandAugment:
    """``count`` random operations of the strength ``magnitude``, from 0 to 30, change each training image (Cubuk et
    al., 2020)."""

    count: int = 2
    magnitude: int = 9


@dataclass(frozen=True, slots=True)
class Jitter:
    """Random changes of the colours of an image, in random order, as in torchvision's ``ColorJitter``.

    Pixels x become f x, f x + (1 - f) m with the mean m of the image's grey values, and f x + (1 - f) g with the grey
    value g of each pixel: f is uniform between max(0, 1 - b) and 1 + b, with the b of ``brightness``, ``contrast`` and
    ``saturation``. Hues are turned by a part of the circle between -``hue`` and ``hue``. 0: no such change.
    """

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0


@dataclass(frozen=True, slots=True)
class Augment:
    """How training images are varied.

    Images are scaled so that their shorter side is ``resize`` pixels, and their central square is cut out. With
    ``sides``, the side is drawn for each image, from the least to the greatest, and nothing is cut away; ``resize``,
    their mean, is the side in validation, and images smaller than the crop are padded with ``fill``. With ``areas``,
    the crop has a share of the image's area drawn from this range, and a ratio of width to height drawn from
    ``aspects``, and is resized to the input; ``resize`` is then the side in validation. ``pad`` pixels are put around
    the square: ``fill`` says whether they are black, 0 after the mean is subtracted, or those of the image mirrored at
    its edges. ``crop`` is the side of the crop (``None``: the side of
    the network's input). ``flip`` mirrors half of the images. ``policy`` says which operations change the crops, before
    their colours change. ``jitter`` says how their colours are changed, and then ``colour`` is the standard deviation
    of the paper's shift along the principal components of the colours (0: no shift). ``erase`` says what is then
    erased. ``mixup`` and ``cutmix`` are the alphas with which the images of a batch are mixed (0: they are not; see
    ``netspec.train.data.batches.mixing``).
    """

    crop: int | None = None
    resize: int | None = None
    sides: tuple[int, int] | None = None
    areas: tuple[float, float] | None = None
    aspects: tuple[float, float] = ASPECTS_OF_CROPS
    pad: int = 0
    fill: Literal["black", "mean", "reflect"] = "black"
    flip: Literal["none", "horizontal"] = "none"
    policy: TrivialAugment | RandAugment | None = None
    jitter: Jitter | None = None
    colour: float = 0.0
    erase: Cutout | RandomErasing | None = None
    mixup: float = 0.0
    cutmix: float = 0.0

    @property
    def mixes(self) -> bool:
        """Whether the images of a batch are mixed, and with them their classes."""
        return bool(self.mixup or self.cutmix)


Views = Literal[1, 10, "whole"]
"""What a test sees of each image."""


@dataclass(frozen=True, slots=True)
class Test:
    """How the network is tested: on the centre crop, by the mean over ten views, or on all, of images whose shorter
    side is ``resize`` pixels (``None``: that of training)."""

    views: Views = 1
    resize: int | None = None

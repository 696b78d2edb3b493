"""The settings of a spec: how images are preprocessed, and how the network is trained and tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from netspec.ir.rules import Clip, Sgd, UpdateRule

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


Unit = Literal["epochs", "steps"]


@dataclass(frozen=True, slots=True)
class Fixed:
    """A constant learning rate."""


@dataclass(frozen=True, slots=True)
class Step:
    """The rate is multiplied by ``factor`` after every ``every`` epochs or steps, as ``unit`` says. 2.4 epochs are 2.4
    times the steps of an epoch; a number of steps is whole."""

    factor: float
    every: int | float
    unit: Unit = "epochs"


@dataclass(frozen=True, slots=True)
class Steps:
    """The rate is multiplied by ``factor`` at the start of each of these epochs or steps (counted from 0).

    From the start of epoch or step ``freeze`` on the rate is 0, and the parameters no longer change.
    """

    starts: tuple[int, ...]
    factor: float
    freeze: int | None = None
    unit: Unit = "epochs"


@dataclass(frozen=True, slots=True)
class Plateau:
    """The rate is multiplied by ``factor``, at most ``times`` times, when validation top-1 error stops improving.

    It has stopped improving when it has not fallen ``threshold`` below its best for ``patience`` epochs in a row.
    """

    factor: float
    times: int
    patience: int
    threshold: float


@dataclass(frozen=True, slots=True)
class Exponential:
    """The rate changes exponentially over the whole run, up to ``factor`` times its start: lr * factor^progress, with
    progress from 0 to 1.

    ``noise`` s, here and in the schedules below: the rate is multiplied by 1 + s |n|, with a new n drawn from N(0, 1)
    for each parameter, step and use, as in cuda-convnet of 2012 (``noiseStdev``).
    """

    factor: float
    noise: float = 0.0


@dataclass(frozen=True, slots=True)
class DiscreteExponential:
    """The run is divided into ``levels`` equal parts of constant rate, with the same ratio between neighbouring parts.

    The rate of the first part is lr, that of the last lr * factor; if there is only one part, its rate is lr * factor.
    This is cuda-convnet's ``dexp``, with factor = 1 / tgtFactor and levels = numSteps.
    """

    factor: float
    levels: int
    noise: float = 0.0


@dataclass(frozen=True, slots=True)
class JumpingExponential:
    """A ``DiscreteExponential`` whose rate jumps back up in the second half of each part except the first, to the
    geometric mean of the rates of this part and of the one before. It does not jump while progress is at most 0.2, nor
    from 0.9 on. This is cuda-convnet's ``jdexp``.
    """

    factor: float
    levels: int
    noise: float = 0.0


@dataclass(frozen=True, slots=True)
class Linear:
    """The rate changes linearly over the run, up to ``factor`` times its start: lr * (1 + (factor - 1) progress)."""

    factor: float
    noise: float = 0.0


@dataclass(frozen=True, slots=True)
class Cosine:
    """The rate falls along half a cosine: lr * (factor + (1 - factor) (1 + cos(pi progress)) / 2).

    Loshchilov & Hutter, SGDR (2017), formula 5, without restarts.
    """

    factor: float


@dataclass(frozen=True, slots=True)
class Restarts:
    """Loshchilov & Hutter, SGDR (2017), formula 5: in each cycle, the rate falls step by step along half a cosine from
    lr to lr * factor, and then starts again from lr. The first cycle takes ``every`` epochs or steps, and each further
    one ``mult`` times as many as the one before."""

    every: int
    mult: int = 1
    factor: float = 0.0
    unit: Unit = "epochs"


@dataclass(frozen=True, slots=True)
class OneCycle:
    """Smith (2018), section 2: the rate rises from lr * start to lr at progress ``peak`` and falls to lr * factor at
    the end, linearly or along half a cosine. With three ``phases``, it is back at lr * start at twice ``peak``.

    The names and numbers are those of PyTorch's ``OneCycleLR`` (``pct_start``, 1 / ``div_factor``, 1 / (``div_factor``
    ``final_div_factor``)), which reaches its peak and its end one step earlier. The momentum does not change.
    """

    peak: float = 0.3
    start: float = 0.04
    factor: float = 4e-6
    phases: Literal[2, 3] = 2
    anneal: Literal["cosine", "linear"] = "cosine"

    @property
    def parts(self) -> tuple[tuple[float, float, float, float], ...]:
        """The phases: their progress at the begin and at the end, and the multipliers there."""
        rise = (0.0, self.peak, self.start, 1.0)
        if self.phases == 2:
            return rise, (self.peak, 1.0, 1.0, self.factor)
        return rise, (self.peak, 2 * self.peak, 1.0, self.start), (2 * self.peak, 1.0, self.start, self.factor)


@dataclass(frozen=True, slots=True)
class Polynomial:
    """The rate falls to 0 over the run: lr * (1 - progress)^power. This is Caffe's ``poly``."""

    power: float


@dataclass(frozen=True, slots=True)
class Inverse:
    """The rate falls with the steps s, from 0: lr * (1 + gamma s)^(-power). This is Caffe's ``inv``."""

    gamma: float
    power: float


@dataclass(frozen=True, slots=True)
class Sigmoid:
    """The rate follows a logistic function of the steps s, from 0: lr / (1 + exp(-gamma (s - center))). With a
    ``gamma`` below 0 it falls. This is Caffe's ``sigmoid``, whose ``stepsize`` is the center."""

    gamma: float
    center: int


OwnSchedule = (
    Fixed
    | Step
    | Steps
    | Exponential
    | DiscreteExponential
    | JumpingExponential
    | Linear
    | Cosine
    | Restarts
    | OneCycle
    | Polynomial
    | Inverse
    | Sigmoid
)
"""The schedules that a single parameter may have: those that depend only on the step, the epoch and the progress."""
Schedule = OwnSchedule | Plateau


def noise_of(schedule: Schedule) -> float:
    """Return the noise of a schedule, 0 if it has none."""
    if isinstance(schedule, Exponential | DiscreteExponential | JumpingExponential | Linear):
        return schedule.noise
    return 0.0


@dataclass(frozen=True, slots=True)
class Warmup:
    """How many epochs or steps the rate takes to rise linearly to its full value (Goyal et al. 2017, section 2.2).

    In step s (from 0) of a warm-up of w steps, the schedule's rate is multiplied by (s + 1) / w, or, if ``start`` is
    above 0, by start + (1 - start) s / w. The progress of a run counts from the end of the warm-up, but epochs count
    from the start of the run.
    """

    length: int = 0
    unit: Unit = "epochs"
    start: float = 0.0


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
    ``label_smoothing`` is the share of each target that is spread over all classes. ``clip_gradients`` limits the
    gradients before each update (``None``: no limit).
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
    clip_gradients: Clip | None = None

    def images_at_once(self, batch: int) -> int:
        """Return how many images of a batch go through the network at a time, at most."""
        return -(-batch // self.accumulate)


ASPECTS_OF_CROPS = (3 / 4, 4 / 3)
"""The range of the ratio of width to height of drawn crops: Szegedy et al. (2015), section 6."""


@dataclass(frozen=True, slots=True)
class Cutout:
    """A square with sides of ``length`` pixels, around a random pixel of a training image, becomes 0."""

    length: int


@dataclass(frozen=True, slots=True)
class RandomErasing:
    """With the probability ``p``, a rectangle of a training image becomes 0. Its share of the area and its ratio of
    height to width are drawn from these ranges."""

    p: float = 0.5
    min_area: float = 0.02
    max_area: float = 0.33
    min_aspect: float = 0.3
    max_aspect: float = 3.3


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
    ``sides``, the side is drawn for each image, from the least to the greatest, and ``resize``, their mean, is that of
    validation. With ``areas``, the crop has a share of the image's area drawn from this range, and a ratio of width to
    height drawn from ``aspects``, and is resized to the input; ``resize`` is then the side in validation. ``pad``
    pixels are put around the square: ``fill`` says whether they are black, 0 after the mean is subtracted, or those of
    the image mirrored at its edges. ``crop`` is the side of the crop (``None``: the side of the network's input).
    ``flip`` mirrors half of the images. ``jitter`` says how their colours are changed, and then ``colour`` is the
    standard deviation of the paper's shift along the principal components of the colours (0: no shift). ``erase`` says
    what is then erased. ``mixup`` and ``cutmix`` are the alphas with which the images of a batch are mixed (0: they are
    not; see ``netspec.train.data.batches.mixing``).
    """

    crop: int | None = None
    resize: int | None = None
    sides: tuple[int, int] | None = None
    areas: tuple[float, float] | None = None
    aspects: tuple[float, float] = ASPECTS_OF_CROPS
    pad: int = 0
    fill: Literal["black", "mean", "reflect"] = "black"
    flip: Literal["none", "horizontal"] = "none"
    jitter: Jitter | None = None
    colour: float = 0.0
    erase: Cutout | RandomErasing | None = None
    mixup: float = 0.0
    cutmix: float = 0.0

    @property
    def mixes(self) -> bool:
        """Whether the images of a batch are mixed, and with them their classes."""
        return bool(self.mixup or self.cutmix)


@dataclass(frozen=True, slots=True)
class Test:
    """How the network is tested: on the centre crop, or by the mean over ten views, of images whose shorter side is
    ``resize`` pixels (``None``: that of training)."""

    views: Literal[1, 10] = 1
    resize: int | None = None

"""What a spec says beside its layers: how images are prepared, and how the network is trained and tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What the numbers of the input are. Pixels are scaled to 0..``range``, the mean is subtracted, and what is left is
    divided by ``std``.

    ``mean="image"`` is the training images' mean image, ``"channel"`` their mean in each channel, ``"none"`` nothing;
    ``std="channel"`` the standard deviation of their pixels in each channel. Numbers stand for themselves, in this
    range and order, one for each channel.
    """

    range: Literal[255, 1] = 1
    mean: str | tuple[float, ...] = "none"
    order: Literal["rgb", "bgr"] = "rgb"
    std: str | tuple[float, ...] = "none"

    @property
    def measured(self) -> bool:
        """Whether the training images must be read for it."""
        return self.mean in ("image", "channel") or self.std == "channel"


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
    """The rate is multiplied by ``factor`` at the start of each of these epochs (counted from 0).

    From the start of epoch ``freeze`` on it is 0, and what is learnt with it stands still.
    """

    epochs: tuple[int, ...]
    factor: float
    freeze: int | None = None


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
    """The rate goes smoothly to ``factor`` times itself over the whole run: lr * factor^(progress in 0..1).

    ``noise`` s, here and in the schedules below: the rate is multiplied by 1 + s |n|, with n drawn from N(0, 1) anew
    for each parameter, step and use, as by cuda-convnet of 2012 (its ``noiseStdev``).
    """

    factor: float
    noise: float = 0.0


@dataclass(frozen=True, slots=True)
class DiscreteExponential:
    """The run is divided into ``levels`` equal parts, each of a constant rate, the same quotient between neighbours.

    The first part has lr, the last lr * factor; cuda-convnet's ``dexp``, with factor = 1 / tgtFactor and levels =
    numSteps. A single level has lr * factor.
    """

    factor: float
    levels: int
    noise: float = 0.0


@dataclass(frozen=True, slots=True)
class JumpingExponential:
    """A ``DiscreteExponential`` whose rate jumps back in the second half of each part but the first, to the geometric
    mean of the part's own and the one before; not at a progress up to 0.2, nor from 0.9 on. cuda-convnet's ``jdexp``.
    """

    factor: float
    levels: int
    noise: float = 0.0


@dataclass(frozen=True, slots=True)
class Linear:
    """The rate goes in a straight line to ``factor`` times itself: lr * (1 + (factor - 1) progress)."""

    factor: float
    noise: float = 0.0


@dataclass(frozen=True, slots=True)
class Cosine:
    """The rate falls along half a cosine: lr * (factor + (1 - factor) (1 + cos(pi progress)) / 2).

    Loshchilov & Hutter, SGDR (2017), formula 5, without restarts.
    """

    factor: float


OwnSchedule = Fixed | Step | Steps | Exponential | DiscreteExponential | JumpingExponential | Linear | Cosine
"""What a parameter may have of its own: a function of the epoch and of the run's progress alone."""
Schedule = OwnSchedule | Plateau


def noise_of(schedule: Schedule) -> float:
    """The noise of a schedule's rates; 0 where it has none."""
    if isinstance(schedule, Exponential | DiscreteExponential | JumpingExponential | Linear):
        return schedule.noise
    return 0.0


@dataclass(frozen=True, slots=True)
class Warmup:
    """How many epochs or steps the rate takes to rise evenly to its full value (Goyal et al. 2017, section 2.2).

    Step s (from 0) of a warm-up of w steps has (s + 1) / w of what the schedule says. Schedules that follow the
    progress of a run begin when the warm-up is over; those that count epochs count from the start.
    """

    length: int = 0
    unit: Literal["epochs", "steps"] = "epochs"


Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True, slots=True)
class Train:
    """Stochastic gradient descent as the 2012 paper has it (section 5).

    v <- momentum v - decay lr w - lr g;  w <- w + v. The numbers are those of parameters that do not say otherwise;
    ``batch`` is the number of images of a step, whatever the device count, of which ``batch / accumulate`` at a time
    go through the network. ``bias_schedule``: of all biases that have none of their own (``None``: as the weights).
    ``precision="bf16"`` computes under autocast, with weights and updates in float32.
    ``ema`` is the decay of the moving average of the weights, by which the network is judged (0: none),
    ``label_smoothing`` the share of each target that is spread over all classes.
    """

    epochs: int = 10
    batch: int = 128
    lr: float = 0.01
    momentum: float = 0.9
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

"""The schedules of learning rates, and the warm-up: how a rate changes in the course of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
    """The rate is multiplied by ``factor``, at most ``times`` times, when the validation error stops improving.

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
    ``final_div_factor``)), which reaches its peak and its end one step earlier. With ``low_momentum``, the momentum
    falls from its own value to this one while the rate rises, and back (``cycle_momentum``, ``base_momentum``).
    """

    peak: float = 0.3
    start: float = 0.04
    factor: float = 4e-6
    phases: Literal[2, 3] = 2
    anneal: Literal["cosine", "linear"] = "cosine"
    low_momentum: float | None = None

    @property
    def falls(self) -> tuple[tuple[float, float, float, float], ...]:
        """The phases of the momentum: their progress at the begin and at the end, and there the share of the way to
        ``low_momentum``."""
        fall, end = (0.0, self.peak, 0.0, 1.0), 2 * self.peak if self.phases == 3 else 1.0
        return fall, (self.peak, end, 1.0, 0.0), *(((end, 1.0, 0.0, 0.0),) if end < 1 else ())

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

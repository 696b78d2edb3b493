"""What the learning rates are multiplied by as training goes on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import assert_never

from netspec.ir.settings import (
    Cosine,
    DiscreteExponential,
    Exponential,
    Fixed,
    JumpingExponential,
    Linear,
    Plateau,
    Schedule,
    Step,
    Steps,
    Train,
    Warmup,
)


@dataclass(frozen=True, slots=True)
class Watch:
    """What the plateau schedule remembers: the best top-1 error, epochs since, and how often the rate was cut."""

    best: float | None = None
    waited: int = 0
    cuts: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """Where in a run a step is: how many ``step``s and whole ``epoch``s have been taken, of how many ``steps`` that are
    planned in all, and how many an epoch has."""

    step: int
    steps: int
    epoch: int
    per_epoch: int


def rate_factor(train: Train, schedule: Schedule, now: Moment, watch: Watch) -> float:
    """What a schedule multiplies learning rates by in a step, times what the warm-up does.

    ``watch`` is what has been observed; only ``Plateau`` looks at it.
    """
    rising = warmup_steps(train.warmup, now.per_epoch)
    progress = min(1.0, max(0, now.step - rising) / max(1, now.steps - rising))
    risen = (now.step + 1) / rising if now.step < rising else 1.0
    return risen * factor(schedule, epoch=now.epoch, progress=progress, watch=watch)


def warmup_steps(warmup: Warmup, per_epoch: int) -> int:
    """How many steps the warm-up lasts."""
    return warmup.length * (per_epoch if warmup.unit == "epochs" else 1)


def factor(schedule: Schedule, *, epoch: int, progress: float, watch: Watch) -> float:
    """The schedule's own multiplier.

    Parameters
    ----------
    epoch:
        Counted from 0.
    progress:
        The share of the planned steps behind the warm-up that have been taken, from 0 to 1.
    watch:
        What has been observed; only ``Plateau`` looks at it.
    """
    match schedule:
        case Fixed():
            return 1.0
        case Step():
            return float(schedule.factor ** (epoch // schedule.every))
        case Steps():
            if schedule.freeze is not None and epoch >= schedule.freeze:
                return 0.0
            return float(schedule.factor ** sum(start <= epoch for start in schedule.epochs))
        case Plateau():
            return float(schedule.factor**watch.cuts)
        case Exponential():
            return float(schedule.factor**progress)
        case DiscreteExponential():
            return float(schedule.factor ** (level(progress, schedule.levels) / max(1, schedule.levels - 1)))
        case JumpingExponential():
            back = jump(progress, schedule.levels)
            return float(schedule.factor ** ((level(progress, schedule.levels) - back) / max(1, schedule.levels - 1)))
        case Linear():
            return 1 + (schedule.factor - 1) * progress
        case Cosine():
            return schedule.factor + (1 - schedule.factor) * (1 + math.cos(math.pi * progress)) / 2
        case _:
            assert_never(schedule)


def level(progress: float, levels: int) -> int:
    """The part of a run, from 0, of a discrete exponential: i for i / levels < progress <= (i + 1) / levels.

    A single level is the last one, at the rate that the run ends with, and counts as part 1. A billionth is taken off,
    so that the rounding of a progress on a part's end does not begin the next part a step too early.
    """
    return 1 if levels == 1 else max(0, math.ceil(progress * levels - 1e-9) - 1)


def jump(progress: float, levels: int) -> float:
    """How far back the rate of a jumping discrete exponential lies: 0.5, the geometric mean of a part's rate and the
    one before, or 0.

    It jumps in the second half of a part, but not in the first part, and only while 0.2 < progress < 0.9. The middle of
    a part belongs to the first half; a billionth is taken off as in ``level``.
    """
    part = level(progress, levels)
    second = progress * levels - 1e-9 > part + 0.5
    return 0.5 if levels > 1 and part > 0 and second and 0.2 < progress < 0.9 else 0.0


def observe(schedule: Schedule, watch: Watch, error: float) -> Watch:
    """What is remembered after a validation with this top-1 error (0 to 1).

    An error counts as better when it is more than ``threshold`` below the best. After ``patience`` epochs in a row
    without a better one the rate is cut, and counting starts anew, the best being kept.
    """
    if not isinstance(schedule, Plateau):
        return watch
    if watch.best is None or error < watch.best - schedule.threshold:
        return replace(watch, best=error, waited=0)
    waited = watch.waited + 1
    if waited < schedule.patience:
        return replace(watch, waited=waited)
    return replace(watch, waited=0, cuts=min(watch.cuts + 1, schedule.times))

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


def rate_factor(train: Train, *, step: int, steps: int, epoch: int, per_epoch: int, watch: Watch) -> float:
    """The multiplier of every learning rate in a step: the schedule's, times the warm-up's.

    Parameters
    ----------
    step, epoch:
        How many steps and how many whole epochs have been taken.
    steps, per_epoch:
        How many steps are planned in all, and how many an epoch has.
    watch:
        What has been observed; only ``Plateau`` looks at it.
    """
    rising = warmup_steps(train.warmup, per_epoch)
    progress = min(1.0, max(0, step - rising) / max(1, steps - rising))
    risen = (step + 1) / rising if step < rising else 1.0
    return risen * factor(train.schedule, epoch=epoch, progress=progress, watch=watch)


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
            return float(schedule.factor ** sum(start <= epoch for start in schedule.epochs))
        case Plateau():
            return float(schedule.factor**watch.cuts)
        case Exponential():
            return float(schedule.factor**progress)
        case DiscreteExponential():
            return float(schedule.factor ** (level(progress, schedule.levels) / max(1, schedule.levels - 1)))
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

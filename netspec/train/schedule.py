"""What the learning rates are multiplied by as training goes on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from netspec.ir.settings import Exponential, Fixed, Plateau, Schedule, Step, Steps


@dataclass(frozen=True, slots=True)
class Watch:
    """What the plateau schedule remembers: the best top-1 error, epochs since, and how often the rate was cut."""

    best: float | None = None
    waited: int = 0
    cuts: int = 0


def factor(schedule: Schedule, *, epoch: int, progress: float, watch: Watch) -> float:
    """The multiplier of every learning rate.

    Parameters
    ----------
    epoch:
        Counted from 0.
    progress:
        The share of the planned steps that have been taken, from 0 to 1.
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
        case _:
            assert_never(schedule)


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

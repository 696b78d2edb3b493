"""Learning rate schedules: multipliers of the learning rates over the course of training."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import assert_never

from netspec.formatting import format_count, plural
from netspec.ir.schedules import (
    Cosine,
    DiscreteExponential,
    Exponential,
    Fixed,
    Inverse,
    JumpingExponential,
    Linear,
    OneCycle,
    Plateau,
    Polynomial,
    Restarts,
    Schedule,
    Sigmoid,
    Step,
    Steps,
    Warmup,
)
from netspec.ir.settings import Train


@dataclass(frozen=True, slots=True)
class Watch:
    """The state of the plateau schedule: the best validation error, the number of epochs without a better one, and the
    number of cuts of the rate."""

    best: float | None = None
    waited: int = 0
    cuts: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """A position in a run: the number of completed ``step``s and ``epoch``s, the total number of ``steps`` planned, the
    number of steps ``per_epoch``, and how many ``within`` the current one are completed."""

    step: int
    steps: int
    epoch: int
    per_epoch: int
    within: int = 0

    @property
    def epochs(self) -> float:
        """The completed epochs and the completed share of the current one."""
        return self.epoch + self.within / self.per_epoch


def rate_factor(train: Train, schedule: Schedule, now: Moment, watch: Watch) -> float:
    """Return the multiplier of learning rates in a step: that of the schedule times that of the warm-up.

    ``watch`` is used only by ``Plateau``.
    """
    warmup, start = warmup_steps(train.warmup, now.per_epoch), train.warmup.start
    progress = progress_after_warmup(train, now)
    warmup_factor = 1.0
    if now.step < warmup:
        warmup_factor = start + (1 - start) * now.step / warmup if start else (now.step + 1) / warmup
    return warmup_factor * factor(schedule, step=now.step, epoch=now.epochs, progress=progress, watch=watch)


def progress_after_warmup(train: Train, now: Moment) -> float:
    """Return the completed share of the steps after the warm-up, from 0 to 1."""
    warmup = warmup_steps(train.warmup, now.per_epoch)
    return min(1.0, max(0, now.step - warmup) / max(1, now.steps - warmup))


def momentum_in(train: Train, momentum: float, now: Moment) -> float:
    """Return the momentum in a step of parameters that follow the train line's schedule: ``momentum``, or a lower one
    if the schedule lowers it."""
    schedule = train.schedule
    if not isinstance(schedule, OneCycle) or schedule.low_momentum is None or momentum <= schedule.low_momentum:
        return momentum
    fallen = _annealed(schedule, schedule.falls, progress_after_warmup(train, now))
    return momentum + (schedule.low_momentum - momentum) * fallen


def _annealed(schedule: OneCycle, phases: tuple[tuple[float, float, float, float], ...], progress: float) -> float:
    """Return what moves in phases: each has its progress and its numbers at the begin and at the end."""
    begin, end, first, last = next(phase for phase in phases if progress <= phase[1])
    part = (progress - begin) / (end - begin)
    if schedule.anneal == "linear":
        return first + (last - first) * part
    return last + (first - last) * (1 + math.cos(math.pi * part)) / 2


def warmup_steps(warmup: Warmup, per_epoch: int) -> int:
    """Return the number of steps of the warm-up."""
    return warmup.length * (per_epoch if warmup.unit == "epochs" else 1)


def unfinished_warmup(train: Train, steps: int, per_epoch: int) -> str | None:
    """Return a warning if the warm-up does not end before a run of this many steps, unless the checker has given it:
    only the data says how many steps an epoch has, and the command line may shorten a run."""
    length, unit = train.warmup.length, train.warmup.unit
    own = train.epochs if unit == "epochs" else train.steps
    taken = warmup_steps(train.warmup, per_epoch)
    if not length or taken < steps or (own is not None and length >= own):
        return None
    here = f" takes {plural(taken, 'step')} and" if unit == "epochs" else ""
    return (
        f"the warm-up of {plural(length, unit[:-1])}{here} does not end before the training, which has "
        f"{format_count(steps)} steps: the learning rate never reaches its full value"
    )


def factor(schedule: Schedule, *, step: int, epoch: float, progress: float, watch: Watch) -> float:
    """Return the schedule's own multiplier.

    Parameters
    ----------
    step, epoch:
        Counted from 0; the epoch includes the completed share of the current one.
    progress:
        The completed fraction of the planned steps after the warm-up, from 0 to 1.
    watch:
        Used only by ``Plateau``.
    """
    match schedule:
        case Fixed():
            return 1.0
        case Step():
            now = step if schedule.unit == "steps" else epoch
            # A billionth is added, so that rounding does not delay a cut after a fraction of an epoch.
            return float(schedule.factor ** math.floor(now / schedule.every + 1e-9))
        case Steps():
            now = step if schedule.unit == "steps" else epoch
            if schedule.freeze is not None and now >= schedule.freeze:
                return 0.0
            return float(schedule.factor ** sum(start <= now for start in schedule.starts))
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
        case Restarts():
            part = cycle_part(step if schedule.unit == "steps" else epoch, schedule.every, schedule.mult)
            return schedule.factor + (1 - schedule.factor) * (1 + math.cos(math.pi * part)) / 2
        case OneCycle():
            return _annealed(schedule, schedule.parts, progress)
        case Polynomial():
            return float((1 - progress) ** schedule.power)
        case Inverse():
            return float((1 + schedule.gamma * step) ** -schedule.power)
        case Sigmoid():
            # A rate of exactly 0 would freeze the weights, and exp of more than 709 overflows.
            x = max(-700.0, schedule.gamma * (step - schedule.center))
            return math.exp(min(x, 0.0)) / (1 + math.exp(-abs(x)))
        case _:
            assert_never(schedule)


def cycle_part(now: float, first: int, mult: int) -> float:
    """Return the completed share of the current cycle, if the first takes ``first`` steps or epochs and each further
    one ``mult`` times as many as the one before."""
    if mult == 1:
        return now % first / first
    length = first
    while now >= length:
        now, length = now - length, mult * length
    return now / length


def level(progress: float, levels: int) -> int:
    """Return the level, from 0, of a discrete exponential: i for i / levels < progress <= (i + 1) / levels.

    If there is only one level, the result is 1, so that the rate is that of the end of the run. A billionth is
    subtracted, so that rounding of a progress at the end of a level does not begin the next one a step too early.
    """
    return 1 if levels == 1 else max(0, math.ceil(progress * levels - 1e-9) - 1)


def jump(progress: float, levels: int) -> float:
    """Return how many levels the rate of a jumping discrete exponential lies behind the current one: 0.5 or 0.

    At 0.5 the rate is the geometric mean of the current and the previous level's. This applies to the second half of
    each level but the first, and only while 0.2 < progress < 0.9. The exact middle of a level belongs to its first
    half; a billionth is subtracted as in ``level``.
    """
    part = level(progress, levels)
    second_half = progress * levels - 1e-9 > part + 0.5
    return 0.5 if levels > 1 and part > 0 and second_half and 0.2 < progress < 0.9 else 0.0


def observe(schedule: Schedule, watch: Watch, error: float) -> Watch:
    """Return the new state of the schedule after a validation with this error (0 to 1; ``Evaluation.error``).

    An error is better if it is more than ``threshold`` below the best. After ``patience`` epochs in a row without a
    better one, the rate is cut and the count restarts; the best error is kept.
    """
    if not isinstance(schedule, Plateau):
        return watch
    if watch.best is None or error < watch.best - schedule.threshold:
        return replace(watch, best=error, waited=0)
    waited = watch.waited + 1
    if waited < schedule.patience:
        return replace(watch, waited=waited)
    return replace(watch, waited=0, cuts=min(watch.cuts + 1, schedule.times))

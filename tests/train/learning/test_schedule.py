"""Learning rate schedules, compared with numbers computed by hand."""

from __future__ import annotations

import math
from typing import Any, Literal

import pytest
import torch

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
from netspec.train.learning.schedule import Moment, Watch, factor, jump, level, observe, rate_factor, unfinished_warmup


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Fixed(), [1, 1, 1, 1, 1, 1]),
        (Step(factor=0.5, every=2), [1, 1, 0.5, 0.5, 0.25, 0.25]),
        (Steps(starts=(1, 4), factor=0.1), [1, 0.1, 0.1, 0.1, 0.01, 0.01]),
        (Steps(starts=(1, 3), factor=0.1, freeze=4), [1, 0.1, 0.1, 0.01, 0, 0]),
        (Steps(starts=(), factor=0.1, freeze=2), [1, 1, 0, 0, 0, 0]),
        (Exponential(factor=0.25), [1, 0.25**0.2, 0.25**0.4, 0.25**0.6, 0.25**0.8, 0.25]),
        (Linear(factor=0.5), [1, 0.9, 0.8, 0.7, 0.6, 0.5]),
        (Linear(factor=0), [1, 0.8, 0.6, 0.4, 0.2, 0]),
        (Linear(factor=11), [1, 3, 5, 7, 9, 11]),
        # (1 + cos 36)/2 = (1 + 0.80901699)/2, (1 + cos 72)/2 = (1 + 0.30901699)/2, and so on, in degrees
        (Cosine(factor=0), [1, 0.904508497, 0.654508497, 0.345491503, 0.095491503, 0]),
        (Cosine(factor=0.5), [1, 0.952254249, 0.827254249, 0.672745751, 0.547745751, 0.5]),
        # three levels, 1, 1/10 and 1/100, the second for 1/3 < progress <= 2/3
        (DiscreteExponential(factor=0.01, levels=3), [1, 1, 0.1, 0.1, 0.01, 0.01]),
        (DiscreteExponential(factor=0.01, levels=1), [0.01, 0.01, 0.01, 0.01, 0.01, 0.01]),
        # two levels: 0.6 is in the first half of the second, 0.8 in its second half, and 1 is beyond 0.9
        (JumpingExponential(factor=0.01, levels=2), [1, 1, 1, 0.01, 0.1, 0.01]),
        # three steps per epoch: the epochs begin with steps 0, 3, 6, 9, 12 and 15
        (Step(factor=0.5, every=6, unit="steps"), [1, 1, 0.5, 0.5, 0.25, 0.25]),
        (Step(factor=0.5, every=7, unit="steps"), [1, 1, 1, 0.5, 0.5, 0.25]),
        (Steps(starts=(3, 7), factor=0.1, unit="steps"), [1, 0.1, 0.1, 0.01, 0.01, 0.01]),
        (Steps(starts=(3,), factor=0.1, freeze=12, unit="steps"), [1, 0.1, 0.1, 0.1, 0, 0]),
        (Polynomial(power=1), [1, 0.8, 0.6, 0.4, 0.2, 0]),
        (Polynomial(power=2), [1, 0.64, 0.36, 0.16, 0.04, 0]),
        (Polynomial(power=0.5), [1, 0.894427191, 0.774596669, 0.632455532, 0.447213595, 0]),
        (Inverse(gamma=1 / 3, power=1), [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5, 1 / 6]),
        (Inverse(gamma=1 / 3, power=2), [1, 1 / 4, 1 / 9, 1 / 16, 1 / 25, 1 / 36]),
        # steps 0, 3, ..., 15, so the exponents are -1 to 4 times the logarithm of 2
        (Sigmoid(gamma=-math.log(2) / 3, center=3), [2 / 3, 1 / 2, 1 / 3, 1 / 5, 1 / 9, 1 / 17]),
        (Sigmoid(gamma=-1e3, center=4), [1, 1, 0, 0, 0, 0]),
        (Step(factor=0.5, every=1.5), [1, 1, 0.5, 0.25, 0.25, 0.125]),
        (Step(factor=0.5, every=0.4), [1, 0.25, 1 / 32, 1 / 128, 0.5**10, 0.5**12]),
        # cycles of two epochs; then of one and of two epochs, with half a cosine from 1 to 0.5
        (Restarts(2), [1, 0.5, 1, 0.5, 1, 0.5]),
        (Restarts(1, 2, 0.5), [1, 1, 0.75, 1, 0.926776695, 0.75]),
        (Restarts(6, unit="steps"), [1, 0.5, 1, 0.5, 1, 0.5]),
        (OneCycle(0.4, 0.2, 0.1, anneal="linear"), [0.2, 0.6, 1, 0.7, 0.4, 0.1]),
        (OneCycle(0.4, 0.2, 0.1, 3, "linear"), [0.2, 0.6, 1, 0.6, 0.2, 0.1]),
        (OneCycle(0.4, 0.2, 0), [0.2, 0.6, 1, 0.75, 0.25, 0]),
        (JumpingExponential(factor=0.01, levels=1), [0.01, 0.01, 0.01, 0.01, 0.01, 0.01]),
    ],
)
def test_factors_of_six_epochs_by_hand(schedule: Schedule, expected: list[float]) -> None:
    found = [factor(schedule, step=3 * epoch, epoch=epoch, progress=epoch / 5, watch=Watch()) for epoch in range(6)]
    assert found == pytest.approx(expected)


def test_exponential_reaches_the_geometric_mean_halfway() -> None:
    assert factor(Exponential(0.01), step=0, epoch=0, progress=0.5, watch=Watch()) == pytest.approx(0.1)


def test_plateau_cuts_after_patience_at_most_times_times() -> None:
    plateau = Plateau(factor=0.1, times=2, patience=2, threshold=0.01)
    watch, factors = Watch(), []
    # 0.395 is better than 0.4 by less than the threshold, so that the next error is the second without progress.
    for error in (0.5, 0.4, 0.395, 0.4, 0.4, 0.4, 0.4, 0.4):
        watch = observe(plateau, watch, error)
        factors.append(factor(plateau, step=0, epoch=0, progress=0, watch=watch))
    assert factors == pytest.approx([1, 1, 1, 0.1, 0.1, 0.01, 0.01, 0.01])
    assert watch.best == 0.4


def test_better_error_restarts_the_patience() -> None:
    plateau = Plateau(factor=0.1, times=3, patience=2, threshold=0.0)
    watch = Watch()
    for error in (0.5, 0.5, 0.4, 0.4):
        watch = observe(plateau, watch, error)
    assert watch == Watch(best=0.4, waited=1, cuts=0)


def test_other_schedules_ignore_errors() -> None:
    assert observe(Fixed(), Watch(), 0.5) == Watch()


def test_discrete_exponential_is_cuda_convnets_dexp() -> None:
    """dexp[base=0.01;tgtFactor=250;numSteps=4] over 8 batches: the rates are 0.01 * 250^(-i/3) for
    i/4 < p <= (i + 1)/4, and the first also for p = 0."""
    found = [
        0.01 * factor(DiscreteExponential(1 / 250, 4), step=0, epoch=0, progress=n / 8, watch=Watch()) for n in range(9)
    ]
    first, second, third, last = 0.01, 0.001587401052, 0.000251984210, 0.00004
    assert found == pytest.approx([first, first, first, second, second, third, third, last, last], rel=1e-9)


def test_jumping_exponential_is_cuda_convnets_jdexp() -> None:
    """jdexp[base=1;tgtFactor=1000;numSteps=4] has the rates 1, 1/10, 1/100 and 1/1000. After the middle of a level, the
    rate is the geometric mean of this level's and the one before: 10^-0.5 after 3/8, 10^-1.5 after 5/8, 10^-2.5 after
    7/8, the last only until 0.9. The middle itself still has the level's own rate."""
    found = [factor(JumpingExponential(1e-3, 4), step=0, epoch=0, progress=n / 80, watch=Watch()) for n in range(81)]
    one, second, third, last = [1.0], 10**-0.5, 10**-1.5, 10**-2.5
    expected = one * 21 + [0.1] * 10 + [second] * 10 + [0.01] * 10 + [third] * 10 + [0.001] * 10 + [last] + [0.001] * 9
    assert found == pytest.approx(expected, rel=1e-9)


def test_exponentials_may_rise() -> None:
    """The same with tgtFactor=0.001: rates 1, 10, 100 and 1000, and geometric means after the middles."""
    jumping = {0.2: 0, 0.3: 1, 0.38: 0.5, 0.5: 0.5, 0.6: 2, 0.63: 1.5, 0.8: 3, 0.88: 2.5, 0.9: 3}
    for progress, power in jumping.items():
        found = factor(JumpingExponential(1e3, 4), step=0, epoch=0, progress=progress, watch=Watch())
        assert found == pytest.approx(10**power), progress
        found = factor(DiscreteExponential(1e3, 4), step=0, epoch=0, progress=progress, watch=Watch())
        assert found == pytest.approx(10 ** math.ceil(power)), progress


def test_level_that_ends_at_a_fifth_does_not_jump() -> None:
    """Of ten levels, the second ends at 0.2, the third begins there, and the last is after 0.9."""
    powers = {0.16: 1, 0.2: 1, 0.26: 1.5, 0.86: 7.5, 0.9: 8, 0.96: 9}
    for progress, power in powers.items():
        found = factor(JumpingExponential(1e-9, 10), step=0, epoch=0, progress=progress, watch=Watch())
        assert found == pytest.approx(10.0**-power), progress


@pytest.mark.parametrize("levels", [3, 7, 10, 30])
def test_rounding_does_not_jump_at_the_middle(levels: int) -> None:
    """In integers: with 10 steps per level, step s is after the middle of its level if s % 10 is 0 or 6 to 9."""
    steps = 10 * levels
    inside = range(steps // 5 + 1, -(-9 * steps // 10))
    found = [jump(s / steps, levels) == 0.5 for s in inside]
    assert found == [(s % 10 > 5 or s % 10 == 0) and s > 10 for s in inside]


@pytest.mark.parametrize("levels", [3, 7, 10, 30])
def test_rounding_does_not_begin_a_level_early(levels: int) -> None:
    """In integers: with 10 steps per level, step s is in level ceil(s / 10) - 1."""
    steps = 10 * levels
    assert [level(s / steps, levels) for s in range(steps)] == [max(0, -(-s // 10) - 1) for s in range(steps)]


def factors_of_run(train: Train, steps: int, per_epoch: int) -> list[float]:
    """Return the factor of every step of a training without validation."""
    return [
        rate_factor(train, train.schedule, Moment(s, steps, s // per_epoch, per_epoch), Watch()) for s in range(steps)
    ]


@pytest.mark.parametrize(
    ("schedule", "after"),
    [
        (Fixed(), [1, 1, 1, 1, 1]),
        (Step(0.5, 1), [0.5, 0.25, 0.25, 0.25, 0.125]),  # counts epochs, of three steps, from the beginning
        (Steps((2,), 0.1), [1, 0.1, 0.1, 0.1, 0.1]),
        (Plateau(0.1, 3, 1, 0.0), [1, 1, 1, 1, 1]),
        (Exponential(0.5), [1, 0.5**0.2, 0.5**0.4, 0.5**0.6, 0.5**0.8]),
        (DiscreteExponential(0.01, 5), [1, 1, 0.1**0.5, 0.1, 0.1**1.5]),
        (JumpingExponential(0.01, 2), [1, 1, 1, 0.01, 0.1]),
        (Linear(0), [1, 0.8, 0.6, 0.4, 0.2]),
        (Cosine(0), [1, 0.904508497, 0.654508497, 0.345491503, 0.095491503]),
    ],
)
def test_warmup_precedes_every_schedule(schedule: Schedule, after: list[float]) -> None:
    """Each of five steps adds a fifth, and the schedule's progress counts the other five."""
    found = factors_of_run(Train(schedule=schedule, warmup=Warmup(5, "steps")), 10, per_epoch=3)
    rising = [0.2, 0.4, 0.6, 0.8, 1.0]
    if isinstance(schedule, Step):
        rising = [0.2, 0.4, 0.6, 0.8 * 0.5, 1.0 * 0.5]
    assert found == pytest.approx([*rising, *after])


def test_warmup_of_epochs_is_that_of_their_steps() -> None:
    assert factors_of_run(Train(warmup=Warmup(2)), 8, per_epoch=2) == [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]
    assert factors_of_run(Train(), 3, per_epoch=1) == [1, 1, 1]


def test_warmup_longer_than_the_run_only_rises() -> None:
    train = Train(warmup=Warmup(8, "steps"), schedule=Linear(0))
    assert factors_of_run(train, 4, per_epoch=2) == [0.125, 0.25, 0.375, 0.5]


def test_plateau_cuts_during_a_warmup() -> None:
    train = Train(schedule=Plateau(0.1, 3, 1, 0.0), warmup=Warmup(4, "steps"))
    found = rate_factor(train, train.schedule, Moment(1, 10, 1, 1), Watch(best=0.5, cuts=2))
    assert found == pytest.approx(0.5 * 0.01)


def test_warmup_may_start_from_a_share_of_the_rate() -> None:
    """As PyTorch's LinearLR, whose ``start_factor`` is that of the first step; the rate is full after the warm-up."""
    found = factors_of_run(Train(warmup=Warmup(4, "steps", start=0.2)), 6, per_epoch=3)
    assert found == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1])
    assert found == pytest.approx(pytorchs(6, torch.optim.lr_scheduler.LinearLR, start_factor=0.2, total_iters=4))
    assert factors_of_run(Train(warmup=Warmup(1, start=0.2)), 3, per_epoch=1) == [0.2, 1, 1]


def pytorchs(steps: int, scheduler: Any, **arguments: Any) -> list[float]:
    """Return the factors of a scheduler of PyTorch that moves after each step."""
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule, found = scheduler(optimiser, **arguments), []
    for _ in range(steps):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step(), schedule.step()
    return found


@pytest.mark.parametrize("mult", [1, 2, 3])
def test_restarts_are_pytorchs_within_epochs(mult: int) -> None:
    """PyTorch's scheduler, which is told the epoch with the share of it that is done."""
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimiser, 2, mult, eta_min=0.1)
    train = Train(schedule=Restarts(2, mult, 0.1))
    for step in range(200):
        scheduler.step(step // 7 + step % 7 / 7)
        found = rate_factor(train, train.schedule, Moment(step, 200, step // 7, 7, step % 7), Watch())
        assert found == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-9), step
    in_steps = Train(schedule=Restarts(14, mult, 0.1, unit="steps"))
    by_epochs = [rate_factor(train, train.schedule, Moment(s, 200, s // 7, 7, s % 7), Watch()) for s in range(200)]
    assert factors_of_run(in_steps, 200, 7) == pytest.approx(by_epochs, rel=1e-9)


@pytest.mark.parametrize("anneal", ["cosine", "linear"])
@pytest.mark.parametrize("three", [False, True])
def test_phases_of_one_cycle_are_pytorchs(anneal: Literal["cosine", "linear"], three: bool) -> None:
    """PyTorch's phases end with steps of the run, ours with its progress: step s of a phase is the same share of it."""
    steps, peak = 200, 0.3
    theirs = pytorchs(
        steps, torch.optim.lr_scheduler.OneCycleLR, max_lr=1.0, total_steps=steps, pct_start=peak, three_phase=three,
        anneal_strategy=anneal[:3] if anneal == "cosine" else anneal, cycle_momentum=False, final_div_factor=100,
    )  # fmt: skip
    ends = [0, peak * steps - 1, *([2 * peak * steps - 2] if three else []), steps - 1]
    shares = [0, peak, *([2 * peak] if three else []), 1]
    schedule = OneCycle(peak, 1 / 25, 1 / 2500, 3 if three else 2, anneal)
    for step, expected in enumerate(theirs):
        phase = next(i for i, end in enumerate(ends[1:]) if step <= end)
        part = (step - ends[phase]) / (ends[phase + 1] - ends[phase])
        progress = min(1.0, shares[phase] + part * (shares[phase + 1] - shares[phase]))
        found = factor(schedule, step=step, epoch=0, progress=progress, watch=Watch())
        assert found == pytest.approx(expected, rel=1e-9), step


def test_fraction_of_an_epoch_is_that_of_its_steps() -> None:
    """EfficientNet's rate falls every 2.4 epochs: with 5 steps per epoch, every 12 steps."""
    train = Train(schedule=Step(0.5, 2.4))
    found = [rate_factor(train, train.schedule, Moment(s, 99, s // 5, 5, s % 5), Watch()) for s in range(99)]
    assert found == [0.5 ** (s // 12) for s in range(99)]


def test_sigmoid_is_never_0() -> None:
    """A rate of 0 would freeze the weights, while their velocities still move them in a generated program."""
    found = [factor(Sigmoid(-5.0, 0), step=s, epoch=0, progress=0.0, watch=Watch()) for s in range(1000)]
    assert min(found) > 0
    assert found[20] == pytest.approx(math.exp(-100), rel=1e-12)


def test_warm_up_that_does_not_end_in_the_run() -> None:
    """The checker compares lengths in the same unit; here the steps of an epoch are known, and the run's length."""
    found = unfinished_warmup(Train(epochs=None, steps=300, warmup=Warmup(5)), 300, per_epoch=100)
    assert found == (
        "the warm-up of 5 epochs takes 500 steps and does not end before the training, which has 300 steps: the "
        "learning rate never reaches its full value"
    )
    in_steps = unfinished_warmup(Train(epochs=3, warmup=Warmup(900, "steps")), 300, per_epoch=100)
    assert in_steps is not None and in_steps.startswith("the warm-up of 900 steps does not end")
    assert unfinished_warmup(Train(epochs=3, warmup=Warmup(5)), 300, per_epoch=100) is None
    assert unfinished_warmup(Train(epochs=None, steps=501, warmup=Warmup(5)), 501, per_epoch=100) is None
    assert unfinished_warmup(Train(epochs=9, warmup=Warmup(5)), 500, per_epoch=100) is not None  # --epochs 5

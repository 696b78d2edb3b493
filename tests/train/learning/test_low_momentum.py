"""A momentum that falls while the learning rate rises: `schedule=onecycle(low_momentum=0.85)`."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
import torch

from netspec.ir.schedules import Fixed, OneCycle, Warmup
from netspec.ir.settings import Train
from netspec.train.learning.rates import scales
from netspec.train.learning.rule import Group, Scale
from netspec.train.learning.schedule import Moment, Watch, momentum_in
from netspec.train.learning.sgd import PaperSGD

LINEAR = Train(schedule=OneCycle(0.4, anneal="linear", low_momentum=0.5))


def momenta(train: Train, momentum: float, steps: int = 10) -> list[float]:
    return [momentum_in(train, momentum, Moment(step, steps, step // 5, 5, step % 5)) for step in range(steps + 1)]


def test_momentum_by_hand() -> None:
    fall, rise = [0.9, 0.8, 0.7, 0.6], [0.5, 0.9 - 1 / 3, 0.9 - 0.8 / 3, 0.7, 0.9 - 0.4 / 3, 0.9 - 0.2 / 3, 0.9]
    expected = [*fall, *rise]
    assert momenta(LINEAR, 0.9) == pytest.approx(expected)
    three = replace(LINEAR, schedule=OneCycle(0.4, phases=3, anneal="linear", low_momentum=0.5))
    assert momenta(three, 0.9) == pytest.approx([*fall, 0.5, 0.6, 0.7, 0.8, 0.9, 0.9, 0.9])
    cosine = replace(LINEAR, schedule=OneCycle(0.4, low_momentum=0.5))
    assert momenta(cosine, 0.9)[::2][:3] == pytest.approx([0.9, 0.7, 0.5])
    assert momenta(LINEAR, 0.5) == [0.5] * 11 and momenta(LINEAR, 0.0) == [0.0] * 11
    assert momenta(replace(LINEAR, schedule=OneCycle(0.4)), 0.9) == [0.9] * 11
    warmed = replace(LINEAR, warmup=Warmup(10, "steps"))
    assert momenta(warmed, 0.9, 20) == pytest.approx([*[0.9] * 10, *expected])


@pytest.mark.parametrize("anneal", ["cosine", "linear"])
@pytest.mark.parametrize("three", [False, True])
def test_momentum_falls_as_pytorchs(anneal: Literal["cosine", "linear"], three: bool) -> None:
    """PyTorch's first phase ends a step earlier, and its last with the last step: shifted, two phases are the same."""
    steps, peak = 201, 0.25
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1, momentum=0.9)
    share, strategy = (peak * (steps - 1) + 1) / steps, "cos" if anneal == "cosine" else "linear"
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 1, steps, pct_start=share, anneal_strategy=strategy,
        base_momentum=0.8, max_momentum=0.95, three_phase=three,
    )  # fmt: skip
    theirs = []
    for _ in range(steps):
        theirs.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        scheduler.step()
    train = Train(schedule=OneCycle(peak, phases=3 if three else 2, anneal=anneal, low_momentum=0.8))
    ours = momenta(train, 0.95, steps - 1)
    assert ours == pytest.approx(theirs, abs=1e-3 if three else 1e-9)


def test_parameters_with_a_schedule_of_their_own_keep_their_momentum() -> None:
    w = (torch.zeros(1),)
    groups = (Group(w, 0.1, 0.9, 0.0), Group(w, 0.1, 0.9, 0.0, schedule=Fixed()), Group(w, 0.1, 0.3, 0.0))
    found = scales(LINEAR, groups, Moment(4, 10, 0, 10, 4), Watch(), 0)
    assert [scale.momentum for scale in found] == [0.5, 0.9, 0.3]


@pytest.mark.parametrize("fused", [False, True])
def test_an_update_uses_the_momentum_of_its_step(fused: bool) -> None:
    """v = -0.1 * 1, w = -0.1; then v = 0.5 * -0.1 - 0.1 = -0.15, w = -0.25."""
    w = torch.zeros(2, requires_grad=True)
    optimiser = PaperSGD([Group((w,), 0.1, 0.9, 0.0)], fused=fused)
    for momentum in (0.9, 0.5):
        w.grad = torch.ones(2)
        optimiser.scales = (Scale(1.0, momentum=momentum),)
        optimiser.step()
    assert w.tolist() == pytest.approx([-0.25, -0.25])

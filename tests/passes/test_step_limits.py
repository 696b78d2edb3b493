"""Reasons why a network cannot be trained, which the trainer and the generated program share."""

from __future__ import annotations

from dataclasses import replace

import pytest

import netspec
from netspec.ir.graph import Graph
from netspec.ir.schedules import Cosine, DiscreteExponential, Exponential, JumpingExponential, Linear, Plateau, Schedule
from netspec.passes.step_limits import highest_factor, layers_needing_two_images, unfit_rates
from netspec.train.learning.schedule import Watch, factor


def graph(text: str) -> Graph:
    return netspec.loads(text).graph


def with_rate(lr: float, decay: float = 0.0, schedule: Schedule | None = None) -> Graph:
    original = graph("[image] input 4\n[fc] fc outputs=2 bias=none\n")
    parameters = {key: p._replace(lr=lr, decay=decay) for key, p in original.parameters.items()}
    train = replace(original.train, schedule=schedule) if schedule else original.train
    return replace(original, parameters=parameters, train=train)


@pytest.mark.parametrize(
    ("network", "values"),
    [
        (with_rate(3e38), []),
        (with_rate(1e300), ["learning rate of fc.weight is 1e+300"]),
        (with_rate(float("nan")), ["learning rate of fc.weight is nan", "weight decay times rate of fc.weight is nan"]),
        (with_rate(1e30, 1e30), ["weight decay times rate of fc.weight is 1e+60"]),
        (with_rate(1e33, 0, Exponential(1e6)), ["learning rate of fc.weight is 1e+39"]),
        (with_rate(1e33, 0, Linear(0.0)), []),
        (with_rate(1e38, 0, Linear(1.0, noise=0.2)), []),  # 1 + 0.2 * 8.572 = 2.71 times the rate
        (with_rate(1e38, 0, Linear(1.0, noise=1)), ["learning rate of fc.weight is 9.57167e+38"]),
        # The first update of Adam divides by 1 - beta1.
        (graph("[image] input 4\n[fc] fc outputs=2 bias=none lr=1e38\ntrain optimizer=adam(beta1=0.9)\n"),
         ["learning rate of fc.weight is 1e+39"]),
        (graph("[image] input 4\n[fc] fc outputs=2 bias=none lr=1e33 schedule=linear(1e6)\n"),
         ["learning rate of fc.weight is 1e+39"]),
    ],
)  # fmt: skip
def test_rates_beyond_float32_are_reported(network: Graph, values: list[str]) -> None:
    assert list(map(str, unfit_rates(network))) == [
        f"the {value}, which is not a finite float32 number" for value in values
    ]


def test_highest_factor_of_rising_and_falling_schedules() -> None:
    rising = (Exponential(5), Linear(7), DiscreteExponential(6, 1), DiscreteExponential(4, 3), JumpingExponential(3, 4))
    assert [highest_factor(schedule) for schedule in rising] == [5, 7, 6, 4, 3]
    falling = (Exponential(0.1), DiscreteExponential(0.1, 2), Cosine(0), Plateau(0.1, 3, 5, 0))
    assert [highest_factor(schedule) for schedule in falling] == [1, 1, 1, 1]


@pytest.mark.parametrize("schedule", [Exponential(5), Linear(7), DiscreteExponential(4, 3), JumpingExponential(9, 4),
                                      JumpingExponential(0.5, 7), DiscreteExponential(3, 1)])  # fmt: skip
def test_highest_factor_is_reached_and_not_exceeded(schedule: Schedule) -> None:
    factors = [factor(schedule, step=0, epoch=0, progress=n / 200, watch=Watch()) for n in range(201)]
    assert max(factors) == pytest.approx(highest_factor(schedule))


@pytest.mark.parametrize(("image", "layers"), [("6", ["bn"]), ("6x1x1", ["bn"]), ("6x2x1", []), ("6x1x2", [])])
def test_batch_normalisation_of_single_numbers_needs_two_images(image: str, layers: list[str]) -> None:
    assert layers_needing_two_images(graph(f"[image] input {image}\n[bn] batchnorm\n[fc] fc outputs=2\n")) == layers


def test_batch_normalisation_outside_training_is_ignored() -> None:
    text = (
        "[image] input 6\n[fc] fc outputs=2\n[bn] batchnorm inputs=image\n[out] fc outputs=3 inputs=fc\n[p] softmax\n"
    )
    assert layers_needing_two_images(graph(text)) == []

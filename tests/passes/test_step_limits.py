"""What keeps a network from a step: stated once, for the trainer and for the generated program."""

from __future__ import annotations

from dataclasses import replace

import pytest

import netspec
from netspec.ir.graph import Graph
from netspec.ir.settings import (
    Cosine,
    DiscreteExponential,
    Exponential,
    JumpingExponential,
    Linear,
    Plateau,
    Schedule,
)
from netspec.passes.step_limits import highest_factor, layers_needing_two_images, unfit_rates
from netspec.train.learning.schedule import Watch, factor


def graph(text: str) -> Graph:
    return netspec.loads(text).graph


def rated(lr: float, decay: float = 0.0, schedule: Schedule | None = None) -> Graph:
    found = graph("[image] input 4\n[fc] fc outputs=2 bias=none\n")
    parameters = {key: replace(p, lr=lr, decay=decay) for key, p in found.parameters.items()}
    train = replace(found.train, schedule=schedule) if schedule else found.train
    return replace(found, parameters=parameters, train=train)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (rated(3e38), []),
        (rated(1e300), ["the learning rate of fc.weight is 1e+300: that is no float32 number"]),
        (rated(float("nan")), ["the learning rate of fc.weight is nan: that is no float32 number",
                               "the weight decay times rate of fc.weight is nan: that is no float32 number"]),
        (rated(1e30, 1e30), ["the weight decay times rate of fc.weight is 1e+60: that is no float32 number"]),
        (rated(1e33, 0, Exponential(1e6)), ["the learning rate of fc.weight is 1e+39: that is no float32 number"]),
        (rated(1e33, 0, Linear(0.0)), []),
        (rated(1e38, 0, Linear(1.0, noise=0.2)), []),  # 1 + 0.2 * 8.572 = 2.71 times the rate
        (rated(1e38, 0, Linear(1.0, noise=1)),
         ["the learning rate of fc.weight is 9.57167e+38: that is no float32 number"]),
        (graph("[image] input 4\n[fc] fc outputs=2 bias=none lr=1e33 schedule=linear(1e6)\n"),
         ["the learning rate of fc.weight is 1e+39: that is no float32 number"]),
    ],
)  # fmt: skip
def test_numbers_beyond_float32(found: Graph, told: list[str]) -> None:
    assert list(map(str, unfit_rates(found))) == told


def test_four_schedules_rise() -> None:
    rising = (Exponential(5), Linear(7), DiscreteExponential(6, 1), DiscreteExponential(4, 3), JumpingExponential(3, 4))
    assert [highest_factor(schedule) for schedule in rising] == [5, 7, 6, 4, 3]
    falling = (Exponential(0.1), DiscreteExponential(0.1, 2), Cosine(0), Plateau(0.1, 3, 5, 0))
    assert [highest_factor(schedule) for schedule in falling] == [1, 1, 1, 1]


@pytest.mark.parametrize("schedule", [Exponential(5), Linear(7), DiscreteExponential(4, 3), JumpingExponential(9, 4),
                                      JumpingExponential(0.5, 7), DiscreteExponential(3, 1)])  # fmt: skip
def test_no_step_has_more_than_the_highest_factor(schedule: Schedule) -> None:
    found = [factor(schedule, epoch=0, progress=n / 200, watch=Watch()) for n in range(201)]
    assert max(found) == pytest.approx(highest_factor(schedule))


@pytest.mark.parametrize(("image", "layers"), [("6", ["bn"]), ("6x1x1", ["bn"]), ("6x2x1", []), ("6x1x2", [])])
def test_batch_normalisation_of_one_number_a_channel(image: str, layers: list[str]) -> None:
    assert layers_needing_two_images(graph(f"[image] input {image}\n[bn] batchnorm\n[fc] fc outputs=2\n")) == layers


def test_a_batch_normalisation_that_training_does_not_run() -> None:
    text = (
        "[image] input 6\n[fc] fc outputs=2\n[bn] batchnorm inputs=image\n[out] fc outputs=3 inputs=fc\n[p] softmax\n"
    )
    assert layers_needing_two_images(graph(text)) == []

"""Learning rates of single layers and of biases: schedules, noise, and frozen parameters."""

from __future__ import annotations

import math
from hashlib import sha256
from statistics import fmean

import pytest
import torch
from checking import valid_net
from places import SPECS
from torch import Tensor

from netspec import backend
from netspec.ir.schedules import Fixed, Linear, Steps, Warmup
from netspec.ir.settings import Train
from netspec.net import load
from netspec.train.learning.optimiser import optimiser_of
from netspec.train.learning.rates import deviations, scales
from netspec.train.learning.rule import Group, Scale
from netspec.train.learning.schedule import Moment, Watch, rate_factor
from netspec.train.learning.sgd import PaperSGD

SPEC = """\
[image] input 3x6x6
[conv] conv filters=4 kernel=3 schedule=steps(1, factor=0.5, freeze=2)
[a] fc outputs=4 bias_schedule=linear(0)
[b] fc outputs=4 {}
train epochs=4 optimizer=sgd(lr=0.1) schedule=step(every=1, factor=0.1) bias_schedule=constant warmup=steps(4)
"""


def weight(value: float = 1.0) -> Tensor:
    return torch.nn.Parameter(torch.tensor([value], dtype=torch.float64))


def rates_by_parameter(optimiser: PaperSGD, names: dict[Tensor, str], found: tuple[Scale, ...]) -> dict[str, float]:
    return {names[w]: scale.lr for group, scale in zip(optimiser.groups, found, strict=True) for w in group.params}


def test_each_parameter_follows_its_schedule() -> None:
    """In epoch 1 of 4, at step 6 of 16, where 4 steps of warm-up make the progress 2/12."""
    graph = valid_net(SPEC.format("")).graph
    module = backend.load("pytorch").module(graph, 0)
    optimiser = optimiser_of(graph, module)
    names = {w: name for name, w in module.named_parameters()}
    now = Moment(step=6, steps=16, epoch=1, per_epoch=4)
    found = rates_by_parameter(optimiser, names, scales(graph.train, optimiser.groups, now, Watch(), 0))
    assert found == pytest.approx(
        {
            "conv.weight": 0.5, "conv.bias": 1.0, "a.weight": 0.1, "a.bias": 1 - 2 / 12, "b.weight": 0.1, "b.bias": 1.0,
        }
    )  # fmt: skip
    first = Moment(step=0, steps=16, epoch=0, per_epoch=4)
    found = rates_by_parameter(optimiser, names, scales(graph.train, optimiser.groups, first, Watch(), 0))
    assert set(found.values()) == {0.25}  # the first of four steps of the warm-up
    assert {group.name for group in optimiser.groups} == {""}


def test_alexnet_2012_has_the_rates_of_its_parameter_file() -> None:
    """layer-params-145.cfg: 0.001 from epoch 25, 0.0001 from 51, and 0.00001 from 79, or from 67 in conv1, which is
    frozen from 72. The rate of biases is 0.02 until they are frozen."""
    graph = load(SPECS / "alexnet-2012.net").graph
    epochs = (0, 24, 25, 50, 51, 66, 67, 71, 72, 78, 79, 90)
    found = {
        key: [
            p.lr * rate_factor(graph.train, graph.schedule_of(p), Moment(e * 10_000, 910_000, e, 10_000), Watch())
            for e in epochs
        ]
        for key, p in graph.parameters.items()
    }
    common = [1e-2, 1e-2, 1e-3, 1e-3, 1e-4, 1e-4]
    for layer in ("conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"):
        assert found[f"{layer}.weight"] == pytest.approx([*common, 1e-4, 1e-4, 1e-4, 1e-4, 1e-5, 1e-5])
        assert found[f"{layer}.bias"] == [0.02] * 12
    assert found["conv1.weight"] == pytest.approx([*common, 1e-5, 1e-5, 0, 0, 0, 0])
    assert found["conv1.bias"] == [0.02] * 8 + [0] * 4


def test_only_noisy_schedules_need_groups_of_their_own() -> None:
    for keys, groups in (("", 4), ("schedule=linear(1, noise=1)", 5), ("bias_schedule=constant", 4)):
        graph = valid_net(SPEC.format(keys)).graph
        assert len(optimiser_of(graph, backend.load("pytorch").module(graph, 0)).groups) == groups
    noisy = valid_net("[image] input 4\n[a] fc outputs=2\n[b] fc outputs=2\ntrain schedule=linear(0, noise=1)\n").graph
    found = optimiser_of(noisy, backend.load("pytorch").module(noisy, 0)).groups
    assert [group.name for group in found] == ["a.weight", "a.bias", "b.weight", "b.bias"]


def test_noise_is_normal_by_hand() -> None:
    """Box-Muller on two words of the hash, u and v in (0, 1]: sqrt(-2 ln u) times cosine and sine of 2 pi v."""
    words = sha256(b"3:7:conv.weight").hexdigest()
    u, v = (((int(words[place : place + 16], 16) >> 11) + 1) / 2**53 for place in (0, 16))
    radius, angle = math.sqrt(-2 * math.log(u)), 2 * math.pi * v
    assert deviations(3, 7, "conv.weight") == pytest.approx(
        (abs(radius * math.cos(angle)), abs(radius * math.sin(angle)))
    )
    assert len({deviations(*drawn) for drawn in ((3, 7, "a"), (4, 7, "a"), (3, 8, "a"), (3, 7, "b"))}) == 4


def test_noise_is_absolute_values_of_normal_numbers() -> None:
    """|N(0, 1)| has a mean of sqrt(2 / pi) = 0.798 and a mean square of 1, and is below 1 with 68.3 % probability."""
    drawn = [n for step in range(20_000) for n in deviations(0, step, "w")]
    assert fmean(drawn) == pytest.approx(math.sqrt(2 / math.pi), abs=0.02)
    assert fmean(n * n for n in drawn) == pytest.approx(1, abs=0.03)
    assert fmean(n < 1 for n in drawn) == pytest.approx(0.683, abs=0.02)
    pairs = [deviations(0, step, "w") for step in range(20_000)]
    assert fmean(a * b for a, b in pairs) == pytest.approx(2 / math.pi, abs=0.02)  # independent


def test_gradient_and_decay_have_independent_noise() -> None:
    """v = -decay lr (1 + s n2) w - lr (1 + s n1) g, where n1 and n2 depend on step and name."""
    schedule = Linear(0.5, noise=0.25)
    group = Group((w := weight(2.0),), 0.1, 0.9, 0.5, schedule=schedule, name="fc.weight")
    now = Moment(step=5, steps=10, epoch=0, per_epoch=10)
    sgd = PaperSGD([group])
    sgd.scales = scales(Train(schedule=Fixed()), sgd.groups, now, Watch(), seed=9)
    w.grad = torch.full_like(w, 3.0)
    sgd.step()
    n1, n2 = deviations(9, 5, "fc.weight")
    rate = 0.1 * 0.75  # halfway from 1 to 0.5
    step = -0.5 * rate * (1 + 0.25 * n2) * 2.0 - rate * (1 + 0.25 * n1) * 3.0
    assert w.item() == pytest.approx(2.0 + step, rel=1e-14)


def test_noise_in_the_train_line_applies_to_every_parameter() -> None:
    train = Train(schedule=Linear(1.0, noise=1.0))
    groups = [Group((weight(),), 0.1, 0.9, 0.0, name=name) for name in ("a", "b")]
    noisy = scales(train, groups, Moment(0, 10, 0, 10), Watch(), 0)
    assert [scale.lr for scale in noisy] == [1 + deviations(0, 0, name)[0] for name in ("a", "b")]
    warm = scales(Train(schedule=train.schedule, warmup=Warmup(4, "steps")), groups, Moment(0, 10, 0, 10), Watch(), 0)
    assert [scale.lr for scale in warm] == [scale.lr / 4 for scale in noisy]


@pytest.mark.parametrize("fused", [False, True])
def test_frozen_weights_and_velocities_do_not_change(*, fused: bool) -> None:
    """The first step makes v = -2. Frozen steps change neither the weight nor v."""
    w = weight(5.0)
    sgd = PaperSGD([Group((w,), 1.0, 0.9, 0.0, schedule=Steps((), 0.1, freeze=1))], fused=fused)
    states = []
    for epoch in range(3):
        sgd.scales = scales(Train(), sgd.groups, Moment(epoch, 3, epoch, 1), Watch(), 0)
        w.grad = torch.full_like(w, 2.0)
        sgd.step()
        states.append((w.item(), sgd.state["velocities"][w].item()))
    assert states == [(3.0, -2.0)] * 3


def test_fused_update_with_noise_agrees_with_the_plain_one() -> None:
    torch.manual_seed(0)
    start, schedule = torch.randn(7, 3), Linear(0.5, noise=2.0)
    tensors = [start.clone().requires_grad_() for _ in range(2)]
    groups = [Group((w,), 0.1, 0.9, 0.3, schedule=schedule, name="w") for w in tensors]
    optimisers = [PaperSGD(groups[:1]), PaperSGD(groups[1:], fused=True)]
    for step in range(5):
        gradient = torch.randn(7, 3)
        for w, optimiser in zip(tensors, optimisers, strict=True):
            w.grad = gradient.clone()
            optimiser.scales = scales(Train(), optimiser.groups, Moment(step, 5, 0, 5), Watch(), 1)
            optimiser.step()
    torch.testing.assert_close(tensors[0], tensors[1], rtol=1e-5, atol=1e-6)

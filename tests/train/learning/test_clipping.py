"""``clip_gradients=``: against PyTorch's functions, by hand, and with parts of a batch, frozen layers and NaN."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from checking import valid_net
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from netspec.ir.distribution import Constant
from netspec.ir.graph import Graph, Parameter
from netspec.ir.rules import Clip
from netspec.ir.settings import Train
from netspec.passes.accumulation import BatchProgress
from netspec.train.learning.clipping import Clipping, squares
from netspec.train.learning.norms import Devices
from netspec.train.learning.objective import build
from netspec.train.learning.optimiser import optimiser_for, optimiser_of
from netspec.train.learning.rule import Group, Optimiser, Scale
from netspec.train.learning.sgd import PaperSGD

INF, NAN = math.inf, math.nan


def parameters(*gradients: list[float]) -> dict[str, Tensor]:
    """Return parameters of zeros with these gradients, by key."""
    found = {}
    for number, values in enumerate(gradients):
        w = torch.zeros(len(values), dtype=torch.float64).requires_grad_()
        w.grad = torch.tensor(values, dtype=torch.float64)
        found[f"w{number}"] = w
    return found


def clipped(clip: Clip, *gradients: list[float]) -> list[list[float]]:
    given = parameters(*gradients)
    Clipping(clip, given)(list(given.values()))
    return [w.grad.tolist() for w in given.values() if w.grad is not None]


def test_norm_by_hand() -> None:
    """The norm of (3, 4) and (12) is 13: a limit of 6.5 halves all numbers, and one of 13 leaves them as they are."""
    assert clipped(Clip("norm", 6.5), [3, 4], [12]) == [[1.5, 2], [6]]
    assert clipped(Clip("norm", 13), [3, 4], [12]) == [[3, 4], [12]]
    assert clipped(Clip("norm", 1), [0, 0], [0]) == [[0, 0], [0]]


def test_values_by_hand() -> None:
    assert clipped(Clip("value", 2), [3, -1], [-12, 2]) == [[2, -1], [-2, 2]]


@given(st.lists(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=4), min_size=1, max_size=4), st.floats(1e-3, 1e3))
def test_norm_is_that_of_pytorch(gradients: list[list[float]], limit: float) -> None:
    """PyTorch adds 1e-6 to the norm that it divides by."""
    given = parameters(*gradients)
    norm = float(torch.nn.utils.clip_grad_norm_(given.values(), limit))
    expected = [w.grad.tolist() for w in given.values() if w.grad is not None]
    for actual, theirs in zip(clipped(Clip("norm", limit), *gradients), expected, strict=True):
        assert actual == pytest.approx(theirs, rel=2e-6 / max(norm, 1e-9) + 1e-9, abs=1e-12)


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=6), st.floats(1e-3, 1e3))
def test_values_are_those_of_pytorch(gradient: list[float], limit: float) -> None:
    given = parameters(gradient)
    torch.nn.utils.clip_grad_value_(given.values(), limit)
    assert clipped(Clip("value", limit), gradient) == [given["w0"].grad.tolist()]  # type: ignore[union-attr]


def test_what_is_not_finite_makes_all_gradients_nan_with_a_norm_and_stays_nan_with_values() -> None:
    for bad in (INF, -INF, NAN):
        assert all(math.isnan(x) for values in clipped(Clip("norm", 1), [bad, 1], [2]) for x in values)
    first, second = clipped(Clip("value", 1), [INF, NAN], [-INF])
    assert (first[0], second) == (1, [-1]) and math.isnan(first[1])


def test_squares_of_many_small_numbers_are_all_counted() -> None:
    """A single sum in float32 over 16 million ones ends too early."""
    layouts = (torch.ones(4096, 4096), torch.ones(64, 64, 64, 64).to(memory_format=torch.channels_last))
    for x in layouts:
        assert squares([x, torch.full((10,), 2.0)]).item() == pytest.approx(2**24 + 40, rel=1e-9)


def step(optimiser: Optimiser, *gradients: list[float]) -> None:
    weights = [w for group in optimiser.groups for w in group.params]
    for w, values in zip(weights, gradients, strict=True):
        w.grad = torch.tensor(values, dtype=torch.float64)
    optimiser.step()


def sgd(*groups: Group, limit: float = 1.0) -> PaperSGD:
    optimiser = PaperSGD(groups)
    tensors = {f"w{n}": w for n, w in enumerate(w for group in optimiser.groups for w in group.params)}
    optimiser.clipping = Clipping(Clip("norm", limit), tensors)
    return optimiser


def weight(count: int = 1) -> Tensor:
    return torch.zeros(count, dtype=torch.float64).requires_grad_()


def test_decay_is_added_after_the_limit() -> None:
    w = torch.full((1,), 10.0, dtype=torch.float64).requires_grad_()
    step(sgd(Group((w,), 0.1, 0.0, 0.5)), [4.0])
    assert w.item() == pytest.approx(10 - 0.1 * (1 + 0.5 * 10))


def test_layers_with_a_rate_of_zero_do_not_count() -> None:
    """Of (3) and (4), only 3 counts, whose norm is within the limit of 3.5; together they would be scaled by 0.7."""
    for rate, scale in ((0.0, 1.0), (1.0, 0.0)):
        moving, still = weight(), weight()
        optimiser = sgd(Group((moving,), 1.0, 0.0, 0.0), Group((still,), rate, 0.0, 0.0), limit=3.5)
        optimiser.scales = (Scale(1.0), Scale(scale))
        step(optimiser, [3.0], [4.0])
        assert (moving.item(), still.item()) == (-3.0, 0.0)
    both = weight(), weight()
    step(sgd(Group(both, 1.0, 0.0, 0.0), limit=3.5), [3.0], [4.0])
    assert [w.item() for w in both] == pytest.approx([-2.1, -2.8])


def test_parts_of_a_batch_are_limited_by_what_is_updated_together() -> None:
    """After the first of two parts only ``early`` is updated: its mean gradient 6 becomes 5. After the second, its 6
    and the 8 of the whole batch for ``late`` have a norm of 10, and are halved."""
    early, late = weight(), weight()
    optimiser = sgd(Group((early,), 1.0, 0.0, 0.0, update_every=1), Group((late,), 1.0, 0.0, 0.0), limit=5)
    for done in (1, 2):
        early.grad = torch.full_like(early, 3.0)  # of a half of the images
        late.grad = torch.full_like(late, 4.0 * done)
        optimiser.step(BatchProgress((4, 4), done))
        assert (early.item(), late.item()) == ((-5, 0) if done == 1 else (-8, -4))


def test_devices_add_up_what_they_hold_and_count_copies_once() -> None:
    """This device holds a copy of ``w0`` that another one has too, and ``w1`` alone; the others' share is 119."""
    asked = []

    def total(own: Tensor) -> Tensor:
        asked.append(own.item())
        return own + 119

    given = parameters([4.0, 0.0], [3.0, 4.0])
    devices = Devices(torch.device("cpu"), {"w0": 2, "w1": 1}.__getitem__, total)
    Clipping(Clip("norm", 6.0), given, devices)(list(given.values()))
    assert asked == [25 + 16 / 2]
    factor = 6 / math.sqrt(152)
    assert given["w1"].grad.tolist() == pytest.approx([3 * factor, 4 * factor])  # type: ignore[union-attr]


def test_device_without_parameters_takes_part_in_the_sum() -> None:
    asked = []
    devices = Devices(torch.device("cpu"), {}.__getitem__, lambda own: asked.append(own) or own)  # type: ignore[func-returns-value]
    everywhere = {
        key: Parameter(key, key, "weight", (1,), Constant(0.0), 1.0, 0.0, 0.0, update_every=every)
        for key, every in (("a", 1), ("b", None))
    }
    train = Train(clip_gradients=Clip("norm", 1.0))
    optimiser = optimiser_for({}, {}, train=train, everywhere=everywhere, devices=devices)
    optimiser.step(BatchProgress((2, 2), 1)), optimiser.step(BatchProgress((2, 2), 2))
    assert [x.item() for x in asked] == [0, 0]


SPEC = """
[image] input 3x8x8
[c] conv filters=4 kernel=3 init=gaussian(0.5)
[f] fc outputs=3 init=gaussian(0.5) {}
train batch=8 clip_gradients=norm(0.1) optimizer={}
"""
RULES = (
    "sgd(lr=0.1)",
    "sgd(lr=0.1, nesterov=yes)",
    "adam(lr=0.1)",
    "rmsprop(lr=0.1, momentum=0.9)",
    "adagrad(lr=0.1)",
    "lars(lr=0.1)",
)


def first_step(graph: Graph, *, fused: bool = False) -> dict[str, Tensor]:
    objective = build(graph, seed=1, device="cpu")
    optimiser = optimiser_of(graph, objective.module, fused=fused)
    generator = torch.Generator().manual_seed(1)
    images, labels = torch.randn(8, 3, 8, 8, generator=generator), torch.arange(8) % 3
    objective.gradients(images, labels, 0, 0, optimiser.step)
    return {key: x.clone() for key, x in objective.module.state_dict().items()}


@pytest.mark.parametrize("rule", RULES)
def test_trainer_limits_the_gradients_of_every_rule(rule: str) -> None:
    graph = valid_net(SPEC.format("", rule)).graph
    objective = build(graph, seed=1, device="cpu")
    generator = torch.Generator().manual_seed(1)
    images, labels = torch.randn(8, 3, 8, 8, generator=generator), torch.arange(8) % 3
    objective.gradients(images, labels, 0, 0)
    torch.nn.utils.clip_grad_norm_(objective.module.parameters(), 0.1)
    optimiser_of(replace(graph, train=replace(graph.train, clip_gradients=None)), objective.module).step()
    for fused in (False, True):
        for key, w in first_step(graph, fused=fused).items():
            torch.testing.assert_close(w, objective.module.state_dict()[key], rtol=1e-4, atol=1e-5)

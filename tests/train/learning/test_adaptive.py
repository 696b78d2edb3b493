"""LARS and LAMB: their algorithms restated in numpy, by hand, and the norms of parameters on several devices."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

import netspec
from netspec.ir.distribution import Constant
from netspec.ir.graph import Parameter
from netspec.ir.ops.base import Role
from netspec.ir.rules import Lamb, Lars, UpdateRule
from netspec.ir.settings import Train
from netspec.passes.optimiser_state import adapts
from netspec.train.learning.norms import Devices, Norms
from netspec.train.learning.optimiser import optimiser_for

Array = NDArray[np.float64]
Update = Callable[[Array, Array, bool], Array]
SHAPES: dict[str, tuple[Role, tuple[int, ...]]] = {
    "a.weight": ("weight", (4, 3, 2, 2)), "a.bias": ("bias", (4,)), "n.weight": ("weight", (4,)),
    "l.bias": ("bias", (4, 2, 2)), "b.weight": ("weight", (5, 16)),
}  # fmt: skip
ADAPTED = ("a.weight", "b.weight")


def parameter(key: str, decay: float = 0.01) -> Parameter:
    role, shape = SHAPES[key]
    return Parameter(key, key[0], role, shape, Constant(0.0), 2.0, 0.9, decay)


def lars(velocity: Array, rate: float, trust: float, eps: float, decay: float) -> Update:
    """Algorithm 1 of You, Gitman & Ginsburg (2017) for one array, whose velocity it changes."""

    def update(w: Array, g: Array, adapted: bool) -> Array:
        weight, gradient = np.linalg.norm(w), np.linalg.norm(g)
        local = trust * weight / (gradient + decay * weight + eps) if adapted and weight > 0 and gradient > 0 else 1.0
        velocity[:] = 0.9 * velocity + rate * local * (g + decay * w)
        return w - velocity

    return update


@pytest.mark.parametrize("adapt", ["weights", "all"])
def test_lars_is_the_papers_algorithm_while_the_rate_falls(adapt: str) -> None:
    rule = Lars(0.9, 0.02, 1e-8, "all" if adapt == "all" else "weights")
    start = {key: np.random.default_rng(1).normal(size=shape) for key, (_, shape) in SHAPES.items()}
    start["a.bias"] = np.zeros(4)  # its ratio is 1 at first
    tensors = {key: torch.tensor(w).requires_grad_() for key, w in start.items()}
    own = optimiser_for({key: parameter(key) for key in SHAPES}, tensors, train=Train(rule=rule))
    velocities, rng = {key: np.zeros_like(w) for key, w in start.items()}, np.random.default_rng(2)
    for step in range(20):
        own.factor = (1 - step / 20) ** 2
        for key, w in tensors.items():
            g = rng.normal(size=w.shape) * 10.0 ** rng.integers(-4, 3)
            w.grad = torch.tensor(g)
            update = lars(velocities[key], 2.0 * own.factor, 0.02, 1e-8, 0.01)
            start[key] = update(start[key], g, adapt == "all" or key in ADAPTED)
        own.step()
    for key, w in tensors.items():
        np.testing.assert_allclose(w.detach().numpy(), start[key], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("decay", [0.0, 0.01])
@pytest.mark.parametrize("adapt", ["weights", "all"])
def test_lamb_is_the_papers_algorithm_while_the_rate_changes(adapt: str, decay: float) -> None:
    """Algorithm 2 of You et al. (2020), without bounds of the weights' norm."""
    rule = Lamb(0.8, 0.95, 1e-6, "all" if adapt == "all" else "weights")
    start = {key: np.random.default_rng(1).normal(size=shape) for key, (_, shape) in SHAPES.items()}
    tensors = {key: torch.tensor(w).requires_grad_() for key, w in start.items()}
    own = optimiser_for({key: parameter(key, decay) for key in SHAPES}, tensors, train=Train(rule=rule))
    means, squares = ({key: np.zeros_like(w) for key, w in start.items()} for _ in range(2))
    rng = np.random.default_rng(2)
    for t in range(1, 21):
        own.factor = 0.9**t
        for key, w in tensors.items():
            g = rng.normal(size=w.shape) * 10.0 ** rng.integers(-4, 3)
            w.grad = torch.tensor(g)
            means[key] = 0.8 * means[key] + 0.2 * g
            squares[key] = 0.95 * squares[key] + 0.05 * g * g
            r = (means[key] / (1 - 0.8**t)) / (np.sqrt(squares[key] / (1 - 0.95**t)) + 1e-6) + decay * start[key]
            ratio = np.linalg.norm(start[key]) / np.linalg.norm(r) if adapt == "all" or key in ADAPTED else 1.0
            start[key] = start[key] - 2.0 * own.factor * ratio * r
        own.step()
    for key, w in tensors.items():
        np.testing.assert_allclose(w.detach().numpy(), start[key], rtol=1e-11, atol=1e-12)


def one_step(rule: UpdateRule, weight: list[float], gradient: list[float], decay: float = 0.0) -> list[float]:
    w = torch.tensor([weight], dtype=torch.float64).requires_grad_()
    w.grad = torch.tensor([gradient], dtype=torch.float64)
    each = Parameter("w", "w", "weight", (1, len(weight)), Constant(0.0), 1.0, 0.0, decay)
    optimiser_for({"w": each}, {"w": w}, train=Train(rule=rule)).step()
    (row,) = w.tolist()
    return list(row)


def test_first_steps_by_hand() -> None:
    """|w| = 5 and |g| = 13: with a decay of 0.4 the ratio of LARS is 0.5 * 5 / (13 + 0.4 * 5) = 1/6, and the step a
    sixth of (5 + 1.2, 12 + 1.6). LAMB's first u is the signs (1, 1), and its ratio 5 / sqrt(2)."""
    rule = Lars(0.0, 0.5, 1e-300)
    assert one_step(rule, [3, 4], [5, 12], 0.4) == pytest.approx([3 - 6.2 / 6, 4 - 13.6 / 6], rel=1e-14)
    assert one_step(rule, [0, 0], [5, 12], 0.4) == [-5, -12]  # a norm of 0: a ratio of 1
    assert one_step(rule, [3, 4], [0, 0], 0.5) == [1.5, 2]
    ratio = 5 / 2**0.5
    assert one_step(Lamb(eps=1e-300), [3, 4], [5, 12]) == pytest.approx([3 - ratio, 4 - ratio], rel=1e-14)
    assert one_step(Lamb(eps=1e-300), [0, 0], [5, 12]) == pytest.approx([-1, -1], rel=1e-14)
    assert one_step(Lamb(), [3, 4], [0, 0]) == [3, 4]


def test_adapted_are_weights_of_connections_unless_all_are() -> None:
    text = "[i] input 3x8x8\n[c] conv filters=4 kernel=3 \n[r] prelu\n[n] batchnorm\n[l] local filters=4 kernel=3\n"
    graph = netspec.loads(f"{text}[f] fc outputs=2\n").graph
    found = {key for key, p in graph.parameters.items() if adapts(Lars(), p)}
    assert found == {"c.weight", "l.weight", "f.weight"} < set(graph.parameters)
    assert all(adapts(Lamb(adapt="all"), p) for p in graph.parameters.values())


def test_norms_are_those_of_whole_parameters_on_several_devices() -> None:
    """Two devices hold half of ``a`` each, both all of ``b``, and only the second has ``c``; ``d`` does not move."""
    whole = {key: torch.randn(4, 6, dtype=torch.float64) for key in "abcd"}
    held = [
        {"a": whole["a"][:2], "b": whole["b"], "d": whole["d"][:1]},
        {"a": whole["a"][2:], "b": whole["b"].clone(), "c": whole["c"], "d": whole["d"][1:]},
    ]
    given: list[Tensor] = []

    def norms(number: int, total: Callable[[Tensor], Tensor]) -> Tensor:
        devices = Devices(torch.device("cpu"), lambda key: 2 if key == "b" else 1, total)
        moving = {w: (w, 3 * w) for key, w in held[number].items() if key != "d"}
        return Norms("abcd", held[number], devices)(moving)

    for number in range(2):
        norms(number, lambda x: given.append(x) or x)  # type: ignore[func-returns-value]
    for number, keys in enumerate(("ab", "abc")):
        found = norms(number, lambda x: sum(given, torch.zeros_like(x)))
        expected = [[whole[key].norm().item(), 3 * whole[key].norm().item()] for key in keys]
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-14)
    assert Norms((), {})({}).shape == (0, 2)

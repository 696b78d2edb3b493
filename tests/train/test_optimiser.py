"""The paper's rule, by hand, and where PyTorch's own SGD parts from it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from netspec.ir.distribution import Constant
from netspec.ir.graph import Parameter
from netspec.train.learning.optimiser import Group, PaperSGD, optimiser_for


def weight(value: float) -> Tensor:
    return torch.nn.Parameter(torch.tensor([value], dtype=torch.float64))


def test_three_steps_by_hand() -> None:
    """lr 0.1, momentum 0.9, decay 0.5, the gradient always 2; the rate falls to a tenth before the third step.

    v1 = -0.5*0.1*1 - 0.1*2 = -0.25                        w1 = 0.75
    v2 = 0.9*-0.25 - 0.5*0.1*0.75 - 0.1*2 = -0.4625        w2 = 0.2875
    v3 = 0.9*-0.4625 - 0.5*0.01*0.2875 - 0.01*2 = -0.4376875   w3 = -0.1501875
    """
    w = weight(1.0)
    sgd = PaperSGD([Group((w,), 0.1, 0.9, 0.5)])
    seen = []
    for factor in (1.0, 1.0, 0.1):
        sgd.factor = factor
        w.grad = torch.full_like(w, 2.0)
        sgd.step()
        seen.append((sgd.velocity[w].item(), w.item()))
    assert seen == [
        pytest.approx((-0.25, 0.75), rel=1e-14),
        pytest.approx((-0.4625, 0.2875), rel=1e-14),
        pytest.approx((-0.4376875, -0.1501875), rel=1e-14),
    ]


def test_the_papers_numbers_by_hand() -> None:
    """v <- 0.9 v - 0.0005 lr w - lr g at lr 0.01, the gradient always 2; a tenth of the rate in the third step.

    v1 = -0.000005 - 0.02 = -0.020005                                w1 = 0.979995
    v2 = -0.0180045 - 0.000004899975 - 0.02 = -0.038009399975        w2 = 0.941985600025
    v3 = -0.0342084599775 - 0.0000004709928000125 - 0.002            w3 = w2 + v3
    """
    w = weight(1.0)
    sgd = PaperSGD([Group((w,), 0.01, 0.9, 0.0005)])
    seen = []
    for factor in (1.0, 1.0, 0.1):
        sgd.factor = factor
        w.grad = torch.full_like(w, 2.0)
        sgd.step()
        seen.append(w.item())
    assert seen == pytest.approx([0.979995, 0.941985600025, 0.941985600025 - 0.0362089309703000125], rel=1e-14)


def test_agrees_with_torch_until_the_rate_changes() -> None:
    ours, theirs = weight(1.0), weight(1.0)
    sgd = PaperSGD([Group((ours,), 0.1, 0.9, 0.01)])
    peer = torch.optim.SGD([theirs], lr=0.1, momentum=0.9, weight_decay=0.01)
    for step in range(4):
        if step == 3:
            assert ours.item() == pytest.approx(theirs.item(), rel=1e-12)
            sgd.factor = 0.1
            peer.param_groups[0]["lr"] *= 0.1
        for w in (ours, theirs):
            w.grad = 3 * w.detach()
        sgd.step()
        peer.step()
    assert ours.item() != pytest.approx(theirs.item(), rel=1e-3)


def test_every_parameter_has_its_own_numbers() -> None:
    numbers = {"a.weight": (0.1, 0.9, 0.5), "a.bias": (0.2, 0.0, 0.0), "b.weight": (0.1, 0.9, 0.5)}
    parameters = {
        key: Parameter(key, key[0], "weight", (1,), Constant(0.0), lr, momentum, decay)
        for key, (lr, momentum, decay) in numbers.items()
    }
    tensors = {key: weight(1.0) for key in numbers}
    sgd = optimiser_for(parameters, tensors)
    assert len(sgd.groups) == 2
    for w in tensors.values():
        w.grad = torch.ones_like(w)
    sgd.step()
    assert {key: w.item() for key, w in tensors.items()} == pytest.approx(
        {"a.weight": 1 - 0.1 * 1 - 0.5 * 0.1 * 1, "a.bias": 0.8, "b.weight": 0.85}
    )


def test_a_tensor_without_a_gradient_stays() -> None:
    still, moved = weight(1.0), weight(1.0)
    sgd = PaperSGD(
        [
            Group(
                (
                    still,
                    moved,
                ),
                0.1,
                0.9,
                0.5,
            )
        ]
    )
    moved.grad = torch.ones_like(moved)
    sgd.step()
    assert still.item() == 1.0
    assert moved.item() == pytest.approx(0.85)

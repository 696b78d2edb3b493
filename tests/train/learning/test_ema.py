"""The moving average of the weights, compared with numbers computed by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from netspec.train.learning.ema import Average


class OneWeight(nn.Module):
    """A module with a weight, a running statistic and a counter."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([value], dtype=torch.float64))
        self.register_buffer("mean", torch.tensor([value], dtype=torch.float64))
        self.register_buffer("count", torch.tensor(0))

    def set(self, value: float) -> None:
        self.w.data.fill_(value)
        self.mean.fill_(value)
        self.count += 1


def averaged(average: Average) -> tuple[float, float, int]:
    found = average.state_dict()["weights"]
    return found["w"].item(), found["mean"].item(), found["count"].item()


def test_four_updates_by_hand() -> None:
    """The decay is min(0.25, (1 + t) / (10 + t)): 1/10, 2/11, 3/12, and 0.25 instead of 4/13.

    a1 = 0.1 * 1 + 0.9 * 2 = 1.9
    a2 = 2/11 * 1.9 + 9/11 * 3 = 2.8
    a3 = 0.25 * 2.8 + 0.75 * 4 = 3.7
    a4 = 0.25 * 3.7 + 0.75 * 5 = 4.675
    """
    module = OneWeight(1.0)
    average = Average(module, 0.25)
    averages = []
    for value in (2.0, 3.0, 4.0, 5.0):
        module.set(value)
        average.update()
        averages.append(averaged(average)[0])
    assert averages == pytest.approx([1.9, 2.8, 3.7, 4.675], rel=1e-14)
    assert averaged(average) == pytest.approx((4.675, 4.675, 4), rel=1e-14)
    assert (module.w.item(), module.count.item()) == (5.0, 4)


def test_in_place_swaps_the_average_and_the_weights() -> None:
    module = OneWeight(1.0)
    average = Average(module, 0.5)
    module.set(2.0)
    average.update()
    with average.in_place():
        assert module.w.item() == pytest.approx(1.9)
        assert averaged(average)[0] == 2.0
    assert (module.w.item(), averaged(average)[0]) == (2.0, pytest.approx(1.9))
    with pytest.raises(RuntimeError), average.in_place():
        raise RuntimeError
    assert module.w.item() == 2.0


def test_average_continues_from_its_saved_state() -> None:
    module = OneWeight(1.0)
    first = Average(module, 0.999)
    for value in (2.0, 3.0):
        module.set(value)
        first.update()
    second = Average(OneWeight(0.0), 0.999)
    second.load_state_dict(first.state_dict())
    assert averaged(second) == averaged(first)
    assert second.updates == 2

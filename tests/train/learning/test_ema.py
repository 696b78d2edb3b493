"""The moving average of the weights, against numbers worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from netspec.train.learning.ema import Average


class One(nn.Module):
    """A weight, a running statistic and a counter."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([value], dtype=torch.float64))
        self.register_buffer("mean", torch.tensor([value], dtype=torch.float64))
        self.register_buffer("count", torch.tensor(0))

    def set(self, value: float) -> None:
        self.w.data.fill_(value)
        self.mean.fill_(value)
        self.count += 1


def averages(average: Average) -> tuple[float, float, int]:
    found = average.state_dict()["weights"]
    return found["w"].item(), found["mean"].item(), found["count"].item()


def test_four_updates_by_hand() -> None:
    """decay 0.25 at most: (1 + t) / (10 + t) is 1/10, 2/11, 3/12 and 4/13, of which the last is cut to 0.25.

    a1 = 0.1 * 1 + 0.9 * 2 = 1.9
    a2 = 2/11 * 1.9 + 9/11 * 3 = 2.8
    a3 = 0.25 * 2.8 + 0.75 * 4 = 3.7
    a4 = 0.25 * 3.7 + 0.75 * 5 = 4.675
    """
    module = One(1.0)
    average = Average(module, 0.25)
    seen = []
    for value in (2.0, 3.0, 4.0, 5.0):
        module.set(value)
        average.update()
        seen.append(averages(average)[0])
    assert seen == pytest.approx([1.9, 2.8, 3.7, 4.675], rel=1e-14)
    assert averages(average) == pytest.approx((4.675, 4.675, 4), rel=1e-14)
    assert (module.w.item(), module.count.item()) == (5.0, 4)


def test_it_takes_the_place_of_the_weights_and_gives_it_back() -> None:
    module = One(1.0)
    average = Average(module, 0.5)
    module.set(2.0)
    average.update()
    with average.in_place():
        assert module.w.item() == pytest.approx(1.9)
        assert averages(average)[0] == 2.0
    assert (module.w.item(), averages(average)[0]) == (2.0, pytest.approx(1.9))
    with pytest.raises(RuntimeError), average.in_place():
        raise RuntimeError
    assert module.w.item() == 2.0


def test_it_goes_on_from_what_was_saved() -> None:
    module = One(1.0)
    first = Average(module, 0.999)
    for value in (2.0, 3.0):
        module.set(value)
        first.update()
    second = Average(One(0.0), 0.999)
    second.load_state_dict(first.state_dict())
    assert averages(second) == averages(first)
    assert second.updates == 2

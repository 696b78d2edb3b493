"""Top-1, top-5 and the mean loss, on scores written by hand."""

from __future__ import annotations

import math

import pytest
import torch
from building import Builder
from torch import Tensor, nn

from netspec.ir.graph import Graph
from netspec.ir.ops import Linear
from netspec.train.learning.objective import Objective, build
from netspec.train.learning.validation import Evaluation, count_hits, evaluate


def graph(classes: int) -> Graph:
    builder = Builder()
    builder.add("fc", Linear(classes), builder.input(classes))
    return builder.graph()


def same(classes: int) -> Objective:
    """A network whose scores are its input."""
    objective = build(graph(classes), seed=0, device="cpu")
    objective.module.load_state_dict({"fc.weight": torch.eye(classes), "fc.bias": torch.zeros(classes)})
    return objective


def at_place(place: int) -> Tensor:
    """Seven scores in which class 0 is at this place (from 1): the others have 6, 5, 4, 3, 2, 1."""
    return torch.tensor([7.5 - place, 6, 5, 4, 3, 2, 1])


@pytest.mark.parametrize(("place", "expected"), [(1, [1, 1]), (2, [0, 1]), (5, [0, 1]), (6, [0, 0]), (7, [0, 0])])
def test_the_place_of_the_right_class(place: int, expected: list[int]) -> None:
    assert count_hits(at_place(place)[None], torch.tensor([0])).tolist() == expected


def test_a_tie_is_never_in_favour() -> None:
    assert count_hits(torch.zeros(1, 7), torch.tensor([0])).tolist() == [0, 0]
    assert count_hits(torch.zeros(1, 3), torch.tensor([0])).tolist() == [0, 1]


def test_no_number_is_never_right() -> None:
    assert count_hits(torch.full((1, 3), math.nan), torch.tensor([0])).tolist() == [0, 0]


def test_batches_of_different_sizes_count_by_their_images() -> None:
    """Three images whose losses are log(2) and one whose loss is log(1 + e^3): the mean is over images."""
    batches = [(torch.zeros(3, 2), torch.zeros(3, dtype=torch.int64)), (torch.tensor([[0.0, 3.0]]), torch.tensor([0]))]
    found = evaluate(same(2), batches)
    assert found == Evaluation(4, pytest.approx((3 * math.log(2) + math.log(1 + math.e**3)) / 4), 0.0, 1.0)


def test_the_mode_of_the_module_is_restored() -> None:
    objective = same(2)
    modes: list[bool] = []

    def watch(module: nn.Module, inputs: object) -> None:
        modes.append(module.training)

    objective.module.get_submodule("fc").register_forward_pre_hook(watch)
    batch = (torch.zeros(1, 2), torch.tensor([0]))
    for training in (True, False):
        objective.module.train(training)
        evaluate(objective, [batch])
        assert objective.module.training is training
    assert modes == [False, False]


def test_no_images_no_evaluation() -> None:
    assert evaluate(same(2), []) is None

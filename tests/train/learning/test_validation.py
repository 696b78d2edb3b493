"""Top-1, top-5 and the mean loss of scores chosen by hand."""

from __future__ import annotations

import math

import pytest
import torch
from building import Builder
from torch import Tensor, nn

from netspec.ir.graph import Graph
from netspec.ir.ops import Linear
from netspec.train.learning.objective import Objective, build
from netspec.train.learning.validation import ImageEvaluation, count_hits, evaluate


def graph(classes: int) -> Graph:
    builder = Builder()
    builder.add("fc", Linear(classes), builder.input(classes))
    return builder.graph()


def identity(classes: int) -> Objective:
    """Return a network whose scores are its input."""
    objective = build(graph(classes), seed=0, device="cpu")
    objective.module.load_state_dict({"fc.weight": torch.eye(classes), "fc.bias": torch.zeros(classes)})
    return objective


def scores_with_rank(rank: int) -> Tensor:
    """Return seven scores of which that of class 0 has this rank, counted from 1. The others are 6, 5, 4, 3, 2, 1."""
    return torch.tensor([7.5 - rank, 6, 5, 4, 3, 2, 1])


@pytest.mark.parametrize(("rank", "expected"), [(1, [1, 1]), (2, [0, 1]), (5, [0, 1]), (6, [0, 0]), (7, [0, 0])])
def test_top1_and_top5_by_rank_of_the_right_class(rank: int, expected: list[int]) -> None:
    assert count_hits(scores_with_rank(rank)[None], torch.tensor([0])).tolist() == expected


def test_tie_counts_as_wrong() -> None:
    assert count_hits(torch.zeros(1, 7), torch.tensor([0])).tolist() == [0, 0]
    assert count_hits(torch.zeros(1, 3), torch.tensor([0])).tolist() == [0, 1]


def test_nan_scores_count_as_wrong() -> None:
    assert count_hits(torch.full((1, 3), math.nan), torch.tensor([0])).tolist() == [0, 0]


def test_batches_of_different_sizes_are_weighted_by_their_images() -> None:
    """Three images have a loss of log(2), and one of log(1 + e^3)."""
    batches = [(torch.zeros(3, 2), torch.zeros(3, dtype=torch.int64)), (torch.tensor([[0.0, 3.0]]), torch.tensor([0]))]
    found = evaluate(identity(2), batches)
    assert found == ImageEvaluation(4, pytest.approx((3 * math.log(2) + math.log(1 + math.e**3)) / 4), 0.0, 1.0)


def test_training_mode_is_restored() -> None:
    objective = identity(2)
    modes: list[bool] = []

    def note_mode(module: nn.Module, inputs: object) -> None:
        modes.append(module.training)

    objective.module.get_submodule("fc").register_forward_pre_hook(note_mode)
    batch = (torch.zeros(1, 2), torch.tensor([0]))
    for training in (True, False):
        objective.module.train(training)
        evaluate(objective, [batch])
        assert objective.module.training is training
    assert modes == [False, False]


def test_evaluation_without_images_is_none() -> None:
    assert evaluate(identity(2), []) is None

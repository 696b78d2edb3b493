"""Differences between records of training steps, and what counts as rounding."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from netspec.train.processes.differences import Comparison, Difference, Number, difference


def record(loss: float = 1.0, **tensors: float) -> dict[str, Any]:
    """A record of one step in which all tensors have one number."""
    numbers = {("held", name): torch.tensor([x], dtype=torch.float64) for name, x in tensors.items()}
    return {"losses": [loss], "gradients": numbers, "first": numbers, "last": numbers}


@pytest.mark.parametrize(
    "wrong", [record(math.nan, a=1.0, b=1.0), record(1.0, a=math.nan, b=1.0), record(1.0, a=1.0, b=math.nan)]
)
def test_what_is_not_a_number_is_not_the_same(wrong: dict[str, Any]) -> None:
    found = difference(wrong, wrong, "float64")
    assert math.isnan(found.largest)
    assert not Comparison(found, "float64").same


def test_largest_difference_is_named() -> None:
    found = difference(record(1.0, a=1.0, b=2.0, c=3.0), record(1.0, a=1.0, b=2.5, c=3.0), "float64")
    assert found == Difference(0.0, 0.25, 0.25, 0.25, "b")


def test_tensors_of_different_kinds_have_no_common_scale() -> None:
    """Compared with the largest weight, no velocity would matter."""
    one, other = ({("held", "w"): torch.tensor([1e6]), ("velocities", "w"): torch.tensor([x])} for x in (1.0, 1.25))
    records = [{"losses": [1.0], "gradients": {}, "first": {}, "last": tensors} for tensors in (one, other)]
    assert difference(*records, "float64") == Difference(0.0, 0.0, 0.0, 0.25, "velocity of w")


@pytest.mark.parametrize(
    ("number", "largest", "rounding", "same", "like_rounding"),
    [
        ("float64", 1e-11, None, True, False),
        ("float64", 1e-11, 1e-9, True, False),
        ("float64", 2e-10, 1e-15, False, False),
        ("float64", 2e-10, 1e-11, False, False),
        ("float64", 2e-10, 3e-11, True, True),
        ("float64", 9e-7, 1e-6, True, True),
        ("float64", 2e-6, 1e-6, False, True),
        ("float64", math.inf, 1e-3, False, False),
        ("float64", math.nan, 1e-3, False, False),
        ("float32", 9e-4, 1e-2, True, False),
        ("float32", 2e-3, 1e-2, False, True),
    ],
)
def test_amplified_rounding_passes_up_to_a_limit(
    number: Number, largest: float, rounding: float | None, same: bool, like_rounding: bool
) -> None:
    found = Comparison(Difference(0.0, largest, 0.0, 0.0, "w"), number, rounding)
    assert (found.same, found.like_rounding) == (same, like_rounding)

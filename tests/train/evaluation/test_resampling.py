"""Interpolating maps of scores, against PyTorch's ``interpolate``."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from netspec.train.evaluation.masks.resampling import centres, interpolated, points_at

SIDE = st.integers(1, 9)


@given(height=SIDE, width=SIDE, rows=SIDE, columns=SIDE)
def test_centres_are_those_of_interpolate(height: int, width: int, rows: int, columns: int) -> None:
    maps = torch.randn(2, height, width, generator=torch.Generator().manual_seed(0))
    here = interpolated(maps, centres(rows, height), centres(columns, width))
    there = F.interpolate(maps[None], (rows, columns), mode="bilinear", align_corners=False)[0]
    assert torch.allclose(here, there, rtol=1e-5, atol=1e-5)


def test_points_by_hand() -> None:
    """A quarter of the way from the second unit to the third; and beyond both ends."""
    points = points_at(np.array([1.25, -3.0, 2.5]), 3)
    maps = torch.tensor([[[0.0, 10.0, 20.0]]])
    assert interpolated(maps, points_at(np.zeros(1), 1), points).tolist() == [[[12.5, 0.0, 20.0]]]
    assert interpolated(maps, points_at(np.zeros(1), 1), points.part(slice(1, 2))).tolist() == [[[0.0]]]


def test_a_map_of_the_same_size_keeps_its_bits() -> None:
    maps = torch.tensor([[[1e-30, 3.0], [float("-inf"), 0.1]]])
    assert torch.equal(interpolated(maps, centres(2, 2), centres(2, 2)), maps)

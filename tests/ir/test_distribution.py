"""Fixed initial values, by hand."""

from __future__ import annotations

from netspec.ir.distribution import Bilinear


def test_bilinear_weights_and_their_mean_square_by_hand() -> None:
    """Rows have the factors 1/4, 3/4, 3/4 and 1/4, columns 1/2, 1 and 1/2: mean squares 5/16 and 1/2."""
    weights = Bilinear((4, 3))
    assert weights.values == [[0.125, 0.25, 0.125], [0.375, 0.75, 0.375], [0.375, 0.75, 0.375], [0.125, 0.25, 0.125]]
    assert weights.mean_square == 5 / 32

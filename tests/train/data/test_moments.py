"""Sums over images, compared with sums of Python integers."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from netspec.train.data.moments import SAMPLE, Moments, sample_indices, statistics
from netspec.train.data.splits import Frame, Pixels


@given(arrays(np.uint8, array_shapes(min_dims=4, max_dims=4, max_side=5)))
def test_sums_are_exact(images: Pixels) -> None:
    moments, integers = Moments.from_pixels(images), images.astype(object)
    assert moments.images == len(images)
    assert moments.total.tolist() == integers.sum(axis=0).tolist()
    channels = range(images.shape[1])
    products = {(i, j): (integers[:, i] * integers[:, j]).sum() for i, j in product(channels, channels)}
    assert {place: moments.products[place] for place in products} == products


def test_sums_of_white_images_do_not_overflow() -> None:
    """65,025 for each of 2 x 300 x 300 pixels needs more than 32 bits."""
    moments = Moments.from_pixels(np.full((2, 3, 300, 300), 255, np.uint8))
    assert moments.products.tolist() == [[11_704_500_000] * 3] * 3
    assert (moments.total == 510).all()


@given(arrays(np.uint8, (6, 2, 3, 3)), st.integers(0, 6))
def test_sums_do_not_depend_on_how_images_are_grouped(images: Pixels, cut: int) -> None:
    whole, parts = (
        Moments.from_pixels(images),
        Moments.from_pixels(images[:cut]) + Moments.from_pixels(images[cut:]),
    )
    assert parts.images == whole.images
    assert parts.total.tolist() == whole.total.tolist()
    assert parts.products.tolist() == whole.products.tolist()


def test_mean_and_principal_components_by_hand() -> None:
    """Two pixels of two channels, (0, 0) and (6, 8), have the mean (3, 4) and one principal component along (0.6, 0.8),
    with a standard deviation of 5."""
    measured = statistics(Moments.from_pixels(np.array([[[[0, 6]], [[0, 8]]]], np.uint8)))
    assert (measured.images, measured.channel_mean.tolist()) == (1, [3.0, 4.0])
    assert np.abs(measured.axes[:, 0]) == pytest.approx([0.0, 0.0], abs=1e-6)
    assert measured.axes[:, 1] == pytest.approx([3.0, 4.0])


def test_statistics_of_no_images_are_zero() -> None:
    measured = statistics(Moments.zero(Frame(3, 2, 2)))
    assert (measured.images, measured.mean.any(), measured.axes.any()) == (0, False, False)


def test_large_set_is_measured_on_a_sample() -> None:
    assert sample_indices(5).tolist() == [0, 1, 2, 3, 4]
    places = sample_indices(3 * SAMPLE)
    assert (len(places), places[0], places[-1]) == (SAMPLE, 0, 3 * SAMPLE - 1)

"""The reference's operations on channels, by hand."""

from __future__ import annotations

import numpy as np
from by_hand import assert_close, gradient, value
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.ops import ChannelMax, ChannelMean, Concat, PixelShuffle, PixelUnshuffle, Shuffle, Slice

ROW = [[0, 1, 2, 3, 4, 5]]


def test_slice_takes_channels_and_gives_the_others_no_gradient() -> None:
    image = np.arange(8).reshape(1, 4, 1, 2)
    assert_close(value(Slice(1, 2), image), [[[[2, 3]], [[4, 5]]]])
    assert_close(value(Slice(2, 4, groups=2), ROW), [[1, 2, 4, 5]])
    assert_close(gradient(Slice(1, 2), ROW, seed=[[7, 8]]).inputs[0], [[0, 7, 8, 0, 0, 0]])
    assert_close(gradient(Slice(2, 2, groups=2), ROW, seed=[[7, 8]]).inputs[0], [[0, 7, 0, 0, 8, 0]])


def test_shuffle_takes_the_first_of_each_group_then_the_second() -> None:
    """Zhang et al. (2018), figure 1 (c): two channels of each of three groups."""
    assert_close(value(Shuffle(3), ROW), [[0, 2, 4, 1, 3, 5]])
    assert_close(value(Shuffle(2), ROW), [[0, 3, 1, 4, 2, 5]])
    assert_close(value(Shuffle(2, shares=2), [[0, 1, 2, 3, 4, 5, 6, 7]]), [[0, 2, 1, 3, 4, 6, 5, 7]])
    assert_close(gradient(Shuffle(3), ROW, seed=ROW).inputs[0], [[0, 3, 1, 4, 2, 5]])


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))
def test_shuffle_is_undone_by_as_many_groups_as_channels_of_a_group(groups: int, each: int, shares: int) -> None:
    x = np.arange(groups * each * shares)[None]
    assert_close(value(Shuffle(each, shares), value(Shuffle(groups, shares), x)), x)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_slices_undo_a_concat(groups: int, left: int, right: int) -> None:
    a, b = np.arange(left * groups)[None], -np.arange(right * groups)[None]
    both = value(Concat(groups), a, b)
    assert_close(value(Slice(0, left * groups, groups), both), a)
    assert_close(value(Slice(left * groups, right * groups, groups), both), b)


def test_pixel_shuffle_makes_squares_of_channels() -> None:
    """Four channels of two pixels, to one of two squares, row by row."""
    channels, squares = [[[[0, 1]], [[2, 3]], [[4, 5]], [[6, 7]]]], [[[[0, 2, 1, 3], [4, 6, 5, 7]]]]
    assert_close(value(PixelShuffle(2), channels), squares)
    assert_close(value(PixelUnshuffle(2), squares), channels)
    assert_close(gradient(PixelShuffle(2), channels, seed=squares).inputs[0], channels)
    assert_close(gradient(PixelUnshuffle(2), squares, seed=channels).inputs[0], squares)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_pixel_unshuffle_undoes_pixel_shuffle(channels: int, factor: int, side: int) -> None:
    x = np.arange(2 * channels * factor**2 * side * 3).reshape(2, channels * factor**2, side, 3)
    assert_close(value(PixelUnshuffle(factor), value(PixelShuffle(factor), x)), x)


def test_reductions_of_channels() -> None:
    image = [[[[1, 2]], [[5, 0]], [[3, 4]], [[3, 6]]]]
    assert_close(value(ChannelMax(), image), [[[[5, 6]]]])
    assert_close(value(ChannelMax(2), image), [[[[5, 2]], [[3, 6]]]])
    assert_close(value(ChannelMean(), image), [[[[3, 3]]]])
    assert_close(value(ChannelMean(2), ROW), [[1, 4]])
    first = gradient(ChannelMax(2), image, seed=[[[[10, 20]], [[30, 40]]]]).inputs[0]
    assert_close(first, [[[[0, 20]], [[10, 0]], [[30, 0]], [[0, 40]]]])  # of the two that are 3, the first
    assert_close(gradient(ChannelMean(2), ROW, seed=[[3, 6]]).inputs[0], [[1, 1, 1, 2, 2, 2]])

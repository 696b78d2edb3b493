"""Which pixels are the labels of a dense network with several losses, worked out by hand, and properties of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec import loads
from netspec.passes.label_grid import Labels, label_grid, label_sizes, labels_of_losses
from netspec.passes.score_grid import ScoreGrid, score_grid

IMAGE = "[image] input 3x12x12\n"
MAIN = "[scores] conv filters=2 kernel=1 inputs={}\n[loss] crossentropy\n"


def side(number: int, reads: str) -> str:
    return f"[side{number}] conv filters=2 kernel=1 inputs={reads}\n[aux{number}] crossentropy\n"


def labels(layers: str) -> Labels:
    return label_grid(loads(IMAGE + layers).graph)


def test_scores_at_the_same_pixels_have_the_same_labels() -> None:
    found = labels("[a] conv filters=4 kernel=3\n" + side(1, "a") + MAIN.format("a"))
    assert found == Labels(ScoreGrid(10, 10, 1, 1, 1, 1), None, {"aux1": None, "loss": None})


def test_scores_in_a_single_row_have_all_of_their_labels() -> None:
    """How far apart rows are says nothing about a single one."""
    found = labels("[a] avgpool kernel=12x6 stride=6\n[scores] conv filters=2 kernel=1\n")
    assert (found.grid.rows, found.grid.columns, found.scores) == (1, 2, None)


def test_an_auxiliary_loss_at_every_second_pixel_takes_these_labels() -> None:
    """10 x 10 pixels from row 1 on have scores, and every second of them from the same row on."""
    layers = "[a] conv filters=4 kernel=3\n[b] conv filters=4 kernel=2 stride=2\n"
    found = labels(layers + side(1, "b") + MAIN.format("a"))
    assert found.grid == ScoreGrid(10, 10, 1, 1, 1, 1)
    assert (found.scores, found.losses) == (None, {"aux1": (slice(0, 9, 2),) * 2, "loss": None})


def test_class_scores_at_fewer_pixels_than_an_auxiliary_loss() -> None:
    layers = "[a] conv filters=4 kernel=3 pad=1\n[b] conv filters=4 kernel=2 stride=2\n"
    found = labels(layers + side(1, "a") + MAIN.format("b"))
    assert (found.grid, found.scores) == (ScoreGrid(12, 12, 1, 1, 0, 0), (slice(0, 11, 2),) * 2)


def test_labels_are_no_more_than_the_losses_need() -> None:
    """One loss has every fourth pixel from the second on, 1, 5 and 9, another 2 and 8: labels are those of 1 to 9. With
    every second from the second on, 1 to 9, every second is enough."""
    layers = (
        "[a] conv filters=4 kernel=4 stride=4 inputs=image\n[b] conv filters=4 kernel={0} stride={1} inputs=image\n"
    )
    graph = loads(IMAGE + layers.format(6, 6) + side(1, "a") + MAIN.format("b")).graph
    found = label_grid(graph)
    assert found.grid == ScoreGrid(9, 9, 1, 1, 1, 1)
    assert (found.scores, found.losses["aux1"]) == ((slice(1, 8, 6),) * 2, (slice(0, 9, 4),) * 2)
    assert label_sizes(graph) == (9, 9)
    found = labels(layers.format(4, 2) + side(1, "a") + MAIN.format("b"))
    assert (found.grid, found.scores) == (ScoreGrid(5, 5, 2, 2, 1, 1), None)
    assert found.losses["aux1"] == (slice(0, 5, 2),) * 2


def test_labels_of_maps_that_stand_nowhere_are_not_divided() -> None:
    graph = loads(IMAGE + "[m] mirror\n" + side(1, "m") + MAIN.format("m")).graph
    assert labels_of_losses(graph) == {}


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3), st.booleans()), min_size=1, max_size=4))
def test_each_loss_gets_the_classes_of_its_own_pixels(windows: list[tuple[int, int, bool]]) -> None:
    """Of an image in which each pixel is another number."""
    layers = "".join(
        f"[c{n}] conv filters=2 kernel={kernel} stride={stride} pad={(kernel - 1) // 2 * padded} rounding=down "
        "inputs=image\n"
        for n, (kernel, stride, padded) in enumerate(windows)
    )
    graph = loads(IMAGE + layers + "".join(side(n, f"c{n}") for n in range(len(windows)))).graph
    found, pixels = label_grid(graph), np.arange(144).reshape(12, 12)
    own = pixels[found.grid.slices]
    for n in range(len(windows)):
        slices = found.losses[f"aux{n}"]
        expected = pixels[score_grid(graph, graph.nodes[f"side{n}"]).slices]
        np.testing.assert_array_equal(own if slices is None else own[slices], expected)
    assert found.scores == found.losses[f"aux{len(windows) - 1}"]


@pytest.mark.parametrize("losses", [MAIN, "[scores] conv filters=2 kernel=1 inputs={}\n"])
def test_sizes_of_labels(losses: str) -> None:
    assert label_sizes(loads(IMAGE + "[a] conv filters=4 kernel=3\n" + losses.format("a")).graph) == (10, 10)

"""Random scaling: squares cut from scaled images, by hand, and the frequency of each size."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from by_hand import assert_close, reference

import netspec
from netspec import backend
from netspec.ir.ops import RandomScale

pytorch = backend.load("pytorch")
OP = RandomScale(2, 2.0)
IMAGE = np.array([[0.0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]])
"""Each pixel is four times its row plus its column, and so is each interpolated point between pixels."""


def cut(*uniforms: float, training: bool = True) -> Any:
    """Return the 2 x 2 square that is cut from the image. Images of sizes 2, 3 and 4 have 1, 4 and 9 such squares."""
    call = reference.Call("cut", (IMAGE[None, None],), training=training, drawn=np.array(uniforms))
    return reference.OPS[RandomScale].forward(OP, call)[0, 0]


def points(rows: tuple[float, float], columns: tuple[float, float]) -> list[list[float]]:
    return [[4 * row + column for column in columns] for row in rows]


def test_middle_is_cut_outside_training() -> None:
    assert_close(cut(training=False), [[5, 6], [9, 10]])


def test_full_size_has_nine_of_fourteen_squares() -> None:
    """Numbers from 5 / 14 on select the size 4; the first row and column each have three equally likely values."""
    assert_close(cut(5 / 14 + 1e-9, 0.5, 2 / 3 + 1e-9, 0.0), [[8, 9], [12, 13]])
    assert_close(cut(0.99, 0.5, 0.0, 0.99), [[2, 3], [6, 7]])


def test_size_of_two_pixels_has_the_first_of_fourteen_squares() -> None:
    """With the largest step, 4 / 2, samples start at (4 - 2 * 2) / 2 = 0: pixels 0 and 2. With the smallest, 4 / 3,
    they start at (4 - 2 * 4 / 3) / 2 = 2 / 3: 2 / 3 and 2."""
    assert_close(cut(1 / 14 - 1e-9, 1.0, 0.9, 0.9), points((0, 2), (0, 2)))
    assert_close(cut(0.0, 0.0, 0.0, 0.0), points((2 / 3, 2), (2 / 3, 2)), atol=1e-14)


def test_size_of_three_pixels_has_the_next_four_squares() -> None:
    """A step of 4 / 3 starts at 0: 0, 4 / 3, 8 / 3; the second square has the last two. A step of 1 starts at 1 / 2."""
    assert_close(cut(1 / 14 + 1e-9, 1.0, 0.5, 0.0), points((4 / 3, 8 / 3), (0, 4 / 3)), atol=1e-14)
    assert_close(cut(5 / 14 - 1e-9, 0.0, 0.0, 0.5), points((1 / 2, 3 / 2), (3 / 2, 5 / 2)), atol=1e-14)


def test_sizes_beyond_the_image_are_clipped_at_its_border() -> None:
    """Sizes above 4 give at most 5 samples with steps from 4 / 5 to 1; the start, 0 or -1 / 2, is clipped to 0."""
    positions = RandomScale(3, 2.0).sampling_positions(4, (0.99, 1.0, 0.0, 0.99))
    assert_close(positions, [[0, 4 / 5, 8 / 5], [8 / 5, 12 / 5, 2.99]], atol=1e-14)
    assert_close(RandomScale(3, 2.0).sampling_positions(4, (0.99, 0.0, 0.0, 0.99))[0], [0, 1 / 2, 3 / 2], atol=1e-14)


@pytest.mark.ci
def test_sizes_are_drawn_in_proportion_to_their_squares() -> None:
    """Of 1,400 draws, 100, 400 and 900 are expected for the three sizes, with standard deviations of at most 18."""
    graph = netspec.loads("[image] input 1x4x4\n[cut] randomscale size=2 max_scale=2\n").graph
    model = pytorch.module(graph).train()
    image = torch.tensor(IMAGE)[None, None]
    sizes: Counter[int] = Counter()
    for step in range(1_400):
        pytorch.set_random_state(model, pytorch.RandomState(1, step))
        y = model(image)[0, 0]
        distance, on_pixels = float(y[0, 1] - y[0, 0]), bool((y == y.round()).all())
        sizes[4 if distance == 1 and on_pixels else 3 if distance < 4 / 3 else 2] += 1
    assert [sizes[size] for size in (2, 3, 4)] == pytest.approx([100, 400, 900], abs=75)


def test_all_images_of_a_step_get_the_same_cut_on_all_devices() -> None:
    graph = netspec.loads("[image] input 3x8x8\n[cut] randomscale size=5 max_scale=1.5\n").graph
    model, images = pytorch.module(graph).train(), torch.rand(4, 3, 8, 8)
    pytorch.set_random_state(model, pytorch.RandomState(1, 7))
    whole = model(images)
    pytorch.set_random_state(model, pytorch.RandomState(1, 7, first_sample=2))
    assert torch.equal(model(images[2:]), whole[2:])
    pytorch.set_random_state(model, pytorch.RandomState(1, 8))
    assert not torch.equal(model(images), whole)


WRONG_SIZE = "cut's size and max_scale do not fit its image"
SIZES = "size must be at least 8 / 1.5 rounded down, 5, and at most 8, not 9"


@pytest.mark.parametrize(
    ("image", "keys", "message", "note"),
    [
        ("3x8x8", "size=9 max_scale=1.5", WRONG_SIZE, SIZES),
        ("3x8x8", "size=4 max_scale=1.5", WRONG_SIZE, "not 4"),
        ("3x8x9", "size=8 max_scale=1.5", "cut scales square images", "the image is 3x8x9"),
        ("3x8x8", "size=8 max_scale=0.5", "max_scale", ""),
        ("24", "size=8 max_scale=1.5", "cut scales an image, and reads a vector of 24", ""),
    ],
)
def test_invalid_sizes_are_reported(image: str, keys: str, message: str, note: str) -> None:
    with pytest.raises(netspec.SpecError) as caught:
        netspec.loads(f"[image] input {image}\n[cut] randomscale {keys}\n")
    (diagnostic,) = caught.value.diagnostics
    assert message in diagnostic.message
    assert note in " ".join(diagnostic.notes)

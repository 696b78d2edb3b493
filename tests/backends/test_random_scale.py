"""Squares of images of a random size, by hand, and how often each size is drawn."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from by_hand import close, reference

import netspec
from netspec import backend
from netspec.ir.ops import RandomScale

pytorch = backend.load("pytorch")
OP = RandomScale(2, 2.0)
IMAGE = np.array([[0.0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]])
"""Each pixel is four times its row and its column; so is each place between pixels."""


def cut(*chances: float, training: bool = True) -> Any:
    """What becomes of the image, of which sizes 2, 3 and 4 have 1, 4 and 9 squares of 2 x 2."""
    call = reference.Call("it", (IMAGE[None, None],), training=training, chances=np.array(chances))
    return reference.OPS[RandomScale].forward(OP, call)[0, 0]


def at(rows: tuple[float, float], columns: tuple[float, float]) -> list[list[float]]:
    return [[4 * row + column for column in columns] for row in rows]


def test_outside_training_it_is_the_middle() -> None:
    close(cut(training=False), [[5, 6], [9, 10]])


def test_the_image_itself_has_nine_of_fourteen_squares() -> None:
    """From 5 / 14 on; of three first rows and columns each has a third of the numbers."""
    close(cut(5 / 14 + 1e-9, 0.5, 2 / 3 + 1e-9, 0.0), [[8, 9], [12, 13]])
    close(cut(0.99, 0.5, 0.0, 0.99), [[2, 3], [6, 7]])


def test_a_size_of_two_pixels_has_the_first_of_fourteen_squares() -> None:
    """At a step of 4 / 2 at most, from (4 - 2 * 2) / 2 = 0: pixels 0 and 2; of 4 / 3 at least, from (4 - 2 * 4 / 3) / 2
    = 2 / 3: 2 / 3 and 2."""
    close(cut(1 / 14 - 1e-9, 1.0, 0.9, 0.9), at((0, 2), (0, 2)))
    close(cut(0.0, 0.0, 0.0, 0.0), at((2 / 3, 2), (2 / 3, 2)), atol=1e-14)


def test_a_size_of_three_pixels_has_the_next_four() -> None:
    """At a step of 4 / 3, from 0: 0, 4 / 3 and 8 / 3, of which the second square has the last two; at 1, from 1 / 2."""
    close(cut(1 / 14 + 1e-9, 1.0, 0.5, 0.0), at((4 / 3, 8 / 3), (0, 4 / 3)), atol=1e-14)
    close(cut(5 / 14 - 1e-9, 0.0, 0.0, 0.5), at((1 / 2, 3 / 2), (3 / 2, 5 / 2)), atol=1e-14)


def test_a_size_beyond_the_image_ends_at_its_border() -> None:
    """Of 4 pixels at a size of 3 and more: at most 5, a step of 4 / 5 or up to 1, from 0 or -1 / 2, which is 0."""
    positions = RandomScale(3, 2.0).sampling_positions(4, (0.99, 1.0, 0.0, 0.99))
    close(positions, [[0, 4 / 5, 8 / 5], [8 / 5, 12 / 5, 2.99]], atol=1e-14)
    close(RandomScale(3, 2.0).sampling_positions(4, (0.99, 0.0, 0.0, 0.99))[0], [0, 1 / 2, 3 / 2], atol=1e-14)


def test_the_chances_are_those_of_the_squares() -> None:
    """Of 1,400 steps, 100, 400 and 900 with the steps of each size; standard deviations of at most 18."""
    graph = netspec.loads("[image] input 1x4x4\n[cut] randomscale size=2 max_scale=2\n").graph
    model = pytorch.module(graph).train()
    image = torch.tensor(IMAGE)[None, None]
    sizes: Counter[int] = Counter()
    for step in range(1_400):
        pytorch.set_draw(model, pytorch.Draw(1, step))
        y = model(image)[0, 0]
        apart, whole = float(y[0, 1] - y[0, 0]), bool((y == y.round()).all())
        sizes[4 if apart == 1 and whole else 3 if apart < 4 / 3 else 2] += 1
    assert [sizes[size] for size in (2, 3, 4)] == pytest.approx([100, 400, 900], abs=75)


def test_all_images_of_a_step_are_cut_alike_whoever_has_them() -> None:
    graph = netspec.loads("[image] input 3x8x8\n[cut] randomscale size=5 max_scale=1.5\n").graph
    model, images = pytorch.module(graph).train(), torch.rand(4, 3, 8, 8)
    pytorch.set_draw(model, pytorch.Draw(1, 7))
    whole = model(images)
    pytorch.set_draw(model, pytorch.Draw(1, 7, first_sample=2))
    assert torch.equal(model(images[2:]), whole[2:])
    pytorch.set_draw(model, pytorch.Draw(1, 8))
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
def test_what_cannot_be(image: str, keys: str, message: str, note: str) -> None:
    with pytest.raises(netspec.SpecError) as caught:
        netspec.loads(f"[image] input {image}\n[cut] randomscale {keys}\n")
    (found,) = caught.value.diagnostics
    assert message in found.message
    assert note in " ".join(found.notes)

"""Jitter of colours: the formulas of torchvision's ColorJitter by hand, and the same bits on all ways to compute it."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
import torch

from netspec.ir.settings import Augment, Jitter, Preprocessing
from netspec.ir.shape import Shape
from netspec.train.data.batches.augment import Choices, choose
from netspec.train.data.batches.jitter import Jitters, draw_jitters, jitter_image, jitter_images
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.splits import Frame

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)
FULL = Jitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)
ALL = np.arange(2000)


def changed(pixels: list[list[float]], operation: int, factor: float, top: float = 1) -> list[list[float]]:
    """Return the channels of each pixel of a row after one operation."""
    x = np.array(pixels, np.float32).T[:, None, :].copy()
    factors = np.ones((1, 4))
    factors[0, operation] = factor
    jitter_image(x, Jitters(np.array([[operation]]), factors), 0, top)
    return [list(map(float, pixel)) for pixel in x[:, 0, :].T]


def test_brightness_multiplies_up_to_the_top() -> None:
    assert changed([[0.25, 0.5, 0.75]], BRIGHTNESS, 1.5) == [[0.375, 0.75, 1]]
    assert changed([[25, 50, 200]], BRIGHTNESS, 1.5, 255) == [[37.5, 75, 255]]
    assert changed([[0.25, 0.5, 0.75]], BRIGHTNESS, 0) == [[0, 0, 0]]


def test_contrast_blends_with_the_mean_grey_value() -> None:
    """Grey values are 0.2989 r + 0.587 g + 0.114 b: 0.2989 and 0.701 here, and their mean 0.49995."""
    (red, cyan) = changed([[1, 0, 0], [0, 1, 1]], CONTRAST, 0.6)
    assert red == pytest.approx([0.6 + 0.4 * 0.49995, 0.4 * 0.49995, 0.4 * 0.49995])
    assert cyan == pytest.approx([0.4 * 0.49995, 0.6 + 0.4 * 0.49995, 0.6 + 0.4 * 0.49995])
    assert changed([[0.9], [0.1]], CONTRAST, 1.5) == [[1], [0]]
    assert np.ravel(changed([[200], [100]], CONTRAST, 0.5, 255)) == pytest.approx([175, 125])


def test_saturation_blends_each_pixel_with_its_grey_value() -> None:
    assert changed([[1, 0, 0]], SATURATION, 0.5)[0] == pytest.approx([0.5 + 0.5 * 0.2989, 0.5 * 0.2989, 0.5 * 0.2989])
    assert changed([[0.5, 0.25, 0]], SATURATION, 0)[0] == pytest.approx([0.2989 / 2 + 0.587 / 4] * 3)


@pytest.mark.parametrize("turn", [-0.5, -0.1, 0.0, 0.02, 1 / 3, 0.5])
def test_hues_are_turned_as_in_hsv(turn: float) -> None:
    """Compared with Python's colorsys, for colours with each channel the greatest, grey ones, and the corners."""
    rng = np.random.default_rng(0)
    corners = [[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    pixels = [*rng.random((60, 3)).tolist(), *corners, [0.5, 0.5, 0.5], [0.5, 0.5, 0.2], [0.7, 0.2, 0.2]]
    for pixel, found in zip(pixels, changed(pixels, HUE, turn), strict=True):
        h, s, v = colorsys.rgb_to_hsv(*pixel)
        assert found == pytest.approx(colorsys.hsv_to_rgb((h + turn) % 1, s, v), abs=2e-6)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {CONTRAST: 1.3, HUE: 0.2, SATURATION: 0.5, BRIGHTNESS: 0.7},
            [[0.3402730, 0.5864751, 0.2364752], [0.2235353, 0.1325354, 0.3600354], [0.2613914, 0.2613914, 0.2613914]],
        ),
        (
            {HUE: -0.4, BRIGHTNESS: 1.4, CONTRAST: 0.6, SATURATION: 1.8},
            [[0.3617725, 0.2408121, 1], [0.8857309, 0.7345307, 0.1297309], [0.5559603, 0.5559603, 0.5559603]],
        ),
    ],
)
def test_changes_one_after_the_other_are_torchvisions(changes: dict[int, float], expected: list[list[float]]) -> None:
    """The numbers are printed by torchvision 0.28: adjust_contrast() and so on of a float tensor, in this order."""
    x = np.array([[0.9, 0.5, 0.1], [0.2, 0.6, 0.7], [0.4, 0.4, 0.4]], np.float32).T[:, None, :].copy()
    factors = np.array([[changes[operation] for operation in range(4)]])
    jitter_image(x, Jitters(np.array([list(changes)]), factors), 0, 1)
    for pixel, numbers in zip(x[:, 0, :].T.tolist(), expected, strict=True):
        assert pixel == pytest.approx(numbers, abs=2e-6)


def test_factors_and_orders_are_uniform() -> None:
    """Between max(0, 1 - b) and 1 + b, and -hue and hue; each of the 24 orders is drawn 2000 / 24 = 83 +- 45 times."""
    drawn = draw_jitters(Jitter(1.5, 0.4, 0.2, 0.1), 3, 1, ALL, 3)
    for column, (low, high) in enumerate([(0, 2.5), (0.6, 1.4), (0.8, 1.2), (-0.1, 0.1)]):
        factors = drawn.factors[:, column]
        assert low <= factors.min() < low + 0.01 * (high - low) < high - 0.01 * (high - low) < factors.max() <= high
        assert factors.mean() == pytest.approx((low + high) / 2, abs=0.04 * (high - low))
    orders, counts = np.unique(drawn.order, axis=0, return_counts=True)
    assert len(orders) == 24
    assert counts.min() > 38
    assert counts.max() < 128


def test_what_does_not_change_is_left_out() -> None:
    assert set(draw_jitters(Jitter(brightness=0.1, hue=0.1), 3, 1, ALL, 3).order.ravel()) == {BRIGHTNESS, HUE}
    assert set(draw_jitters(FULL, 3, 1, ALL, 1).order.ravel()) == {BRIGHTNESS, CONTRAST}
    assert draw_jitters(Jitter(hue=0.1), 3, 1, ALL, 1).order.shape == (2000, 0)
    assert choose(3, 1, ALL, Frame(3, 6, 7), Shape(3, 4, 5), Augment()).jitters is None


@pytest.mark.parametrize(("channels", "order"), [(3, "rgb"), (3, "bgr"), (1, "rgb")])
@pytest.mark.parametrize("white", [1, 255])
def test_all_ways_to_prepare_images_give_the_same_bits(channels: int, order: str, white: int) -> None:
    """One at a time with NumPy, as on the CPU, and all at once with torch, as on a GPU. Colours are changed of the
    crop, from 0 to the range, before the mean is subtracted and before channels are reversed."""
    frame, size = Frame(channels, 14, 15), Shape(channels, 12, 12)
    pixels = np.random.default_rng(0).integers(0, 256, (40, *size[:1], 14, 15), np.uint8)
    pixels[0], pixels[1, :, ::2] = 0, 255
    preprocessing = Preprocessing(white, (0.5,) * channels, order, (0.25,) * channels)  # type: ignore[arg-type]
    prepare = Preparation(preprocessing, None, frame, size, 255, torch.device("cpu"))
    augment = Augment(flip="horizontal", jitter=Jitter(0.4, 0.4, 0.4, 0.1))
    choices = choose(2, 0, np.arange(40), frame, size, augment)
    prepared = prepare(pixels, choices)
    assert torch.equal(prepared, prepare.on_device(torch.from_numpy(pixels), choices))
    plain = Choices(choices.top, choices.left, choices.mirror, choices.shift)
    without = prepare(pixels, plain)
    assert not torch.equal(prepared, without)

    x = (without * 0.25 + 0.5).flip(1) if order == "bgr" else without * 0.25 + 0.5
    assert choices.jitters is not None
    jitter_images(x, choices.jitters, white)
    expected = (x.flip(1) if order == "bgr" else x).sub(0.5).div(0.25)
    torch.testing.assert_close(prepared, expected, rtol=1e-4, atol=1e-3)

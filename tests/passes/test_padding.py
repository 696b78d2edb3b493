"""The padding arguments chosen for PyTorch's operations reproduce netspec's windows."""

from __future__ import annotations

import math
from typing import cast

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, assume, given
from hypothesis import strategies as st
from hypothesis_profiles import examples

from netspec.ir.fault import Fault
from netspec.ir.shape import Shape
from netspec.ir.window import ROUNDINGS, Pad, TransposedWindow, Window, WindowKind
from netspec.passes.padding import Padding, Trimming, conv_padding, deconv_trimming, pool_padding


def square(kernel: int, stride: int, pad: int = 0, rounding: str = "exact", kind: WindowKind = "pool") -> Window:
    return Window((kernel, kernel), (stride, stride), Pad(pad, pad, pad, pad), rounding=rounding, kind=kind)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("window", "size", "padding"),
    [
        (square(5, 1, 2), 27, Padding((2, 2))),
        (square(11, 4, 0, "up"), 224, Padding((0, 0), image_pad=Pad(0, 3, 0, 3))),
        (square(11, 4, 2, "down"), 224, Padding((2, 2))),  # the last zero column is never read
    ],
    ids=["padded", "cuda-convnet's conv1", "torchvision's conv1"],
)
def test_conv_padding(window: Window, size: int, padding: Padding) -> None:
    assert conv_padding(window, Shape(3, size, size)) == padding


@pytest.mark.parametrize(
    ("window", "size", "padding"),
    [
        (square(3, 2), 55, Padding((0, 0))),
        (square(2, 2, 0, "up"), 55, Padding((0, 0), ceil_mode=True)),
        (square(3, 2, 1, "up"), 6, Padding((1, 1), ceil_mode=True)),
        (square(2, 1, 1, "down"), 6, Padding((1, 1))),
        (
            square(3, 1, 2, "down"),
            6,
            Padding((0, 0), image_pad=Pad(2, 2, 2, 2)),
        ),  # PyTorch allows at most half a kernel
        # A kernel of 5 at stride 4 fits once into 3 pixels and 4 of padding; without padding PyTorch would reject it.
        (Window((5, 5), (4, 4), Pad(0, 4, 0, 4), rounding="down"), 3, Padding((0, 0), image_pad=Pad(0, 2, 0, 2))),
    ],
    ids=["plain", "overhanging", "padded and overhanging", "half a kernel", "beyond half a kernel", "too large"],
)
def test_pool_padding(window: Window, size: int, padding: Padding) -> None:
    assert pool_padding(window, Shape(3, size, size)) == padding


@pytest.mark.parametrize(
    ("pad", "dilation", "trimming"),
    [
        # What is cut off the two sides, at a stride of 2: as much, one pixel fewer on the far side, and more there.
        ((1, 1), 1, Trimming((1, 1))),
        ((1, 0), 1, Trimming((1, 1), (1, 1))),
        ((0, 1), 1, Trimming((0, 0), rest=Pad(0, 1, 0, 1))),
        ((2, 3), 1, Trimming((2, 2), rest=Pad(0, 1, 0, 1))),
        # A difference of 2 is below the dilation only.
        ((3, 1), 1, Trimming((1, 1), rest=Pad(2, 0, 2, 0))),
        ((3, 1), 3, Trimming((3, 3), (2, 2))),
        # Pixels are added on the far side, and on the near one.
        ((0, -1), 1, Trimming((0, 0), (1, 1))),
        ((-1, 0), 1, Trimming((0, 0), rest=Pad(-1, 0, -1, 0))),
    ],
)
def test_trimming_of_a_transposed_convolution(pad: tuple[int, int], dilation: int, trimming: Trimming) -> None:
    window = TransposedWindow((4, 4), (2, 2), Pad(*pad, *pad), (dilation, dilation))
    assert deconv_trimming(window) == trimming
    assert trimming.adds == (pad == (-1, 0))


sides = st.integers(1, 4)
pads = st.integers(0, 3)


@st.composite
def windows(draw: st.DrawFn) -> tuple[Window, Shape]:
    """A window that fits an image, and the image's shape."""
    window = Window(
        (draw(sides), draw(sides)),
        (draw(sides), draw(sides)),
        Pad(draw(pads), draw(pads), draw(pads), draw(pads)),
        (draw(st.integers(1, 2)), draw(st.integers(1, 2))),
        draw(st.sampled_from(ROUNDINGS)),
        cast(WindowKind, draw(st.sampled_from(["conv", "pool"]))),
    )
    x = Shape(2, draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    try:
        window.fit(x.height, x.width)
    except Fault:
        assume(False)
    return window, x


# Most of the generated windows do not fit their image.
tolerant = examples(100, HealthCheck.filter_too_much)


@given(windows())
@tolerant
def test_padded_pooling_equals_explicit_padding(case: tuple[Window, Shape]) -> None:
    window, x = case
    image = torch.randn(1, *x, generator=torch.Generator().manual_seed(0))
    whole = F.pad(image, window.effective_pad(x.height, x.width), value=-math.inf)
    expected = F.max_pool2d(whole, window.kernel, window.stride, dilation=window.dilation)
    padding = pool_padding(window, x)
    if padding.image_pad is not None:
        image = F.pad(image, padding.image_pad, value=-math.inf)
    pooled = F.max_pool2d(image, window.kernel, window.stride, padding.op_pad, window.dilation, padding.ceil_mode)
    assert torch.equal(pooled, expected)


@given(windows())
@tolerant
def test_padded_convolution_equals_explicit_padding(case: tuple[Window, Shape]) -> None:
    window, x = case
    image = torch.randn(1, *x, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    weight = torch.ones(1, x.channels, *window.kernel, dtype=torch.float64)
    whole = F.pad(image, window.effective_pad(x.height, x.width))
    expected = F.conv2d(whole, weight, stride=window.stride, dilation=window.dilation)
    padding = conv_padding(window, x)
    if padding.image_pad is not None:
        image = F.pad(image, padding.image_pad)
    assert torch.allclose(F.conv2d(image, weight, None, window.stride, padding.op_pad, window.dilation), expected)

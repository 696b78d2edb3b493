"""Random windows: convolutions and poolings with any padding, stride, dilation and rounding, against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis_profiles import examples

pytest.importorskip("onnxruntime", reason="the extras onnx and peers are not installed")

from onnx_graphs import assert_same, imported, model, node, numbers, run

from netspec.diagnostics import SpecError

OPERATORS = ("Conv", "MaxPool", "AveragePool")


@st.composite
def windows(draw: st.DrawFn) -> tuple[str, dict[str, Any], tuple[int, int], tuple[int, int]]:
    """An operator, its attributes, the kernel, and the height and width of what it reads."""
    op = draw(st.sampled_from(OPERATORS))
    pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
    kernel, size = draw(pairs), draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    attributes: dict[str, Any] = {"kernel_shape": kernel, "strides": draw(pairs)}
    word = draw(st.sampled_from(["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"]))
    if word == "NOTSET":
        # onnxruntime refuses poolings whose padding is not smaller than the kernel
        sides = [st.integers(0, 3 if op == "Conv" else side - 1) for side in (*kernel, *kernel)]
        attributes["pads"] = [draw(side) for side in sides]
    else:
        attributes["auto_pad"] = word
    if op == "Conv":
        attributes["dilations"], attributes["group"] = draw(pairs), draw(st.sampled_from([1, 2]))
    elif word == "NOTSET":
        attributes["ceil_mode"] = draw(st.integers(0, 1))
    if op == "AveragePool":
        attributes["count_include_pad"] = draw(st.integers(0, 1))
    return op, attributes, kernel, size


@given(windows(), st.sampled_from([11, 17, 22]))
@examples(200)
def test_random_windows(drawn: tuple[str, dict[str, Any], tuple[int, int], tuple[int, int]], opset: int) -> None:
    """A pooling is refused only if a window is larger than its padded input or has no pixel of the image."""
    op, attributes, kernel, size = drawn
    group = attributes.get("group", 1)
    tensors = {"w": numbers(4, 2 // group, *kernel), "b": numbers(4)} if op == "Conv" else {}
    made = model([node(op, ["x", *tensors], ["y"], **attributes)], ("N", 2, *size), tensors, opset=opset)
    images = numbers(2, 2, *size)
    try:
        expected = run(made, images)
    except Exception:  # whatever onnxruntime raises for windows larger than their padded input
        assume(False)
    assume(np.isfinite(expected).all() and expected.size > 0)
    try:
        imported(made)
    except SpecError as error:
        assert op != "Conv" and _has_odd_window(attributes, size, expected.shape[2:]), error
        return
    assert_same(made, images)


def _has_odd_window(attributes: dict[str, Any], size: tuple[int, int], output: tuple[int, ...]) -> bool:
    """Whether a pooling's window is larger than its padded input, or the last one starts behind the image.

    Before operator set 22, ONNX counted the latter, and onnxruntime leaves it out. Padding of SAME that would be below
    0 is counted as 0 by some versions of onnxruntime.
    """
    pads = attributes.get("pads", (0, 0, 0, 0))
    same = attributes.get("auto_pad", "").startswith("SAME")
    for axis in (0, 1):
        spare = size[axis] + pads[axis] + pads[axis + 2] - attributes["kernel_shape"][axis]
        last = (output[axis] - 1) * attributes["strides"][axis]
        if spare < 0 or last - pads[axis] >= size[axis] or (attributes.get("ceil_mode") and last < spare):
            return True
        if same and attributes["kernel_shape"][axis] < attributes["strides"][axis]:
            return True
    return False

"""Clip, Max and Min with numbers: what is imported computes what onnxruntime computes."""

from __future__ import annotations

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extras onnx and peers are not installed")

from onnx_graphs import assert_same, model, node, numbers, refused, spec  # noqa: E402

SHAPE = ("N", 3, 2, 2)
LARGEST = float(np.finfo(np.float32).max)
NUMBERS = {str(value): np.float32(value) for value in (-1, -0.5, 0, 0.5, 6)}


def limits(*steps: tuple[str, float]) -> onnx.ModelProto:
    """A chain of Max, Min (with numbers) and Relu."""
    names = ["x", *(f"v{number}" for number in range(1, len(steps))), "y"]
    nodes = [
        node(op, [x] if op == "Relu" else [x, str(number)] if op == "Max" else [str(number), x], [y])
        for (op, number), x, y in zip(steps, names, names[1:], strict=False)
    ]
    return model(nodes, SHAPE, NUMBERS)


@pytest.mark.parametrize(
    ("given", "types"),
    [
        (limits(("Max", 0)), ["relu"]),
        (limits(("Max", 0), ("Min", 6)), ["relu6"]),
        (limits(("Min", 6), ("Max", 0)), ["relu6"]),
        (limits(("Relu", 0), ("Min", 6)), ["relu6"]),
        (limits(("Max", -1), ("Min", 0.5), ("Max", -0.5)), ["linear", "relu6", "linear"]),
        (limits(("Max", 0.5)), ["linear", "relu", "linear"]),
        (limits(("Max", 0.5), ("Min", -0.5)), ["linear", "relu", "linear"] * 2),  # -0.5 everywhere
        (model([node("Clip", ["x"], ["y"], min=-LARGEST, max=6.0)], SHAPE, opset=7), ["linear", "relu", "linear"]),
        (model([node("Clip", ["x"], ["y"], min=0.0, max=LARGEST)], SHAPE, opset=7), ["relu"]),
    ],
)
def test_limits(given: onnx.ModelProto, types: list[str]) -> None:
    assert_same(given, 4 * numbers(2, 3, 2, 2))
    assert [line.split()[1] for line in spec(given)[2:]] == types


def test_a_limited_value_that_is_read_twice_stays() -> None:
    nodes = [node("Relu", ["x"], ["r"]), node("Min", ["r", "0.5"], ["m"]), node("Add", ["r", "m"], ["y"])]
    assert_same(model(nodes, SHAPE, NUMBERS), numbers(2, 3, 2, 2))


def test_limits_far_from_0_are_refused() -> None:
    """x + 65504 has no digits of x below 1 / 256 in float32."""
    given = model([node("Clip", ["x"], ["y"], min=-65504.0, max=65504.0)], SHAPE, opset=7)
    assert "a spec would add 65504 to x" in refused(given).notes[0]
    assert_same(model([node("Clip", ["x"], ["y"], min=0.0, max=65504.0)], SHAPE, opset=7), numbers(2, 3, 2, 2))

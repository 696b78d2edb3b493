"""The order of the input's axes: channels first or last, where no operator that reads the input tells it."""

from __future__ import annotations

import pytest
from onnx_graphs import Array, assert_same, imported, model, node, numbers, refused, run

from netspec import backend
from netspec.ir.shape import Shape

FLAT = [node("Relu", ["x"], ["r"]), node("Flatten", ["r"], ["f"]), node("Gemm", ["f", "w"], ["y"])]

OPEN = [
    node("Mul", ["x", "scale"], ["s"]),
    node("Transpose", ["s"], ["t"], perm=[0, 3, 1, 2]),
    node("Conv", ["t", "kernels"], ["c"]),
    node("GlobalAveragePool", ["c"], ["p"]),
    node("Flatten", ["p"], ["y"]),
]
"""A network that reads images of any size, with the channels last."""


def flat(*sizes: int, producer: str = "") -> bytes:
    """A model that flattens images of these axes, whose order nothing tells."""
    made = model(FLAT, ("N", *sizes), {"w": numbers(sizes[0] * sizes[1] * sizes[2], 3)})
    made.producer_name = producer
    return made.SerializeToString()


def last_of(given: bytes, shape: Shape | None = None) -> tuple[str, bool]:
    """The shape of the spec's input, and whether there is a warning of the order."""
    net = imported(given, shape).net
    return str(net["x"].output), [warning.code for warning in net.warnings] == ["onnx-axes"]


@pytest.mark.parametrize(
    ("sizes", "producer", "read", "warned"),
    [
        ((28, 28, 1), "", "1x28x28", False),
        ((3, 8, 9), "", "3x8x9", False),
        ((1, 8, 8), "", "1x8x8", False),
        ((1, 64, 9), "", "1x64x9", True),  # a grey image, or a series of 9 numbers
        ((8, 8, 4), "", "8x8x4", True),
        ((5, 7, 3), "", "3x5x7", True),  # maps of PyTorch that are 3 pixels wide, or colours
        ((3, 8, 3), "", "3x8x3", True),
        ((5, 7, 3), "pytorch", "5x7x3", False),
        ((8, 8, 3), "pytorch", "3x8x8", False),
        ((8, 8, 4), "tf2onnx", "4x8x8", False),
        ((3, 8, 8), "tf2onnx", "3x8x8", False),
        ((7, 7, 3), "netspec", "7x7x3", False),
    ],
)
def test_order_that_no_operator_tells(sizes: tuple[int, int, int], producer: str, read: str, warned: bool) -> None:
    if producer == "netspec":
        assert str(imported(flat(*sizes, producer=producer)).net["x"].output) == read
    else:
        assert last_of(flat(*sizes, producer=producer)) == (read, warned)


def test_the_option_for_the_input_tells_the_order() -> None:
    given = flat(8, 6, 4)
    (warning,) = imported(given).net.warnings
    assert "the axes of the input x are read as channels x height x width, but" in warning.message
    assert warning.notes == ("if they are height x width x channels, say so with --input 4x8x6",)
    net = imported(given, Shape(4, 8, 6)).net
    assert net.warnings == ()
    images = numbers(2, 4, 8, 6)
    result = imported(given, Shape(4, 8, 6))
    arrays = {key: read() for key, read in result.arrays.items()}
    actual: Array = backend.load("reference").run(net.graph, arrays, images).output
    assert actual == pytest.approx(run(given, images.transpose(0, 2, 3, 1)), rel=1e-4, abs=1e-4)
    assert last_of(flat(5, 7, 3), Shape(5, 7, 3)) == ("5x7x3", False)
    (warning,) = imported(flat(5, 5, 5)).net.warnings
    assert warning.notes == ("they may also be height x width x channels",)  # no option can say so


def test_the_only_axis_of_a_fixed_size_has_the_channels() -> None:
    tensors = {"scale": numbers(1), "kernels": numbers(2, 4, 3, 3)}
    given = model(OPEN, ("N", "height", "width", 4), tensors)
    assert refused(given).notes == ("give the size of the images, such as --input 4x224x224",)
    assert str(imported(given, Shape(4, 8, 9)).net["x"].output) == "4x8x9"
    fixed = model(OPEN, ("N", 8, 9, 4), tensors)
    assert str(imported(fixed, Shape(4, 7, 6)).net["x"].output) == "4x7x6"
    assert_same(fixed, numbers(2, 4, 8, 9), to_model=lambda images: images.transpose(0, 2, 3, 1))

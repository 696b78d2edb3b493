"""Learnt slopes in models: those of PRelu, and those that Keras computes with by several operators."""

from __future__ import annotations

import pytest

pytest.importorskip("onnxruntime", reason="the extras onnx and peers are not installed")

from onnx_graphs import assert_same, model, node, numbers, spec

SHAPE = (6, 8, 7)


def test_slopes_that_nodes_share_are_shared() -> None:
    nodes = [node("PRelu", ["x", "s"], ["a"]), node("Neg", ["a"], ["b"]), node("PRelu", ["b", "s"], ["y"])]
    given = model(nodes, ("N", *SHAPE), {"s": numbers(6, 1, 1)})
    assert [line.partition("] ")[2] for line in spec(given)[2:]] == ["prelu", "linear a=-1", "prelu weights=prelu1"]
    assert_same(given, numbers(2, *SHAPE))


def test_slopes_of_channels_that_come_last() -> None:
    """As Keras has them with ``shared_axes=[1, 2]``, one for each channel of an image."""
    nodes = [
        node("Transpose", ["x"], ["a"], perm=[0, 2, 3, 1]),
        node("PRelu", ["a", "s"], ["b"]),
        node("Transpose", ["b"], ["y"], perm=[0, 3, 1, 2]),
    ]
    given = model(nodes, ("N", *SHAPE), {"s": numbers(1, 1, 6)})
    assert [line.partition("] ")[2] for line in spec(given)[2:]] == ["prelu"]
    assert_same(given, numbers(2, *SHAPE))


@pytest.mark.parametrize("op", ["Add", "Sub"])
@pytest.mark.parametrize("swapped", [False, True])
def test_slopes_as_keras_computes_with_them(op: str, swapped: bool) -> None:
    order = ["p", "q"][::-1] if swapped and op == "Add" else ["p", "q"]
    nodes = [
        node("Relu", ["x"], ["p"]),
        node("Neg", ["x"], ["m"]),
        node("Relu", ["m"], ["n"]),
        node("Mul", ["n", "s"] if swapped else ["s", "n"], ["q"]),
        node(op, order, ["y"]),
    ]
    given = model(nodes, ("N", *SHAPE), {"s": numbers(1, 6, 1, 1)})
    assert [found.partition("] ")[2] for found in spec(given)[2:]] == ["prelu"]
    assert_same(given, numbers(2, *SHAPE))

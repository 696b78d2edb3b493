"""Properties of a graph: its scores, and the dependencies of operations."""

from __future__ import annotations

import pytest
from building import Builder

from netspec.ir.ops import CrossEntropy, Linear, Op, Relu, Softmax, Sum, SumSquares


@pytest.mark.parametrize(
    ("last", "scores"),
    [
        ((), "fc"),
        ((("prob", Softmax(), "fc"),), "fc"),
        ((("loss", CrossEntropy(), "fc"), ("small", SumSquares(), "act")), "fc"),
        ((("prob", Softmax(), "fc"), ("small", SumSquares(), "act")), "fc"),
        ((("small", SumSquares(), "fc"),), "fc"),
    ],
)
def test_scores_are_the_values_compared_with_the_classes(last: tuple[tuple[str, Op, str], ...], scores: str) -> None:
    builder = Builder()
    builder.add("act", Relu(), builder.input(4))
    builder.add("fc", Linear(3), "act")
    for name, op, read in last:
        builder.add(name, op, read)
    assert builder.graph().scores.name == scores


def test_dependencies_are_all_operations_below() -> None:
    builder = Builder()
    image = builder.input(4)
    builder.add("a", Relu(), image)
    builder.add("b", Relu(), image)
    builder.add("s", Sum(), "a", "b")
    builder.add("d", Linear(2), "b")
    graph = builder.graph()
    assert graph.dependencies((graph.nodes["s"],)) == {image, "a", "b", "s"}
    assert graph.dependencies((graph.nodes["d"],)) == {image, "b", "d"}
    assert graph.dependencies(graph.losses) == frozenset()

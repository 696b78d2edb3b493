"""Graphs that are almost a group of operators that is recognised, but for one input, operator or number."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extras onnx and peers are not installed")

from onnx import numpy_helper  # noqa: E402
from onnx_graphs import assert_same, imported, model, numbers  # noqa: E402
from onnx_groups import CONSTANTS, FUNCTIONS, chain, groups, rows  # noqa: E402

from netspec import backend  # noqa: E402
from netspec.diagnostics import SpecError  # noqa: E402
from netspec.net import loads  # noqa: E402

SHAPE = (4, 4, 4)

NEAR = {
    "Add": "Sub", "Sub": "Add", "Mul": "Div", "Div": "Mul", "Pow": "Mul", "Greater": "Less", "Relu": "Abs",
    "Sigmoid": "Tanh", "Tanh": "Sigmoid", "Erf": "Tanh", "Softplus": "Relu", "ReduceMean": "ReduceMax", "Neg": "Abs",
    "Sqrt": "Abs", "Square": "Abs", "AveragePool": "MaxPool",
}  # fmt: skip
"""Operators with as many inputs."""


def own(line: str) -> onnx.ModelProto:
    """The graph that netspec writes for a layer."""
    net, onnx_file = loads(f"[x] input 4x4x4\n[y] {line}\n"), backend.load("onnx_file")
    made: onnx.ModelProto = onnx_file.model(net.graph, onnx_file.initial_values(net.graph, 0), spec="")
    return made


MISH = chain(("Softplus", "x", "s"), ("Tanh", "s", "t"), ("Mul", "xt", "y"))
SLOPES = chain(("Relu", "x", "p"), ("Neg", "x", "m"), ("Relu", "m", "n"), ("Mul", "nw", "q"), ("Add", "pq", "y"))

GROUPS = {
    **{line: model(nodes, ("N", *SHAPE), CONSTANTS) for line, nodes in FUNCTIONS.items()},
    "mish": model(MISH, ("N", *SHAPE)),
    "slopes": model(SLOPES, ("N", *SHAPE), {"w": numbers(4, 1, 1)}),
    "norm of groups": groups(numbers(4, 1, 1)),
    "norm of channels": rows(numbers(4)),
    "norm of maps": own("rnorm size=3 k=2 scale=0.5 beta=0.75"),
    "bins": own("binpool bins=3x2"),
}


def changed(given: onnx.ModelProto) -> Iterator[onnx.ModelProto]:
    """The graph with one of its parts changed: an operator, what one reads, a number of an attribute or a constant."""
    before = ["x"]
    for place, node in enumerate(given.graph.node):
        for index, name in enumerate(node.input):
            for other in before if name else ():
                if name != other:
                    made = copied(given)
                    made.graph.node[place].input[index] = other
                    yield made
        if node.op_type in NEAR:
            made = copied(given)
            made.graph.node[place].op_type = NEAR[node.op_type]
            yield made
        for index, attribute in enumerate(node.attribute):
            for number in range(len(attribute.ints)):
                made = copied(given)
                made.graph.node[place].attribute[index].ints[number] += 1
                yield made
        before += node.output
    for place, tensor in enumerate(given.graph.initializer):
        if any(tensor.name in node.input for node in given.graph.node):
            values = numpy_helper.to_array(tensor).copy()
            values.flat[-1] += 1
            made = copied(given)
            made.graph.initializer[place].CopyFrom(numpy_helper.from_array(values, tensor.name))
            yield made


def copied(given: onnx.ModelProto) -> onnx.ModelProto:
    return onnx.ModelProto.FromString(given.SerializeToString())


@pytest.mark.parametrize("name", GROUPS)
def test_what_is_almost_a_group(name: str) -> None:
    """It is imported as the group only if it computes the same."""
    text = imported(GROUPS[name]).net.source.text
    for made in changed(GROUPS[name]):
        try:
            same = imported(made).net.source.text == text
        except SpecError:
            continue
        if same:
            assert_same(made, numbers(2, *SHAPE))

"""``verify`` accepts well-formed graphs and refuses each kind of malformed one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from building import Builder

from netspec.ir.graph import Graph, Node, Parameter, Placement
from netspec.ir.ops import Conv, Input, Linear, Op, Relu, Sum
from netspec.ir.shape import Shape
from netspec.ir.table import ConnectionTable
from netspec.ir.verify import MalformedGraph, verify
from netspec.ir.window import Window


def small_graph() -> Graph:
    """image 2x4x4 -> conv 3x3x3 -> relu -> fc 5."""
    builder = Builder()
    builder.input(2, 4, 4)
    builder.add("conv", Conv(3, Window((2, 2))), "image")
    builder.add("relu", Relu(), "conv")
    builder.add("fc", Linear(5), "relu")
    return builder.graph()


def with_node(name: str, change: Callable[[Node], Node]) -> Graph:
    graph = small_graph()
    return replace(graph, nodes={**graph.nodes, name: change(graph.nodes[name])})


def test_well_formed_graph_is_returned() -> None:
    graph = small_graph()
    assert verify(graph) is graph


class UnknownOp(Op):
    """An operation that is not in the vocabulary."""


def reordered() -> Graph:
    graph = small_graph()
    return replace(graph, nodes={name: graph.nodes[name] for name in ("image", "relu", "conv", "fc")})


def renamed() -> Graph:
    return with_node("relu", lambda node: node._replace(name="other"))


def second_input() -> Graph:
    graph = small_graph()
    extra = graph.nodes["image"]._replace(name="again")
    return replace(graph, nodes={**graph.nodes, "again": extra})


def no_input() -> Graph:
    return replace(small_graph(), nodes={}, layers={}, parameters={})


def extra_parameter() -> Graph:
    graph = small_graph()
    unused = graph.parameters["fc.bias"]._replace(key="none.bias")
    return replace(graph, parameters={**graph.parameters, "none.bias": unused})


def missing_parameter() -> Graph:
    graph = small_graph()
    return replace(graph, parameters={key: p for key, p in graph.parameters.items() if key != "fc.bias"})


def with_parameter(key: str, change: Callable[[Parameter], Parameter], *, split: bool = False) -> Graph:
    graph = small_graph()
    if split:
        graph = with_node("fc", lambda node: node._replace(placement=Placement(split=True)))
    return replace(graph, parameters={**graph.parameters, key: change(graph.parameters[key])})


def layer_without_operations() -> Graph:
    graph = small_graph()
    return replace(graph, layers={**graph.layers, "relu": graph.layers["relu"]._replace(nodes=())})


def layer_with_unknown_operation() -> Graph:
    graph = small_graph()
    return replace(graph, layers={**graph.layers, "relu": graph.layers["relu"]._replace(nodes=("none",))})


def layer_with_wrong_shape() -> Graph:
    graph = small_graph()
    return replace(graph, layers={**graph.layers, "relu": graph.layers["relu"]._replace(output=Shape(3, 3, 4))})


@pytest.mark.parametrize(
    ("graph", "complaint"),
    [
        (renamed(), "relu is stored under another name"),
        (reordered(), "relu reads what comes after it"),
        (with_node("relu", lambda node: node._replace(inputs=("none",))), "relu reads what comes after it"),
        (with_node("relu", lambda node: node._replace(inputs=("relu",))), "relu reads what comes after it"),
        (with_node("relu", lambda node: node._replace(inputs=("conv", "image"))), "relu has 2 inputs"),
        (with_node("relu", lambda node: node._replace(op=Sum(), inputs=())), "relu has 0 inputs"),
        (with_node("relu", lambda node: node._replace(op=UnknownOp())), "UnknownOp is no operation"),
        (with_node("relu", lambda node: node._replace(output=Shape(3, 3, 4))), "the stored shape is not the op"),
        (with_node("conv", lambda node: node._replace(op=Conv(3, Window((9, 9))))), "kernel is larger than its padded"),
        (with_node("conv", lambda node: node._replace(params=("conv.weight",))), "conv has 1 parameters, needs 2"),
        (with_node("relu", lambda node: node._replace(params=("conv.bias",))), "relu has 1 parameters, needs 0"),
        (with_parameter("fc.bias", lambda p: p._replace(shape=(4,))), "fc.bias has another shape than fc needs"),
        (
            with_parameter("fc.weight", lambda p: p._replace(axis=1), split=True),
            "fc.weight is divided along another axis than fc needs",
        ),
        (
            with_parameter("conv.weight", lambda p: p._replace(table=ConnectionTable(((0,), (1,), (0,))))),
            "conv.weight has another table than conv needs",
        ),
        (missing_parameter(), "fc uses fc.bias, which is not there"),
        (extra_parameter(), "parameters unused or missing: {'none.bias'}"),
        (second_input(), "exactly one input"),
        (no_input(), "exactly one input"),
        (layer_without_operations(), "layer relu has no operation"),
        (layer_with_unknown_operation(), "layer relu names an operation that is not there"),
        (layer_with_wrong_shape(), "layer relu: shape differs"),
    ],
)
def test_malformed_graph_is_refused(graph: Graph, complaint: str) -> None:
    with pytest.raises(MalformedGraph, match=complaint):
        verify(graph)


def test_subclass_of_an_operation_is_refused() -> None:
    class Wider(Input):
        """A subclass, which no backend supports."""

    with pytest.raises(MalformedGraph, match="Wider is no operation"):
        verify(with_node("image", lambda node: node._replace(op=Wider(Shape(2, 4, 4)))))

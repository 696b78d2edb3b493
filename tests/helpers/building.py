"""Building graphs by hand, without a spec, for tests of operations and backends."""

from __future__ import annotations

from dataclasses import dataclass, field

from netspec.ir.distribution import Distribution, Normal
from netspec.ir.graph import WHOLE, Graph, Layer, Node, Parameter, Placement
from netspec.ir.ops import Input, Op, ParamShape
from netspec.ir.shape import Shape
from netspec.net import Net
from netspec.source import Source


def plain_parameter(layer: str, key: str, param: ParamShape, distribution: Distribution | None = None) -> Parameter:
    """Return a parameter with default training settings, drawn from ``distribution`` or else N(0, 0.01)."""
    if distribution is None:
        distribution = Normal(0.0, 0.01)
    return Parameter(
        key, layer, param.role, param.shape, distribution, 0.01, 0.9, 0.0, table=param.table, axis=param.axis
    )


def net_of(graph: Graph) -> Net:
    """Return a graph as a network, with any text as its spec."""
    return Net(Source("the spec", "the spec"), graph)


@dataclass
class Builder:
    """Collects the nodes, layers and parameters of a graph in which every layer is one operation."""

    name: str = "net"
    groups: int = 1
    nodes: dict[str, Node] = field(default_factory=dict)
    layers: dict[str, Layer] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)

    def input(self, *dims: int, name: str = "image") -> str:
        return self.add(name, Input(Shape(*dims)))

    def add(self, name: str, op: Op, *inputs: str, placement: Placement = WHOLE) -> str:
        """Append a layer of one operation and return its name."""
        shapes = tuple(self.nodes[i].output for i in inputs)
        output = op.shape(shapes)
        keys = []
        for param in op.params(shapes, output):
            key = f"{name}.{param.role}"
            self.parameters[key] = plain_parameter(name, key, param)
            keys.append(key)
        self.nodes[name] = Node(name, name, op, inputs, tuple(keys), output, placement)
        self.layers[name] = Layer(name, type(op).__name__.lower(), inputs, (name,), output, placement, "own")
        return name

    def graph(self) -> Graph:
        return Graph(self.name, self.groups, self.nodes, self.layers, self.parameters)

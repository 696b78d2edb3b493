"""The attributes of the model class that hold parameters: which exist, how they are created and referred to."""

from __future__ import annotations

from netspec.ir.graph import Graph, Layer, Node
from netspec.passes.torch_names import attributes, state_keys, suffix

from .devices import Devices
from .ops import MODULES
from .site import Division
from .text import call, is_plain_identifier, string


class Holders:
    """The attributes of a graph's layers. The code that creates them may use the variables ``parts`` and ``world``."""

    def __init__(self, graph: Graph, devices: Devices) -> None:
        self._graph = graph
        self._devices = devices
        self._names = attributes(graph)
        self._state_keys = state_keys(graph)
        self._modules = {
            name: _module(graph, layer, self.division(name, "parts")) for name, layer in graph.layers.items()
        }

    @property
    def names(self) -> set[str]:
        """The names of the attributes that hold parameters."""
        return {self._names[layer] for layer in self._constructors()}

    def lines(self) -> list[str]:
        """Return the lines of ``__init__`` that create the attributes, also for layers that nothing reads."""
        result = []
        for layer, constructor in self._constructors().items():
            name = self._names[layer]
            if self._devices.on_first(layer):
                constructor += " if world.group == 0 else None"
            plain = is_plain_identifier(name)
            result.append(
                f"self.{name} = {constructor}" if plain else f"self.add_module({string(name)}, {constructor})"
            )
        return result

    @property
    def has_tensors(self) -> bool:
        """Whether the program's class ``Tensors`` holds the parameters of any layer."""
        return any(constructor.startswith("Tensors(") for constructor in self._constructors().values())

    def division(self, layer: str, parts: str) -> Division:
        """Return how a layer is divided. ``parts`` is the expression for the number of shares."""
        return Division(self._devices.groups, parts) if self._devices.split(layer) else Division()

    def module(self, node: Node) -> str | None:
        """Return the expression for the ``torch.nn`` module that computes an operation, or ``None``."""
        if type(node.op) not in MODULES or self._modules[node.layer] is None:
            return None
        return self._attribute(node.layer)

    def parameter(self, key: str) -> str:
        """Return the expression for a parameter: ``self.conv1.weight``, ``self.conv3.weights["0"]``."""
        parameter = self._graph.parameters[key]
        holder, _, index = suffix(parameter).partition(".")
        return f"{self._attribute(parameter.layer)}.{holder}" + (f"[{string(index)}]" if index else "")

    def name(self, key: str) -> str:
        """Return the key of a parameter in the ``state_dict``: ``conv1.weight``, ``conv3.weights.0``."""
        return self._state_keys[key]

    def _constructors(self) -> dict[str, str]:
        constructors = {
            name: module or _tensors(self._graph, name, self.division(name, "parts"))
            for name, module in self._modules.items()
        }
        return {name: constructor for name, constructor in constructors.items() if constructor is not None}

    def _attribute(self, layer: str) -> str:
        name = self._names[layer]
        return f"self.{name}" if is_plain_identifier(name) else f"getattr(self, {string(name)})"


def _module(graph: Graph, layer: Layer, division: Division) -> str | None:
    """Return ``nn.Conv2d(3, 96, 11, stride=4)`` or the like, if one module holds exactly the layer's parameters."""
    nodes = graph.nodes_of(layer)
    with_tensors = [node for node in nodes if node.params or type(node.op) in MODULES]
    if len(with_tensors) != 1 or type(with_tensors[0].op) not in MODULES:
        return None
    (node,) = with_tensors
    own = tuple(p.key for p in graph.parameters_of(layer.name) if suffix(p) == p.role)
    return MODULES[type(node.op)](node.op, graph.shapes(node)[0], division) if node.params == own else None


def _tensors(graph: Graph, layer: str, division: Division) -> str | None:
    """Return ``Tensors(weights={"0": (8, 3)}, bias=(8,))`` or the like, or ``None`` for a layer without parameters."""
    single: dict[str, str | None] = {}
    by_holder: dict[str, list[str]] = {}
    for parameter in graph.parameters_of(layer):
        holder, _, index = suffix(parameter).partition(".")
        sizes = [division.share(n) if axis == parameter.axis else str(n) for axis, n in enumerate(parameter.shape)]
        shape = f"({', '.join(sizes)}{'' if len(sizes) > 1 else ','})"
        if index:
            by_holder.setdefault(holder, []).append(f"{string(index)}: {shape}")
        else:
            single[holder] = shape
    dicts = {holder: f"{{{', '.join(items)}}}" for holder, items in by_holder.items()}
    return call("Tensors", **dicts, **single) if dicts or single else None

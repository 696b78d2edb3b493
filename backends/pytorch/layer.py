"""A layer of the spec as a module: its operations in order, and the parameters that it owns."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from netspec.formatting import format_sizes
from netspec.ir.graph import Graph, Node
from netspec.ir.graph import Layer as LayerOfFile
from netspec.ir.ops import Loss, name_of
from netspec.passes.fast import Forms
from netspec.passes.torch_names import suffix

from .fast import form_module
from .initial import initial_values
from .ops import buffers, emit
from .ops.counter_rng import RandomLayer
from .ops.losses import CrossEntropyLoss, LossLayer, keep_class_weights

LABELS = ":labels"
"""The name of the class numbers among the values that layers read; layer names contain no colon."""


@dataclass(frozen=True, slots=True)
class Call:
    """One operation of a layer: the child module that computes it, its arguments, and the name of its value.

    Arguments are names of values, or ``layer.key`` for parameters and buffers.
    """

    child: str
    arguments: tuple[str, ...]
    value: str


class Layer(nn.Module):
    """A layer. ``forward`` takes the values named in ``reads`` and returns the layer's value.

    ``reads`` names the layers that it reads, the labels if it is a loss, and the keys of parameters shared from other
    layers (``weights=``). ``forms`` says how optimising passes compute some operations. If one form computes the
    operations of several layers, these layers return other values than the spec describes.
    """

    def __init__(self, graph: Graph, layer: LayerOfFile, seed: int, forms: Forms) -> None:
        super().__init__()
        self.description = describe(graph, layer)
        for parameter in graph.parameters_of(layer.name):
            self._hold(suffix(parameter), nn.Parameter(initial_values(parameter, seed)))
        nodes = graph.nodes_of(layer)
        self.calls = tuple(self._call(graph, node, forms) for node in nodes)
        internal = {node.name for node in nodes} | {f"{layer.name}.{key}" for key in self.state_dict()}
        arguments = (name for call in self.calls for name in call.arguments if name not in internal)
        self.reads = tuple(dict.fromkeys(arguments))

    def forward(self, *values: Tensor) -> Tensor:
        tensors = dict(zip(self.reads, values, strict=True))
        for call in self.calls:
            arguments = (tensors[name] if name in tensors else self._tensor(name) for name in call.arguments)
            tensors[call.value] = getattr(self, call.child)(*arguments)
        return tensors[self.calls[-1].value]

    def extra_repr(self) -> str:
        return self.description

    def _call(self, graph: Graph, node: Node, forms: Forms) -> Call:
        """Add the child module of a node and its buffers, and return how to call it."""
        shapes = graph.shapes(node)
        child = self._child_name(name_of(node.op))
        module = form_module(node, shapes, forms) or emit(node.op, shapes)
        if isinstance(module, RandomLayer):
            module.name = node.name
        if isinstance(module, LossLayer):
            module.label_smoothing = graph.train.label_smoothing
        if isinstance(module, CrossEntropyLoss):
            keep_class_weights(module, graph.train)
        self.add_module(child, module)
        initial_buffers = buffers(node.op, shapes)
        for name, start in initial_buffers.items():
            self.register_buffer(name, start)
        labels = (LABELS,) if isinstance(node.op, Loss) else ()
        own_buffers = (f"{node.layer}.{name}" for name in initial_buffers)
        parameters = node.params[:1] if forms.is_unbiased(node) else node.params
        if node.name in forms.chains and (biased := forms.chains[node.name].biased) is not None:
            parameters = graph.nodes[biased].params[1:]
        return Call(child, (*node.inputs, *labels, *parameters, *own_buffers), node.name)

    def _child_name(self, word: str) -> str:
        """Return ``conv``, ``conv2`` for a second one, or ``bias_`` if a parameter is called ``bias``."""
        name, count = word, 1
        while hasattr(self, name):
            count += 1
            name = f"{word}{count}" if word in self._modules else f"{word}_"
        return name

    def _hold(self, key: str, parameter: nn.Parameter) -> None:
        """Register a parameter under its key in the layer: ``weight``, or ``weights.0``."""
        holder, _, index = key.partition(".")
        if not index:
            self.register_parameter(key, parameter)
            return
        if not hasattr(self, holder):
            self.add_module(holder, nn.ParameterDict())
        getattr(self, holder)[index] = parameter

    def _tensor(self, name: str) -> Tensor:
        """Return one of the layer's own parameters or buffers."""
        _, holder, *index = name.split(".")
        tensor: Tensor = getattr(self, holder)[index[0]] if index else getattr(self, holder)
        return tensor


def describe(graph: Graph, layer: LayerOfFile) -> str:
    """Return ``conv: 3x224x224 -> 96x55x55, weight 96x3x11x11, bias 96`` or the like."""
    inputs = ", ".join(str(graph.layers[name].output) for name in layer.inputs)
    tensors = (f"{suffix(p)} {format_sizes(p.shape)}" for p in graph.parameters_of(layer.name))
    return ", ".join((f"{layer.type}: {inputs} -> {layer.output}", *tensors))

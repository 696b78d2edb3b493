"""The program of torch.export as a graph of ONNX's operators."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor as TorchTensor
from torch import fx, nn
from torch._ops import OpOverload
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind

from netspec.importers.operators.graph.model import (
    COMPUTED,
    Array,
    Inexpressible,
    Model,
    Node,
    Sizes,
    Tensor,
    model_error,
    needed,
)
from netspec.importers.torch_module.origins import module_of, operator_of, place_of
from netspec.source import Source

INPUT = "image"
"""The name of the value with the images, and of the input line."""

Read = Callable[[], Any]
Convert = Callable[["Call"], None]

CHANGED = "it changes in place a part of a value that is read as a whole afterwards, or the other way round"
RANDOM = "it draws random numbers outside training too"


@dataclass(slots=True)
class Building:
    """The graph so far.

    ``names`` has the name of each node's value in the graph, those of several values for a node that returns several.
    ``reads`` has functions that return the values of what is constant, ``parameters`` those of the module by identity,
    so that one with several names is one tensor. ``training``: the graph is that of training mode. ``on_read`` is
    called with the name of a parameter or buffer whenever it is read.
    """

    training: bool
    on_read: Callable[[str], None]
    nodes: list[Node] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    shapes: dict[str, Sizes] = field(default_factory=dict)
    names: dict[fx.Node, str | tuple[str, ...]] = field(default_factory=dict)
    reads: dict[fx.Node, Read] = field(default_factory=dict)
    parameters: dict[int, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of an operator of PyTorch, and the graph that its counterparts are added to.

    ``arguments`` are by the names in the operator's schema, with their defaults.
    """

    node: fx.Node
    building: Building
    arguments: Mapping[str, Any]

    def get(self, name: str, default: Any = None) -> Any:
        """Return an argument; the default if there is none of this name, or if it is None."""
        value = self.arguments.get(name)
        return default if value is None else value

    @property
    def module(self) -> str:
        """The path of the module whose forward calls the operator, ``layer1.0.conv1``."""
        return module_of(self.node)

    @property
    def output(self) -> Sizes:
        """The shape of the value, of the first one if there are several."""
        return _sizes(self.node.meta.get("val"))

    def sizes(self, name: str) -> Sizes:
        """Return the shape of an argument that is a tensor."""
        return _sizes(self.get(name).meta.get("val"))

    def value(self, argument: Any) -> str:
        """Return the name of a tensor, of a number as a constant, or ``""`` for None."""
        if argument is None:
            return ""
        if not isinstance(argument, fx.Node):
            return self.constant(np.float64(argument))
        name = self.building.names[argument]
        if not isinstance(name, str):
            raise Inexpressible("it reads several values at once")
        return name

    def tensor(self, argument: fx.Node) -> Tensor:
        """Return a tensor that is constant. Raises ``Inexpressible`` if it is computed from the images."""
        name = self.building.names.get(argument)
        tensor = self.building.tensors.get(name) if isinstance(name, str) else None
        if tensor is None:
            raise Inexpressible(COMPUTED)
        return tensor

    def constant(self, values: Any) -> str:
        """Add a constant, and return its name."""
        array = np.asarray(values)
        name = f"{self.node.name}:constant{len(self.building.tensors)}"
        self.building.tensors[name] = Tensor(name, array.shape, lambda: array)
        return name

    def view(self, tensor: Tensor, word: str, shape: Sizes, change: Callable[[Array], Array]) -> str:
        """Add a constant in another form, one for all who ask for the same form, and return its name."""
        key = f"{word}:{id(tensor)}"  # several tensors may have the name of one module
        if key not in self.building.tensors:
            self.building.tensors[key] = Tensor(tensor.name, shape, lambda: change(tensor.read()))
        return key

    def emit(self, op: str, *inputs: str, **attributes: Any) -> None:
        """Make the call's value that of one of ONNX's operators; if it returns several, those that are read."""
        name, count = self.node.name, _count(self.node)
        read = {user.args[1] for user in self.node.users if user.target is operator.getitem and user.users}
        others = tuple(f"{name}:{place}" if place in read else "" for place in range(1, count))
        self.add(op, inputs, (name, *others), attributes, self.output)
        self.building.names[self.node] = (name, *others) if count else name

    def inner(self, op: str, *inputs: str, sizes: Sizes, **attributes: Any) -> str:
        """Add an operator before the last one that the call becomes, and return the name of its value."""
        name = f"{self.node.name}:inner{len(self.building.nodes)}"
        self.add(op, inputs, (name,), attributes, sizes)
        return name

    def add(
        self, op: str, inputs: tuple[str, ...], outputs: tuple[str, ...], attributes: Mapping[str, Any], sizes: Sizes
    ) -> None:
        """Add an operator. ``sizes`` is the shape of its first output."""
        node = Node(
            op,
            self.module,
            inputs,
            outputs,
            dict(attributes),
            self.module,
            operator_of(self.node),
            place=place_of(self.node),
        )
        self.building.nodes.append(node)
        self.building.shapes[outputs[0]] = sizes

    def same(self, argument: Any) -> None:
        """Make the call's value that of an argument."""
        self.building.names[self.node] = self.value(argument)


def graph_of(
    program: ExportedProgram,
    module: nn.Module,
    table: Mapping[str, Convert],
    reasons: Mapping[str, str],
    source: Source,
    *,
    training: bool,
    on_read: Callable[[str], None],
) -> Model:
    """Return the program as a graph. ``module`` is the one that was followed, whose parameters it has.

    ``table`` converts operators, by their names in PyTorch. ``reasons`` says why others cannot be expressed.
    ``on_read`` is that of ``Building``.

    Raises ``SpecError`` with ``torch-input`` if the output does not depend on the images.
    """
    building = Building(training, on_read)
    _add_inputs(building, program, module)
    changed = _misread_changes(program.graph)
    for node in program.graph.nodes:
        if node.op == "call_function":
            _convert(building, node, table, CHANGED if node in changed else "", reasons)
    outputs = _outputs(building, program)
    if not outputs:
        raise model_error("torch-input", source, "no output of the module depends on its input")
    return Model(
        nodes=tuple(needed(building.nodes, (*outputs, *(node.name for node in changed)))),
        tensors=building.tensors,
        shapes=building.shapes,
        batch=building.shapes[INPUT][0],
        input=INPUT,
        channels_last=False,
        outputs=outputs,
        opset=_OPSET,
        exact=True,
    )


_OPSET = 23
"""The version of ONNX's operators that these are of: one where softmax is over one axis."""


def _sizes(value: Any) -> Sizes:
    first = value[0] if isinstance(value, (tuple, list)) and value else value
    return tuple(int(size) for size in first.shape) if isinstance(first, TorchTensor) else ()


def _add_inputs(building: Building, program: ExportedProgram, module: nn.Module) -> None:
    tensors = dict(module.named_parameters(remove_duplicate=False)) | dict(module.named_buffers(remove_duplicate=False))
    nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    for spec in program.graph_signature.input_specs:
        node, kind = nodes[spec.arg.name], spec.kind
        if kind == InputKind.USER_INPUT:
            building.names[node] = INPUT
            building.shapes[INPUT] = _sizes(node.meta.get("val"))
            continue
        value = tensors[spec.target] if spec.target in tensors else program.constants[spec.target]
        _add_tensor(building, node, spec.target, value)


def _add_tensor(building: Building, node: fx.Node, name: str, value: TorchTensor) -> None:
    def read() -> TorchTensor:
        building.on_read(tensor.name)
        return value

    new = Tensor(name, tuple(value.shape), lambda: _array(read()))
    tensor = building.parameters.setdefault(id(value), new)
    building.reads[node] = read
    building.names[node] = f"p:{name}"
    building.tensors[f"p:{name}"] = tensor


def _array(value: TorchTensor) -> Array:
    """Return a tensor's values, in float64 if they are, else in float32."""
    dtype = torch.float64 if value.dtype == torch.float64 else torch.float32
    array: Array = value.detach().to("cpu", dtype).numpy()
    return array


def _convert(
    building: Building, node: fx.Node, table: Mapping[str, Convert], changed: str, reasons: Mapping[str, str]
) -> None:
    """Add a call to the graph: evaluated if it is constant, else as ONNX's operators."""
    if node.target is operator.getitem:
        _take(building, node)
        return
    if _is_constant(building, node) and not changed:
        _add_constant(building, node)
        return
    call = Call(node, building, _arguments(node))
    convert, name = table.get(operator_of(node)), operator_of(node)
    reason = changed or reasons.get(name, "")
    if convert is not None and not changed:
        try:
            convert(call)
            return
        except Inexpressible as problem:
            reason = str(problem)
    if not reason and isinstance(node.target, OpOverload) and torch.Tag.nondeterministic_seeded in node.target.tags:
        reason = RANDOM
    inputs = tuple(n for i in node.all_input_nodes for n in _names(building, i))
    outputs = tuple(f"{node.name}:{place}" for place in range(_count(node))) or (node.name,)
    module = module_of(node)
    building.nodes.append(Node(f"torch.{name}", module, inputs, outputs, {}, module, name, reason, place_of(node)))
    building.names[node] = outputs if _count(node) else node.name


def _count(node: fx.Node) -> int:
    """Return how many values a call returns as a tuple or list, 0 if it returns one."""
    value = node.meta.get("val")
    return len(value) if isinstance(value, (tuple, list)) else 0


def _names(building: Building, node: fx.Node) -> tuple[str, ...]:
    name = building.names.get(node, ())
    return (name,) if isinstance(name, str) else name


def _take(building: Building, node: fx.Node) -> None:
    """One of the values of a call that returns several."""
    several, place = node.args
    assert isinstance(several, fx.Node) and isinstance(place, int)
    if several in building.reads:
        read = building.reads[several]
        _add_computed(building, node, lambda: read()[place])
        return
    name = building.names[several][place]
    building.names[node] = name
    building.shapes.setdefault(name, _sizes(node.meta.get("val")))


def _is_constant(building: Building, node: fx.Node) -> bool:
    """Whether a call depends on parameters and numbers alone."""
    target = node.target
    if not isinstance(target, OpOverload) or torch.Tag.nondeterministic_seeded in target.tags:
        return False
    return all(i in building.reads for i in node.all_input_nodes)


def _add_constant(building: Building, node: fx.Node) -> None:
    """A call of constants is computed when its value is needed; what it changes in place is a copy."""
    target, reads = node.target, building.reads
    assert isinstance(target, OpOverload)
    copies = target._schema.is_mutable

    def value(argument: fx.Node) -> Any:
        result = reads[argument]()
        return result.clone() if copies and isinstance(result, TorchTensor) else result

    def read() -> Any:
        with torch.no_grad():
            return target(*fx.node.map_arg(node.args, value), **fx.node.map_arg(node.kwargs, value))

    _add_computed(building, node, read)


def _add_computed(building: Building, node: fx.Node, read: Read) -> None:
    building.reads[node] = read
    building.names[node] = f"c:{node.name}"
    module = module_of(node)
    name = f"{module}.weight" if module else ""
    building.tensors[f"c:{node.name}"] = Tensor(name, _sizes(node.meta.get("val")), lambda: _array(read()))


def _arguments(node: fx.Node) -> Mapping[str, Any]:
    """Return the arguments of a call by the names in the operator's schema, with the defaults of others."""
    target = node.target
    if not isinstance(target, OpOverload):
        return {}
    schema = target._schema.arguments
    given = dict(zip((argument.name for argument in schema), node.args, strict=False)) | dict(node.kwargs)
    return {a.name: given.get(a.name, a.default_value) for a in schema}


def _outputs(building: Building, program: ExportedProgram) -> tuple[str, ...]:
    """Return the names of the outputs that depend on the images, each once."""
    (results,) = next(node.args for node in program.graph.nodes if node.op == "output")
    names: list[str] = []
    for spec, result in zip(program.graph_signature.output_specs, results, strict=True):
        if spec.kind == OutputKind.USER_OUTPUT and isinstance(result, fx.Node) and result not in building.reads:
            names += _names(building, result)
    return tuple(dict.fromkeys(names))


def _misread_changes(graph: fx.Graph) -> set[fx.Node]:
    """Return the calls that change a value in place of which another call reads a part or the whole later on.

    A call that changes its argument returns it, and later calls read what it returned. Parts, and the whole that a part
    is of, change too, and reading those is what a graph of values does not show.
    """
    roots: dict[fx.Node, fx.Node] = {}
    changes: dict[fx.Node, dict[fx.Node, set[fx.Node]]] = {}  # by root: for each change, the values that show it
    found: set[fx.Node] = set()
    for node in graph.nodes:
        for read in node.all_input_nodes:
            found |= {change for change, values in changes.get(roots[read], {}).items() if read not in values}
        source = _shared(node)
        root = roots[node] = node if source is None else roots[source]
        for values in changes.get(root, {}).values():
            if source in values:
                values.add(node)
        if source is not None and isinstance(node.target, OpOverload) and node.target._schema.is_mutable:
            changes.setdefault(root, {})[node] = {node}
    return found


def _shared(node: fx.Node) -> fx.Node | None:
    """Return the argument of a call whose memory its value may share."""
    target = node.target
    if target is operator.getitem:
        return node.all_input_nodes[0]
    if not isinstance(target, OpOverload) or not node.all_input_nodes:
        return None
    returned = any(result.alias_info is not None for result in target._schema.returns)
    return node.all_input_nodes[0] if returned or "dropout" in target._schema.name else None

"""The program of torch.export as a graph of ONNX's operators."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor as TorchTensor
from torch import fx, nn
from torch._ops import OpOverload
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind
from torch.utils import _pytree as pytree

from netspec.diagnostics.model import source_error
from netspec.importers.operators.graph.constants import for_all_images
from netspec.importers.operators.graph.model import Array, Model, Node, Tensor, needed
from netspec.importers.spec.problem import Inexpressible
from netspec.importers.torch_module.aten.table import REASONS, TABLE
from netspec.importers.torch_module.calls import RANDOM, Building, Call, Read, count_of, sizes_of
from netspec.importers.torch_module.in_place import CHANGED, misread_changes
from netspec.importers.torch_module.origins import module_of, operator_of, place_of
from netspec.source import Source

INPUT = "image"
"""The name of the value with the images, and of the input line."""


def graph_of(
    program: ExportedProgram,
    module: nn.Module,
    source: Source,
    *,
    training: bool,
    on_read: Callable[[str], None],
) -> Model:
    """Return the program as a graph. ``module`` is the one that was followed, whose parameters it has.

    ``on_read`` is that of ``Building``.

    Raises ``SpecError`` with ``torch-input`` if the output does not depend on the images.
    """
    building = Building(training, on_read)
    _add_inputs(building, program, module)
    changed = misread_changes(program.graph)
    for node in program.graph.nodes:
        if node.op == "call_function":
            _convert(building, node, CHANGED if node in changed else "")
    outputs, titles = _outputs(building, program)
    if not outputs:
        raise source_error("torch-input", source, "no output of the module depends on its input")
    model = Model(
        nodes=tuple(needed(building.nodes, (*outputs, *(node.name for node in changed)))),
        tensors=building.tensors,
        shapes=building.shapes,
        batch=building.shapes[INPUT][0],
        input=INPUT,
        channels_last=False,
        outputs=outputs,
        opset=_OPSET,
        exact=True,
        titles=titles,
    )
    return for_all_images(model)


_OPSET = 23
"""The version of ONNX's operators that these are of: one where softmax is over one axis."""


def _add_inputs(building: Building, program: ExportedProgram, module: nn.Module) -> None:
    tensors = dict(module.named_parameters(remove_duplicate=False)) | dict(module.named_buffers(remove_duplicate=False))
    nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    for spec in program.graph_signature.input_specs:
        node, kind = nodes[spec.arg.name], spec.kind
        if kind == InputKind.USER_INPUT:
            building.names[node] = INPUT
            building.shapes[INPUT] = sizes_of(node.meta.get("val"))
            continue
        value = tensors[spec.target] if spec.target in tensors else program.constants[spec.target]
        if isinstance(value, TorchTensor):  # or a generator of random numbers
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


def _convert(building: Building, node: fx.Node, changed: str) -> None:
    """Add a call to the graph: evaluated if it is constant, else as ONNX's operators."""
    if node.target is operator.getitem:
        _take(building, node)
        return
    if _is_constant(building, node) and not changed:
        _add_constant(building, node)
        return
    call, name = Call(node, building, _arguments(node)), operator_of(node)
    convert, reason = TABLE.get(name), changed or REASONS.get(name, "")
    if convert is not None and not changed:
        try:
            convert(call)
            return
        except Inexpressible as problem:
            reason = str(problem)
    if not reason and isinstance(node.target, OpOverload) and torch.Tag.nondeterministic_seeded in node.target.tags:
        reason = RANDOM
    inputs = tuple(n for i in node.all_input_nodes for n in _names(building, i))
    outputs = tuple(f"{node.name}:{place}" for place in range(count_of(node))) or (node.name,)
    module = module_of(node)
    building.nodes.append(Node(f"torch.{name}", module, inputs, outputs, {}, module, name, reason, place_of(node)))
    building.names[node] = outputs if count_of(node) else node.name


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
    building.shapes.setdefault(name, sizes_of(node.meta.get("val")))


_FILLED = frozenset({"new_zeros", "new_ones", "new_full", "ones_like", "full_like"})
"""Operators that return a number as often as they are told, or as what they read has numbers."""


def _is_constant(building: Building, node: fx.Node) -> bool:
    """Whether a call depends on parameters and numbers alone, or only on the size of what it reads."""
    target = node.target
    if not isinstance(target, OpOverload) or torch.Tag.nondeterministic_seeded in target.tags:
        return False
    return operator_of(node) in _FILLED or all(i in building.reads for i in node.all_input_nodes)


def _add_constant(building: Building, node: fx.Node) -> None:
    """A call of constants is computed when its value is needed; what it changes in place is a copy."""
    target, reads = node.target, building.reads
    assert isinstance(target, OpOverload)
    copies = target._schema.is_mutable

    def value(argument: fx.Node) -> Any:
        result = reads[argument]() if argument in reads else _zeros(argument)
        return result.clone() if copies and isinstance(result, TorchTensor) else result

    def read() -> Any:
        with torch.no_grad():
            return target(*fx.node.map_arg(node.args, value), **fx.node.map_arg(node.kwargs, value))

    _add_computed(building, node, read)


def _zeros(argument: fx.Node) -> TorchTensor:
    """Return a value of a computed one's shape and type."""
    value = argument.meta["val"]
    return torch.zeros(sizes_of(value), dtype=value.dtype)


def _add_computed(building: Building, node: fx.Node, read: Read) -> None:
    building.reads[node] = read
    building.names[node] = f"c:{node.name}"
    module = module_of(node)
    name = f"{module}.weight" if module else ""
    building.tensors[f"c:{node.name}"] = Tensor(name, sizes_of(node.meta.get("val")), lambda: _array(read()))


def _arguments(node: fx.Node) -> Mapping[str, Any]:
    """Return the arguments of a call by the names in the operator's schema, with the defaults of others."""
    target = node.target
    if not isinstance(target, OpOverload):
        return {}
    schema = target._schema.arguments
    given = dict(zip((argument.name for argument in schema), node.args, strict=False)) | dict(node.kwargs)
    return {a.name: given.get(a.name, a.default_value) for a in schema}


def _outputs(building: Building, program: ExportedProgram) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the names of the outputs that depend on the images, each once, and the keys of those in a dictionary."""
    (results,) = next(node.args for node in program.graph.nodes if node.op == "output")
    specs = zip(program.graph_signature.output_specs, results, strict=True)
    returned = [result for spec, result in specs if spec.kind == OutputKind.USER_OUTPUT]
    names: list[str] = []
    titles: dict[str, str] = {}
    for key, result in zip(_keys(program, len(returned)), returned, strict=True):
        if isinstance(result, fx.Node) and result not in building.reads:
            of_result = _names(building, result)
            names += of_result
            titles |= {name: key for name in of_result if key and name not in titles}
    return tuple(dict.fromkeys(names)), titles


def _keys(program: ExportedProgram, count: int) -> list[str]:
    """Return the key of each output, as ``out``, if the module returns a dictionary of them; else empty texts."""
    structure = program.call_spec.out_spec
    returned = pytree.tree_unflatten(range(count), structure) if structure is not None else None
    items = returned.items() if isinstance(returned, dict) else ()
    keys = {place: key for key, place in items if isinstance(key, str) and isinstance(place, int)}
    return [keys.get(place, "") for place in range(count)]

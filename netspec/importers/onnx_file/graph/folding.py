"""Evaluate what is constant in a graph, and infer the shape of everything else.

Exporters write the sizes of a flattening as operators: Shape, Gather, Concat, Reshape. With a number for the batch,
these are constants. One pass over the nodes suffices: for each, ONNX's shape inference gets the shapes of its inputs
and the values of those that are constant.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from netspec.diagnostics.model import source_error
from netspec.formatting import format_sizes
from netspec.importers.onnx_file.graph.branches import branch_of
from netspec.importers.onnx_file.graph.inference import (
    Walk,
    called,
    check_node,
    evaluated,
    inferred_types,
    operator_of,
    opset_of,
    tensor_type,
    type_of,
)
from netspec.importers.onnx_file.graph.inputs import Images, images_of
from netspec.importers.onnx_file.graph.reading import OWN_DOMAINS, reader
from netspec.importers.operators.graph.constants import for_all_images
from netspec.importers.operators.graph.model import BATCH, REAL_TYPES, Array, Model, Node, Sizes, Tensor, needed
from netspec.ir.shape import Shape
from netspec.source import Source

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TypeProto

MAX_FOLDED = 2**27
"""The most values that a constant computed from others may have."""

_UNKNOWN = 0
"""ONNX's type of a value whose type is not known."""

_HALF = 10
"""ONNX's type float16."""

_SCOPES = "pkg.torch.onnx.name_scopes"

_NOT_EVALUATED = frozenset({
    "RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial", "Dropout",
    "If", "Loop", "Scan", "SequenceMap", "SequenceEmpty", "Optional",
})  # fmt: skip
"""Operators that draw random numbers or have graphs of their own."""


def fold(model: ModelProto, given: Shape | None, source: Source) -> Model:
    """Return the graph of a model without its constant parts. ``given`` is the shape of ``--input``.

    Raises
    ------
    SpecError
        ``onnx-input`` (see ``images_of``), ``onnx-shapes``: the shapes of the operators do not fit together,
        ``not-onnx``: the graph is not valid, ``onnx-weights``: a constant that is needed cannot be read.
    """
    graph = model.graph
    images = images_of(model, given, source)
    walk = Walk(model, source)
    _add_initializers(walk, graph)
    element = next(value.type.tensor_type.elem_type for value in graph.input if value.name == images.name)
    walk.types[images.name] = tensor_type(element, images.shape)
    walk.shapes[images.name] = images.shape
    walk.computed.add(images.name)
    for number, node in enumerate(graph.node):
        _step(walk, node, number)
    return for_all_images(_model(walk, images, _outputs(walk, images)))


def _add_initializers(walk: Walk, graph: GraphProto) -> None:
    for proto in graph.initializer:
        walk.tensors[proto.name] = Tensor(proto.name, tuple(proto.dims), reader(proto, walk.source))
        walk.types[proto.name] = tensor_type(proto.data_type, proto.dims)


def _outputs(walk: Walk, images: Images) -> tuple[str, ...]:
    """Return the outputs that are not constant. Raises ``SpecError`` if there is none, or if one is not computed."""
    outputs = [walk.alias.get(value.name, value.name) for value in walk.model.graph.output]
    constant = [name for name in outputs if name not in walk.computed and name in walk.tensors]
    kept = [name for name in outputs if name not in constant]
    if missing := [name for name in kept if name not in walk.computed and name != images.name]:
        raise source_error("not-onnx", walk.source, f"no operator of the model computes its output {missing[0]}")
    if not kept:
        raise source_error("not-onnx", walk.source, "no output of the model depends on its input")
    return tuple(dict.fromkeys(kept))


def _model(walk: Walk, images: Images, outputs: tuple[str, ...]) -> Model:
    model = walk.model
    return Model(
        nodes=tuple(needed(walk.nodes, outputs)),
        tensors=walk.tensors,
        shapes=walk.shapes,
        batch=images.shape[0],
        input=images.name,
        channels_last=images.channels_last,
        order_is_guess=images.is_guess,
        outputs=outputs,
        half=any(tensor.data_type == _HALF for tensor in model.graph.initializer),
        opset=opset_of(model),
        counts=frozenset(name for name in walk.counts if walk.types[name].tensor_type.elem_type in REAL_TYPES),
        whole=frozenset(name for name in walk.computed if _is_whole(walk.types.get(name))),
        producer=" ".join(filter(None, (model.producer_name, model.producer_version))),
        about={entry.key: entry.value for entry in model.metadata_props},
    )


def _is_whole(value_type: TypeProto | None) -> bool:
    return value_type is not None and value_type.tensor_type.elem_type not in (_UNKNOWN, *REAL_TYPES)


def _step(walk: Walk, proto: NodeProto, number: int) -> None:
    """Evaluate a node if it is constant, else infer the shapes of its outputs and keep it."""
    _check(walk, proto, number)
    proto = _as_cast(walk, proto)
    if proto.op_type == "If" and proto.input[0] in walk.tensors:
        _take_branch(walk, proto, number)
    elif proto.op_type == "Identity" and proto.input[0] not in walk.tensors:
        _copy(walk, proto.input[0], proto.output[0])
    elif (constant := _constant(walk, proto, number)) is not None:
        if _counts_images(walk, proto):
            walk.counts.update(filter(None, proto.output))
            if proto.op_type == "Shape" or (proto.op_type in ("Cast", "Slice") and proto.input[0] in walk.leading):
                walk.leading.update(proto.output)
        for name, values in constant.items():
            walk.tensors[name] = Tensor(name, values.shape, _returning(values))
            walk.types[name] = type_of(values)
    else:
        _keep(walk, proto, number)


def _as_cast(walk: Walk, proto: NodeProto) -> NodeProto:
    """Return a CastLike as a Cast to the type that it is like."""
    from onnx import helper

    if proto.op_type != "CastLike" or proto.domain not in OWN_DOMAINS or proto.input[1] not in walk.types:
        return proto
    element = walk.types[proto.input[1]].tensor_type.elem_type
    cast = helper.make_node("Cast", proto.input[:1], proto.output, proto.name, to=element)
    cast.metadata_props.extend(proto.metadata_props)
    return cast


def _check(walk: Walk, proto: NodeProto, number: int) -> None:
    """Check a node by itself, that what it reads was computed before it, and that nothing has computed its outputs."""
    if unknown := [name for name in proto.input if name and name not in walk.types and name not in walk.computed]:
        message = f"{called(proto, number)} reads {unknown[0]}, which nothing before it computes"
        raise source_error("not-onnx", walk.source, message)
    check_node(walk, proto, number)
    if again := [name for name in proto.output if name and (name in walk.tensors or name in walk.computed)]:
        message = f"{called(proto, number)} computes {again[0]}, which is there already"
        raise source_error("not-onnx", walk.source, message)


def _keep(walk: Walk, proto: NodeProto, number: int) -> None:
    """Add a node that is not constant, with the types and shapes of its outputs as far as those of its inputs tell."""
    known = all(name in walk.types for name in proto.input if name)
    for name, value_type in (inferred_types(walk, proto, number) if known else {}).items():
        walk.types[name] = value_type
        axes = value_type.tensor_type.shape.dim
        if value_type.HasField("tensor_type") and value_type.tensor_type.HasField("shape"):
            sizes = tuple(axis.dim_value if axis.HasField("dim_value") else -1 for axis in axes)
            if all(size >= 0 for size in sizes):
                walk.shapes[name] = sizes
    if proto.op_type == "Reshape":
        _check_numbers(walk, proto, number)
    attributes = {attribute.name: _attribute(attribute) for attribute in proto.attribute}
    walk.computed.update(proto.output)
    read = tuple(walk.alias.get(name, name) for name in proto.input)
    walk.nodes.append(Node(operator_of(proto), proto.name, read, tuple(proto.output), attributes, _module(proto)))


def _check_numbers(walk: Walk, proto: NodeProto, number: int) -> None:
    """Raise ``SpecError`` if a Reshape returns more or fewer numbers than it reads, which onnx does not check."""
    before, after = (walk.shapes.get(name) for name in (proto.input[0], proto.output[0]))
    if before is not None and after is not None and math.prod(before) != math.prod(after):
        note = f"{format_sizes(before)} cannot become {format_sizes(after)}"
        raise source_error("onnx-shapes", walk.source, f"the shapes at {called(proto, number)} do not fit", (note,))


def _copy(walk: Walk, value: str, name: str) -> None:
    """Let ``name`` be another name of a computed value."""
    walk.alias[name] = walk.alias.get(value, value)
    walk.computed.add(name)
    if value in walk.types:
        walk.types[name] = walk.types[value]
    if value in walk.shapes:
        walk.shapes[name] = walk.shapes[value]


def _take_branch(walk: Walk, proto: NodeProto, number: int) -> None:
    """Put the branch of an If whose condition is constant in its place."""
    condition = bool(walk.tensors[proto.input[0]].read().any())
    branch = branch_of(proto, condition, walk.source)
    _add_initializers(walk, branch)
    for node in branch.node:
        _step(walk, node, number)
    for name, value in zip(proto.output, branch.output, strict=True):
        if value.name in walk.computed:
            _copy(walk, value.name, name)
        elif value.name in walk.tensors:
            walk.tensors[name], walk.types[name] = walk.tensors[value.name], walk.types[value.name]
        else:
            message = f"nothing in the branch of {called(proto, number)} computes its output {name}"
            raise source_error("not-onnx", walk.source, message)


def _module(proto: NodeProto) -> str:
    """Return the module that PyTorch's exporter records for a node, the last but one of its scopes:
    ``['', 'features', 'features.2', 'max_pool2d']``."""
    scopes = next((entry.value for entry in proto.metadata_props if entry.key == _SCOPES), "")
    names = re.findall(r"'([^']*)'", scopes)
    return names[-2] if len(names) > 1 else ""


def _returning(values: Array) -> Any:
    return lambda: values


def _attribute(attribute: Any) -> Any:
    """Return an attribute's value: a number, a text, a list of numbers, or what onnx makes of other kinds."""
    from onnx import helper

    value = helper.get_attribute_value(attribute)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _constant(walk: Walk, proto: NodeProto, number: int) -> Mapping[str, Array] | None:
    """Return the outputs of a node that reads only constants, or the sizes of a value; ``None`` for another node."""
    if proto.domain not in OWN_DOMAINS or proto.op_type in _NOT_EVALUATED:
        return None
    if proto.op_type in ("Shape", "Size") and len(proto.input) == 1 and proto.input[0] in walk.shapes:
        return {proto.output[0]: _sizes(proto, walk.shapes[proto.input[0]])}
    if not all(name in walk.tensors for name in proto.input if name):
        return None
    if proto.op_type == "Identity":
        walk.tensors[proto.output[0]] = walk.tensors[proto.input[0]]
        walk.types[proto.output[0]] = walk.types[proto.input[0]]
        return {}
    types = inferred_types(walk, proto, number) if proto.input else {}
    sizes = [[axis.dim_value for axis in value.tensor_type.shape.dim] for value in types.values()]
    if any(math.prod(axes) > MAX_FOLDED for axes in sizes):
        return None
    return evaluated(walk, proto, number)


def _counts_images(walk: Walk, proto: NodeProto) -> bool:
    """Whether a constant depends on the number of images, which the model leaves open. Only the first size does."""
    first, *others = proto.input or ("",)
    if proto.op_type in ("Shape", "Size"):
        if first not in walk.computed or walk.shapes[first][:1] != (BATCH,):
            return False
        return proto.op_type == "Size" or 0 in _sizes(proto, tuple(range(len(walk.shapes[first]))))
    if proto.op_type in ("Gather", "Slice") and first in walk.leading and others:
        numbers = walk.tensors[others[0]].read()
        return bool(np.any((numbers == 0) | (numbers <= -walk.tensors[first].size)))
    return not walk.counts.isdisjoint(proto.input)


def _sizes(proto: NodeProto, shape: Sizes) -> Array:
    if proto.op_type == "Size":
        return np.array(math.prod(shape), dtype=np.int64)
    ends = {attribute.name: attribute.i for attribute in proto.attribute}
    return np.array(shape[ends.get("start", 0) : ends.get("end", len(shape))], dtype=np.int64)

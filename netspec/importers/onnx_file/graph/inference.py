"""What ONNX itself says about one node: whether it is valid, the types of its outputs, and their values if constant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from netspec.diagnostics import SpecError
from netspec.diagnostics.model import source_error
from netspec.importers.onnx_file.graph.reading import OWN_DOMAINS
from netspec.importers.operators.graph.model import Array, Node, Sizes, Tensor
from netspec.source import Source

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto, TypeProto

MAX_GIVEN = 1024
"""The most values of a constant that shape inference gets to see. Sizes and axes are far fewer."""

_WHOLE = (6, 7)
"""ONNX's types int32 and int64."""

_FLOAT = 1
"""ONNX's type of float32."""


@dataclass
class Walk:
    """The state of the pass over the nodes (``folding``): what is known of each value so far.

    ``alias`` maps the outputs of Identity nodes to what they are copies of. ``counts`` are the constants that depend on
    the number of images, and ``leading`` those of them whose first number alone does.
    """

    model: ModelProto
    source: Source
    tensors: dict[str, Tensor] = field(default_factory=dict)
    types: dict[str, TypeProto] = field(default_factory=dict)
    shapes: dict[str, Sizes] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    computed: set[str] = field(default_factory=set)
    alias: dict[str, str] = field(default_factory=dict)
    counts: set[str] = field(default_factory=set)
    leading: set[str] = field(default_factory=set)


def opset_of(model: ModelProto) -> int:
    """Return the version of ONNX's own operators that a model uses."""
    return int(next(entry.version for entry in model.opset_import if entry.domain in OWN_DOMAINS))


def operator_of(proto: NodeProto) -> str:
    """Return a node's operator, with the domain in front unless it is an operator of ONNX's own."""
    from onnx import defs

    own = proto.domain in OWN_DOMAINS
    return proto.op_type if own and defs.has(proto.op_type) else f"{proto.domain or 'ai.onnx'}.{proto.op_type}"


def check_node(walk: Walk, proto: NodeProto, number: int) -> None:
    """Raise ``SpecError`` with ``not-onnx`` if an operator of ONNX's own lacks inputs, outputs or attributes."""
    from onnx import checker, defs

    if proto.domain not in OWN_DOMAINS or not defs.has(proto.op_type):
        return
    if any(attribute.HasField("g") for attribute in proto.attribute) and proto.input:
        return  # the checker does not know the values that a branch reads from outside
    context = checker.C.CheckerContext()
    context.ir_version = walk.model.ir_version or 8
    context.opset_imports = {"": opset_of(walk.model)}
    try:
        checker.check_node(proto, context)
        _check_parts(proto)
    except (checker.ValidationError, RuntimeError, ValueError) as problem:
        notes = (str(problem).partition("\n")[0],)
        message = f"{called(proto, number)} is not a valid operator"
        raise source_error("not-onnx", walk.source, message, notes) from None


def _check_parts(proto: NodeProto) -> None:
    """Raise ``ValueError`` if a Split says another number of outputs than it has, at which onnx (1.23) aborts."""
    for attribute in proto.attribute:
        if proto.op_type == "Split" and attribute.name == "num_outputs" and attribute.i != len(proto.output):
            raise ValueError(f"num_outputs is {attribute.i}, and it has {len(proto.output)} outputs")


def evaluated(walk: Walk, proto: NodeProto, number: int) -> Mapping[str, Array]:
    """Evaluate a node with onnx's reference evaluator."""
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    values = {name: walk.tensors[name].read() for name in dict.fromkeys(proto.input) if name}
    outputs = [name for name in proto.output if name]
    graph = helper.make_graph(
        [proto],
        "constant",
        [helper.make_value_info(name, walk.types[name]) for name in values],
        [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in outputs],
    )
    model = helper.make_model(graph, opset_imports=walk.model.opset_import, ir_version=walk.model.ir_version or 8)
    try:
        with np.errstate(all="ignore"):
            results = ReferenceEvaluator(model).run(None, values)
    except Exception as problem:  # a wrong constant raises whatever numpy raises for it
        notes = (str(problem).partition("\n")[0],)
        message = f"{called(proto, number)} of constants cannot be computed"
        raise source_error("onnx-shapes", walk.source, message, notes) from None
    return {name: np.asarray(result) for name, result in zip(outputs, results, strict=True)}


def inferred_types(walk: Walk, proto: NodeProto, number: int) -> Mapping[str, TypeProto]:
    """Return the types of a node's outputs, as far as ONNX's shape inference knows the operator."""
    from onnx import defs, shape_inference

    domain = "" if proto.domain == "ai.onnx" else proto.domain
    versions = {("" if e.domain == "ai.onnx" else e.domain): e.version for e in walk.model.opset_import}
    if domain not in versions or not defs.has(proto.op_type, domain):
        return {}
    try:
        schema = defs.get_schema(proto.op_type, versions[domain], domain)
        result: Mapping[str, TypeProto] = shape_inference.infer_node_outputs(
            schema,
            proto,
            {name: walk.types[name] for name in proto.input if name},
            {name: _given(walk.tensors[name]) for name in proto.input if _decides_on_shapes(walk, proto, name)},
            opset_imports=walk.model.opset_import,
            ir_version=walk.model.ir_version or 8,
        )
    except SpecError:  # a constant that cannot be read
        raise
    except Exception as problem:  # InferenceError, SchemaError, and others for attributes of a wrong type
        notes = (_without_prefixes(str(problem)),)
        message = f"the shapes at {called(proto, number)} do not fit"
        raise source_error("onnx-shapes", walk.source, message, notes) from None
    return result


def _without_prefixes(message: str) -> str:
    """Return the first line of a message of shape inference, without the names of its own functions."""
    line = message.partition("\n")[0].strip()
    return line.rpartition("] ")[2] or line


def _decides_on_shapes(walk: Walk, proto: NodeProto, name: str) -> bool:
    """Whether a value is a constant that may be sizes or axes, few whole numbers, or the factors of a resizing."""
    tensor = walk.tensors.get(name)
    kinds = (*_WHOLE, _FLOAT) if proto.op_type in ("Resize", "Upsample") else _WHOLE
    return tensor is not None and tensor.size <= MAX_GIVEN and walk.types[name].tensor_type.elem_type in kinds


def _given(tensor: Tensor) -> TensorProto:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.asarray(tensor.read()), tensor.name)


def type_of(values: Array) -> TypeProto:
    """Return the type of an array."""
    from onnx import helper

    return tensor_type(helper.np_dtype_to_tensor_dtype(values.dtype), values.shape)


def tensor_type(element: int, shape: Iterable[int]) -> TypeProto:
    """Return the type of a tensor with these elements and this shape."""
    from onnx import helper

    return helper.make_tensor_type_proto(element, tuple(shape))


def called(proto: NodeProto, number: int) -> str:
    """Return how a node is named in messages: its operator, and its name or else its number."""
    return f"{proto.op_type} {proto.name}" if proto.name else f"{proto.op_type}, node {number + 1}"

"""Graphs inside operators: the branch of an If whose condition is constant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from netspec.diagnostics.model import source_error
from netspec.source import Source

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto


def branch_of(proto: NodeProto, condition: bool, source: Source) -> GraphProto:
    """Return the branch of an If, with longer names for the values in it: two branches may have values of one name.

    Raises ``SpecError`` with ``not-onnx`` if there is no such branch or if it has another number of outputs.
    """
    word = "then_branch" if condition else "else_branch"
    found = [attribute.g for attribute in proto.attribute if attribute.name == word and attribute.HasField("g")]
    if not found or len(found[0].output) != len(proto.output):
        message = f"the If that computes {', '.join(proto.output)} has no {word} with as many outputs"
        raise source_error("not-onnx", source, message)
    branch: GraphProto = type(found[0])()
    branch.CopyFrom(found[0])
    own = [name for node in branch.node for name in node.output] + [tensor.name for tensor in branch.initializer]
    _rename(branch, {name: f"{name}/{proto.output[0]}" for name in own if name})
    return branch


def _rename(graph: GraphProto, names: Mapping[str, str]) -> None:
    """Give values other names, in the graphs inside it as well."""
    for value in (*graph.initializer, *graph.output):
        value.name = names.get(value.name, value.name)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _rename(attribute.g, names)

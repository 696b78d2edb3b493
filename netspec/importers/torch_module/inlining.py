"""Put the operators of blocks that torch.export keeps apart in the place of these blocks."""

from __future__ import annotations

import operator

from torch import fx
from torch.export import ExportedProgram

_BLOCKS = ("wrap_with_autocast", "wrap_with_set_grad_enabled")
"""Blocks that compute what their operators do, in other types of numbers (torch.autocast) or without gradients."""


def inlined(program: ExportedProgram) -> ExportedProgram:
    """Return a program with the operators of such blocks in its own graph, which is changed."""
    graph = program.graph
    while blocks := [node for node in graph.nodes if getattr(node.target, "__name__", "") in _BLOCKS]:
        for block in blocks:
            _inline(program.graph_module, graph, block)
    return program


def _inline(owner: fx.GraphModule, graph: fx.Graph, block: fx.Node) -> None:
    place = next(index for index, argument in enumerate(block.args) if _is_attribute(argument))
    attribute, values = block.args[place], iter(block.args[place + 1 :])
    assert isinstance(attribute, fx.Node)
    inner = owner.get_submodule(str(attribute.target))
    assert isinstance(inner, fx.GraphModule)
    copies: dict[fx.Node, fx.Node] = {}
    results: tuple[fx.node.Argument, ...] = ()
    with graph.inserting_before(block):
        for node in inner.graph.nodes:
            if node.op == "placeholder":
                value = next(values)
                assert isinstance(value, fx.Node)
                copies[node] = value
            elif node.op == "output":
                results = tuple(fx.node.map_arg(node.args[0], copies.__getitem__))
            elif node.op == "get_attr":  # a block inside this one
                owner.add_submodule(f"{attribute.target}_{node.target}", inner.get_submodule(str(node.target)))
                copies[node] = graph.get_attr(f"{attribute.target}_{node.target}")
            else:
                copies[node] = graph.node_copy(node, copies.__getitem__)
    for user in [*block.users]:
        assert user.target is operator.getitem and isinstance(user.args[1], int)
        result = results[user.args[1]]
        assert isinstance(result, fx.Node)
        user.replace_all_uses_with(result)
        graph.erase_node(user)
    graph.erase_node(block)


def _is_attribute(argument: fx.node.Argument) -> bool:
    return isinstance(argument, fx.Node) and argument.op == "get_attr"

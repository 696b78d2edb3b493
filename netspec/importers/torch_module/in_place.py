"""Calls that change values in place, where a graph of values does not show it."""

from __future__ import annotations

import operator

from torch import fx
from torch._ops import OpOverload

CHANGED = "it changes in place a part of a value that is read as a whole afterwards, or the other way round"


def misread_changes(graph: fx.Graph) -> set[fx.Node]:
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

"""Traps of normalisations that subtract a mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netspec.check.facts import LayerFacts
from netspec.check.traps.warning import warning
from netspec.diagnostics import Diagnostic
from netspec.formatting import format_count
from netspec.ir.graph import Graph
from netspec.ir.ops import GroupNorm, word_of


def normalises_single_numbers(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Warn about a layer or group normalisation in which each number is its own mean."""
    for node in graph.nodes.values():
        if isinstance(node.op, GroupNorm) and node.op.normalised_together(x := node.output) == 1:
            result = "its biases" if node.op.affine else "0"
            message = f"{node.layer} gives {result}, whatever it reads: it normalises each number by itself"
            groups = f" in {format_count(node.op.groups)} groups" if node.op.groups > 1 else ""
            notes = [f"{word_of(node.op)} of {x}{groups}: each number is the mean of one number, and minus itself 0"]
            yield warning("no-effect", message, node, facts, ("groups",), notes)

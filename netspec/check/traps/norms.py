"""Traps of normalisations: over single numbers, and over maps of different filter groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netspec.check.facts import LayerFacts
from netspec.check.traps.warning import warning
from netspec.diagnostics import Diagnostic
from netspec.formatting import format_count
from netspec.ir import ops
from netspec.ir.graph import Graph, Node

_CONVOLUTIONS = (ops.Conv, ops.Deconv, ops.Local)
_REARRANGE = ops.Shuffle | ops.Slice | ops.PixelShuffle | ops.PixelUnshuffle | ops.ChannelMax | ops.ChannelMean


def normalises_single_numbers(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Warn about a layer or group normalisation in which each number is its own mean."""
    for node in graph.nodes.values():
        if isinstance(node.op, ops.GroupNorm) and node.op.normalised_together(x := node.output) == 1:
            result = "its biases" if node.op.affine else "0"
            message = f"{node.layer} gives {result}, whatever it reads: it normalises each number by itself"
            groups = f" in {format_count(node.op.groups)} groups" if node.op.groups > 1 else ""
            notes = [
                f"{ops.word_of(node.op)} of {x}{groups}: each number is the mean of one number, and minus itself 0"
            ]
            yield warning("no-effect", message, node, facts, ("groups",), notes)


def lrn_across_groups(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Warn about a normalisation window over the maps of two filter groups that read different maps."""
    norms = [node for node in graph.nodes.values() if isinstance(node.op, ops.Lrn)]
    makers = _makers(graph) if norms else {}
    for node in norms:
        maker = makers[node.name]
        if maker is None or not isinstance(maker.op, _CONVOLUTIONS) or not isinstance(node.op, ops.Lrn):
            continue
        groups = graph.groups if maker.placement.split else maker.op.groups
        if node.op.groups == 1 and groups > 1:
            channels = node.output.channels // groups
            message = f"{node.layer}'s window crosses the {groups} groups of {maker.layer}"
            notes = [
                f"maps {channels - 1} and {channels} are neighbours only by their numbers; on two GPUs, each GPU "
                "normalised over its own maps"
            ]
            yield warning("lrn-across-groups", message, node, facts, ("reads", "size"), notes)


def _makers(graph: Graph) -> dict[str, Node | None]:
    """Map each value to the convolution that made its channels, if in between are only operations with one input that
    leave all channels in their places."""
    makers: dict[str, Node | None] = {}
    for node in graph.nodes.values():
        if isinstance(node.op, _CONVOLUTIONS):
            makers[node.name] = node
        else:
            keeps = len(node.inputs) == 1 and not isinstance(node.op, _REARRANGE)
            makers[node.name] = makers[node.inputs[0]] if keeps else None
    return makers
